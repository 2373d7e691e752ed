"""Words for our own sentences about jobs: the ids other programs gave them, and their states."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

_LONGEST: Final = 60
_PLAIN = str.maketrans(dict.fromkeys("`*~<>&\n\r\t"))
"""Without what would be format in a message; such an id is told in full by `job`."""

_OPENING_UNDERSCORE = re.compile(r"(?<!\w)_+")
_EMOJI_COLON = re.compile(r":(?=[\w+'-]{1,100}:)")
"""What would begin italics or an emoji: the same signs are harmless elsewhere."""


_WORDS: Final = {"wait": "waiting", "orphan": "orphaned"}


def listed(ids: Sequence[str], *, most: int = 5, total: int | None = None) -> str:
    """The first few, and how many more: `4711, 4712 and 3 more`; `total` where not all are here."""
    shown = [_plain(one) for one in ids[:most]]
    more = (len(ids) if total is None else total) - len(shown)
    if more:
        return f"{', '.join(shown)} and {more:,} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else "".join(shown)


def all_of(count: int) -> str:
    """`Both`, `All 1,204`: for more than one."""
    return "Both" if count == 2 else f"All {count:,}"  # noqa: PLR2004 - what the word says


def state_word(state: str) -> str:
    """BullMQ's set or list as people call the jobs in it: `waiting`, not `wait`."""
    return _WORDS.get(state, state)


def _plain(job_id: str) -> str:
    flat = " ".join(job_id[: 4 * _LONGEST].translate(_PLAIN).split())
    flat = _EMOJI_COLON.sub("\u2236", _OPENING_UNDERSCORE.sub("", flat))
    return f"{flat[: _LONGEST - 1]}\u2026" if len(flat) > _LONGEST else flat or "?"
