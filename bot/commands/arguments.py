"""The words after a sub-command: what stands alone, and the options."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rapidfuzz import fuzz, process

from bot.domain.times import Ms, parse_duration
from bot.errors import UsageError

ECHO: Final = 60
"""At most so much of what a person typed is said back."""

_NEAR: Final = 60
_SURE: Final = 75
"""How alike (of 100) an option must be to be offered, and to be meant by a single dash."""

_RATE: Final = re.compile(r"(\d{1,6}) ?/ ?(s|m)(?:ec|in)?", re.IGNORECASE | re.ASCII)
_UNITS: Final = frozenset({"s", "sec", "m", "min", "h", "hour", "hours", "d", "day", "days"})


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
            raise UsageError(f'--{option} takes a number, not "{echo(text)}".')
        return int(text)

    def rate(self) -> float | None:
        """The value of `--rate`, in jobs a second: `50/s`, or `50/m` for so many a minute.

        Raises:
            UsageError: it is not a rate.
        """
        text = self.options.get("rate")
        if text is None:
            return None
        match = _RATE.fullmatch(text.strip())
        count = int(match[1]) if match else 0
        if match is None or not count:
            raise UsageError(
                f'--rate takes 1/m up to 999,999/s, like 50/s or 5/m, not "{echo(text)}".'
            )
        return float(count) if match[2].lower() == "s" else count / 60


def echo(text: str) -> str:
    """What a person typed, as it is said back to them: not more of it than one line holds."""
    flat = " ".join(text[: 4 * ECHO].split())
    return flat if len(flat) <= ECHO else f"{flat[: ECHO - 1]}\u2026"


def parse(
    args: Sequence[str], *, options: Sequence[str] = (), flags: Sequence[str] = ()
) -> Arguments:
    """Tell words from `--options VALUE` (or `--option=value`) and `--flags`.

    One dash does for two, where a word so begun is or nearly is an option.

    Raises:
        UsageError: an option is unknown (with the nearest one), is given twice, or its value is
            missing or in two words.
    """
    words: list[str] = []
    values: dict[str, str] = {}
    raised: set[str] = set()
    known = [*options, *flags]
    rest = list(args)
    while rest:
        word = rest.pop(0)
        if not _is_option(word, known):
            words.append(word)
            continue
        name, equals, value = word.lstrip("-").partition("=")
        name = name.lower()
        if name in flags and not equals:
            raised.add(name)
        elif name in options:
            if name in values:
                raise UsageError(f"--{name} is given twice. Say it once.")
            values[name] = value if equals else _value(name, rest, known)
        else:
            raise UsageError(_unknown(name, known))
    return Arguments(words=tuple(words), options=values, flags=frozenset(raised))


def _is_option(word: str, known: Sequence[str]) -> bool:
    """Whether a word is meant as an option: a job's id may begin with one dash too."""
    name = word.lstrip("-").partition("=")[0].lower()
    if word.startswith("--"):
        return bool(name)
    return word.startswith("-") and (name in known or _nearest(name, known, _SURE) is not None)


def _value(name: str, rest: list[str], known: Sequence[str]) -> str:
    """The word after an option, taken off the rest."""
    if not rest or _is_option(rest[0], known):
        raise UsageError(f"--{name} needs a value after it.")
    value = rest.pop(0)
    if value.isdigit() and rest and rest[0].lower() in _UNITS:
        raise UsageError(f"--{name} takes a duration like 2h, without a blank in it.")
    return value


def _unknown(name: str, known: Sequence[str]) -> str:
    said = echo(name)
    if near := _nearest(name, known, _NEAR):
        return f"There is no option --{said}. Did you mean --{near}?"
    if known:
        return f"There is no option --{said}. There are: {', '.join(f'--{k}' for k in known)}."
    return f"There is no option --{said} here."


def _nearest(name: str, known: Sequence[str], least: int) -> str | None:
    near = process.extractOne(name, known, scorer=fuzz.ratio, score_cutoff=least)
    return str(near[0]) if near else None
