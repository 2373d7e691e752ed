"""The words after a sub-command: what stands alone, and the options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz, process

from bot.domain.times import Ms, parse_duration
from bot.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Arguments:
    """`words` stand alone, in order; `options` holds those with a value; `flags` those without."""

    words: tuple[str, ...]
    options: Mapping[str, str]
    flags: frozenset[str]

    def duration(self, option: str) -> Ms | None:
        """An option's value as a length of time.

        Raises:
            UsageError: it is not one.
        """
        text = self.options.get(option)
        return parse_duration(text) if text is not None else None

    def number(self, option: str, *, default: int) -> int:
        """An option's value as a whole number above 0.

        Raises:
            UsageError: it is not one.
        """
        text = self.options.get(option)
        if text is None:
            return default
        if not text.isascii() or not text.isdigit() or len(text) > 9 or not int(text):  # noqa: PLR2004
            raise UsageError(f'--{option} takes a number, not "{text}".')
        return int(text)


def parse(
    args: Sequence[str], *, options: Sequence[str] = (), flags: Sequence[str] = ()
) -> Arguments:
    """Tell words from `--options VALUE` (or `--option=value`) and `--flags`.

    Raises:
        UsageError: an option is unknown (with the nearest one), or its value is missing.
    """
    words: list[str] = []
    values: dict[str, str] = {}
    raised: set[str] = set()
    rest = list(args)
    while rest:
        word = rest.pop(0)
        if not word.startswith("--") or word == "--":
            words.append(word)
            continue
        name, equals, value = word[2:].partition("=")
        name = name.lower()
        if name in flags and not equals:
            raised.add(name)
        elif name in options:
            if not equals:
                if not rest or rest[0].startswith("--"):
                    raise UsageError(f"--{name} needs a value after it.")
                value = rest.pop(0)
            values[name] = value
        else:
            raise UsageError(_unknown(name, [*options, *flags]))
    return Arguments(words=tuple(words), options=values, flags=frozenset(raised))


def _unknown(name: str, known: Sequence[str]) -> str:
    near = process.extractOne(name, known, scorer=fuzz.ratio, score_cutoff=60)
    if near:
        return f"There is no option --{name}. Did you mean --{near[0]}?"
    if known:
        return f"There is no option --{name}. There are: {', '.join(f'--{k}' for k in known)}."
    return f"There is no option --{name} here."
