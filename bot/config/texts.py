"""How what a user wrote is quoted back: on one line, short, without what may hold a password."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from rapidfuzz import fuzz, process

_LONGEST: Final = 40
_NEAR: Final = 60
"""How alike (of 100) two words must be for one to be offered for the other."""


def said(text: str) -> str:
    """`text` on one line; of an address only the scheme, since the rest may hold a password."""
    masked = re.sub(r"(?s)://.*", "://…", text)
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in masked)


def short(text: str) -> str:
    """As `said`, and not too long."""
    line = said(text[: 4 * _LONGEST])
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def quoted(text: str) -> str:
    """As `short`, in quotes."""
    return f'"{short(text)}"'


def shown(value: Any) -> str:
    """A value of a config file as its author would know it again."""
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    try:
        return "nothing" if value is None else short(json.dumps(value))
    except ValueError:  # an integer of thousands of digits
        return "a number"


def dotted(path: Sequence[str | int]) -> str:
    """A path as people write it: `access.operators[0]`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += f".{short(step)}" if text else short(step)
    return text


def under(path: Sequence[str | int]) -> str:
    """` under PATH`, or nothing at the top."""
    return f" under {dotted(path)}" if path else ""


def meant(word: str, known: Iterable[str]) -> str:
    """A sentence that offers the nearest of `known`, or all of them; it begins with a space."""
    names = tuple(known)
    near = process.extractOne(
        word, names, scorer=fuzz.ratio, processor=str.lower, score_cutoff=_NEAR
    )
    if near:
        return f' Did you mean "{near[0]}"?'
    return f" Known here: {', '.join(names)}." if names else ""


def either(options: Sequence[str]) -> str:
    """`a, b or c`."""
    return " or ".join(filter(None, (", ".join(options[:-1]), options[-1])))
