"""What a button types: the command text it carries, without "/queue"."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Final

from bot.domain.commandline import join, split
from bot.errors import UsageError

VALUE: Final = 2000
"""What a button can carry, in characters."""


def typed(*words: str, flags: Sequence[str] = (), **options: str | None) -> str | None:
    """The text of a command: its words, then `--option value`, then flags such as `--jobs`.

    None when it would not be read back as meant (a job may have an id such as `--all`, or one with
    both kinds of quotes): then there is no button, rather than one that does something else.
    """
    values = [*words, *(value for value in options.values() if value is not None)]
    if not all(_carries(value) for value in values):
        return None
    line = list(words)
    for name, value in options.items():
        if value is not None:
            line += [f"--{name.replace('_', '-')}", value]
    line += flags
    text = join(line)
    try:
        return text if split(text) == line else None
    except UsageError:
        return None


def _carries(value: str) -> bool:
    if not 0 < len(value) <= VALUE or value.startswith("-"):
        return False
    return not any(unicodedata.category(sign) in {"Cc", "Cs", "Cn"} for sign in value)
