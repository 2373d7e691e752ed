"""Times and durations. Every instant is Unix time in milliseconds, as BullMQ gives it."""

from __future__ import annotations

import re
from typing import TypeAlias

from bot.errors import UsageError

Ms: TypeAlias = int
"""Milliseconds: an instant since the Unix epoch, or a length of time."""

SECOND: Ms = 1_000
MINUTE: Ms = 60 * SECOND
HOUR: Ms = 60 * MINUTE
DAY: Ms = 24 * HOUR

_UNITS = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY}
_DURATION = re.compile(r"(\d{1,6})\s*(s|m|h|d)", re.IGNORECASE)


def parse_duration(text: str) -> Ms:
    """Read `30s`, `5m`, `2h` or `7d`.

    Raises:
        UsageError: for anything else, with examples.
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise UsageError(f'"{text}" is not a duration. Try 30s, 5m, 2h or 7d.')
    return int(match[1]) * _UNITS[match[2].lower()]


def say_rate(rate: float) -> str:
    """Say so many a second as a person would: `50 a second`, `5 a minute`, `90 a minute`."""
    if rate >= 1 and rate == round(rate):
        return f"{round(rate):,} a second"
    return f"{round(60 * rate):,} a minute"


def say_duration(length: Ms) -> str:
    """Say a length of time as a person would: `45 s`, `11 min`, `2 h 5 min`, `3 d 4 h`."""
    seconds = max(0, length) // SECOND
    if seconds < 90 and seconds != 60:  # noqa: PLR2004 - up to a minute and a half seconds say more
        return f"{seconds} s"
    minutes = seconds // 60
    if minutes < 60:  # noqa: PLR2004
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:  # noqa: PLR2004
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"
