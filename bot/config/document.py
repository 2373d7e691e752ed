"""A YAML file as plain data that remembers on which line each value stands.

The meaning is that of `yaml.safe_load`, with four differences that suit a file written by hand: a
key given twice is refused; a key is always text; a plain date, and a number with a colon, is text;
and `channel: #name`, whose value YAML drops as a comment, is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import yaml

from bot.config.texts import dotted, quoted, said, under
from bot.errors import ConfigError

KeyPath: TypeAlias = tuple[str | int, ...]
"""Where a value stands: keys, and positions in lists."""

_TAG: Final = "tag:yaml.org,2002:"
_DEEPEST: Final = 20
_MOST_VALUES: Final = 200_000
_KINDS: Final = {"null": "null", "bool": "yes or no", "int": "number", "float": "number"}
_TAGGED: Final = 'tags ("!") have no use here; text that begins with "!" needs quotes.'
_NAMES: Final = frozenset({"channel"})
"""Keys whose values may begin with `#`, which YAML takes for a comment unless it is quoted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A line of a file, counted from 1."""

    file: str
    line: int

    def problem(self, text: str) -> ConfigError:
        """The error about this place, on one line."""
        return ConfigError(f"{said(self.file)}:{self.line}: {text}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What a file says, and where."""

    data: Any
    places: Mapping[KeyPath, Place] = field(default_factory=lambda: MappingProxyType({}))

    def place(self, path: KeyPath) -> Place | None:
        """Where `path` stands, or what is nearest above it."""
        for length in range(len(path), -1, -1):
            if path[:length] in self.places:
                return self.places[path[:length]]
        return None

    def over(self, base: Document) -> Document:
        """This laid over `base`: key by key where both have keys, else this one's value.

        A key with nothing after it says nothing.
        """
        return Document(data=laid_over(base.data, self.data), places={**base.places, **self.places})


def laid_over(base: Any, top: Any) -> Any:
    """`top` over `base`, key by key where both are mappings; a `top` of None says nothing."""
    if top is None:
        return base
    if not (isinstance(base, dict) and isinstance(top, dict)):
        return top
    return {
        **base,
        **{key: laid_over(base[key], top[key]) if key in base else top[key] for key in top},
    }


def read_document(path: Path) -> Document:
    """Read a file; an empty one says nothing.

    Raises:
        ConfigError: it cannot be read or is not YAML; one line, with its number if there is one.
    """
    try:
        content = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "that is not a path"
        raise ConfigError(f"{said(str(path))} cannot be read: {reason}.") from None
    try:
        return parse_document(content.decode("utf-8-sig"), file=str(path))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
    # Raised out here, so that the error that holds all of the file is not in its context.
    raise Place(file=str(path), line=line).problem("the file is not UTF-8 text.")


def parse_document(text: str, *, file: str) -> Document:
    """Read the text of a file.

    Raises:
        ConfigError: it is not YAML; one line, with the line number.
    """
    if text.lstrip()[:1] in ("{", "["):
        # JSON may be indented with tabs, which YAML does not allow.
        text = re.sub(r"^[ \t]+", lambda blank: blank[0].expandtabs(), text, flags=re.MULTILINE)
    problem: ConfigError
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        return _Reader(file=file, loader=loader, lines=text.splitlines()).read(node)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        problem = Place(file=file, line=line).problem("a character that YAML does not allow.")
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        problem = Place(file=file, line=line).problem(f"not valid YAML: {_reason(error)}.")
    except RecursionError:
        problem = Place(file=file, line=1).problem("the file is nested too deeply.")
    raise problem


def _reason(error: yaml.MarkedYAMLError) -> str:
    """The parser's complaint, in one phrase."""
    problem = error.problem or error.context or "it cannot be understood"
    if r"'\t'" in problem:
        return "a tab where only spaces are allowed"
    if "undefined alias" in problem:
        return 'text that begins with "*" needs quotes'
    if problem.startswith("but found"):
        return said(f"{error.context}, {problem}")
    return said(problem)


class _Reader:
    """Turns the nodes of one file into plain data."""

    def __init__(self, *, file: str, loader: yaml.SafeLoader, lines: list[str]) -> None:
        self._file = file
        self._loader = loader
        self._lines = lines
        self._places: dict[KeyPath, Place] = {}
        self._values = 0

    def read(self, root: yaml.Node | None) -> Document:
        """All of it; nothing at all is an empty mapping."""
        self._places[()] = Place(file=self._file, line=1)
        data = self._value(root, ()) if root is not None else None
        return Document(data={} if data is None else data, places=self._places)

    def _value(self, node: yaml.Node, path: KeyPath) -> Any:
        self._values += 1
        if len(path) > _DEEPEST or self._values > _MOST_VALUES:
            raise self._at(node).problem(
                "the file is nested too deeply or repeats itself too often."
            )
        if isinstance(node, yaml.MappingNode) and node.tag == f"{_TAG}map":
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode) and node.tag == f"{_TAG}seq":
            return [self._item(child, (*path, i)) for i, child in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        raise self._at(node).problem(_TAGGED)

    def _item(self, node: yaml.Node, path: KeyPath) -> Any:
        self._places[path] = self._at(node)
        return self._value(node, path)

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if key_node.tag == f"{_TAG}merge":
                merged = {**self._merged(value_node, path), **merged}
        own: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if key_node.tag == f"{_TAG}merge":
                continue
            key, place = self._key(key_node), self._at(key_node)
            if key in own:
                first = self._places[(*path, key)].line
                raise place.problem(
                    f"{quoted(key)} is given twice{under(path)} (first on line {first})."
                )
            self._refuse_comment((*path, key), key_node, value_node)
            self._places[(*path, key)] = place
            own[key] = self._value(value_node, (*path, key))
        return {**merged, **own}

    def _merged(self, node: yaml.Node, path: KeyPath) -> dict[str, Any]:
        """What `<<` brings: the earlier mapping wins, and what is written out wins over both."""
        nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
        merged: dict[str, Any] = {}
        for child in nodes:
            value = self._value(child, path)
            if not isinstance(value, dict):
                raise self._at(node).problem('"<<" takes mappings only.')
            merged = {**value, **merged}
        return merged

    def _key(self, node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode):
            raise self._at(node).problem("a key should be plain text.")
        return _whole(node.value)

    def _refuse_comment(self, path: KeyPath, key_node: yaml.Node, value_node: yaml.Node) -> None:
        """Refuse `channel: #incidents`, which says nothing and was meant to say much."""
        if path[-1] not in _NAMES or value_node.value != "":
            return
        end = key_node.end_mark
        name = re.fullmatch(r"\s*:\s+(#\S+)\s*", self._lines[end.line][end.column :])
        if name:
            raise self._at(key_node).problem(
                f"{dotted(path)}: {quoted(name[1])} needs the quotes; "
                "without them YAML takes it for a comment."
            )

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        kind = node.tag.removeprefix(_TAG)
        if kind in ("int", "float") and ":" in node.value:
            return node.value  # 1:30 is no number to anyone but YAML 1.1
        if kind in ("str", "timestamp", "value"):
            return _whole(node.value)
        if kind not in _KINDS:
            raise self._at(node).problem(_TAGGED)
        try:
            return self._loader.construct_object(node)
        except (ArithmeticError, LookupError, ValueError):
            problem = self._at(node).problem(f"{quoted(node.value)} is not a {_KINDS[kind]}.")
        raise problem

    def _at(self, node: yaml.Node) -> Place:
        return Place(file=self._file, line=node.start_mark.line + 1)


def _whole(text: str) -> str:
    """JSON may write a character beyond U+FFFF as two escapes; they are one."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
