"""From what pydantic found to one line: file, line, path, what is right, the nearest known key."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError

from bot.config.document import Document, KeyPath
from bot.config.kinds import HINT
from bot.config.sections import RuleSection, Section, section_at
from bot.config.texts import dotted, either, meant, quoted, shown, under
from bot.errors import ConfigError

_SECRETIVE: Final = frozenset({"sources", "heartbeat"})
"""Where a value that is in the wrong place may hold a password."""

_SHOULD_BE: Final = {
    "bool_type": "true or false",
    "string_type": "text",
    "string_unicode": "text",
    "list_type": "a list",
    "dict_type": "a mapping of keys",
    "model_type": "a mapping of keys",
}


def explain(error: ValidationError, document: Document) -> ConfigError:
    """The problem that stands first in the file."""
    details = error.errors(include_input=False, include_url=False)
    problems = [_problem(detail["type"], detail, document) for detail in details]
    path, text = min(problems, key=lambda problem: line_of(problem[0], document))
    return about(path, text, document)


def about(path: KeyPath, text: str, document: Document) -> ConfigError:
    """The error about what stands at `path`."""
    place = document.place(path)
    return place.problem(text) if place else ConfigError(text)


def unknown_key(path: KeyPath, section: type[Section]) -> str:
    """The sentence about a key that the section at `path` does not have."""
    *above, key = path
    where = section.keys(above[-1] if above else "")
    if section is RuleSection and key in section.keys("") and key not in where:
        return f'{dotted(above)}: this rule has no "{key}". It takes {_and(where)}.'
    return f"unknown key {quoted(str(key))}{under(above)}.{meant(str(key), where)}"


def line_of(path: KeyPath, document: Document) -> int:
    """Where `path` stands, to find the problem that stands first."""
    place = document.place(path)
    return place.line if place else 0


def _problem(kind: str, detail: Mapping[str, Any], document: Document) -> tuple[KeyPath, str]:
    path: KeyPath = detail["loc"]
    if path[-1:] == ("[key]",):
        return path[:-1], _at(path[:-2], detail["msg"])
    if kind == "extra_forbidden":
        return path, unknown_key(path, section_at(path[:-1]) or Section)
    if kind == HINT:
        return path, _at(path, detail["msg"])
    value = _value(path, document)
    text = f"should be {_right(kind, detail.get('ctx', {}))}"
    if not _SECRETIVE.intersection(path[:1]):
        text += f", not {shown(value)}"
    return path, _at(path, f"{text}.")


def _right(kind: str, context: Mapping[str, Any]) -> str:
    if kind == "literal_error":
        return either(re.findall(r"[\w-]+", str(context["expected"]).replace(" or ", " ")))
    return _SHOULD_BE.get(kind) or "a whole number, 0 or more"


def _value(path: KeyPath, document: Document) -> Any:
    value = document.data
    for step in path:
        value = value[step]
    return value


def _at(path: KeyPath, text: str) -> str:
    return f"{dotted(path)}: {text}" if path else f"the file {text}"


def _and(words: tuple[str, ...]) -> str:
    return " and ".join((", ".join(words[:-1]), words[-1]))
