"""The archive: jobs that were removed, kept for a while so that they can be brought back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from bot.domain.jobs import ArchivedJob
from bot.domain.queues import QueueId
from bot.domain.times import DAY, Ms

KEPT: Final[Ms] = 7 * DAY
"""How long jobs can be brought back."""

HELD: Final[Ms] = DAY
"""How long an archive lasts at least from when jobs are brought back from it."""

MB: Final = 1_000_000
"""Bytes, wherever sizes are said or configured."""

CAP: Final = 256 * MB
"""The most bytes that all archives together take, compressed."""

_KILO: Final = 1000
_WHOLE: Final = 10


REPLACED: Final = "retry through Salesforce"
"""The `kind` of an archive of old jobs in whose place there are new ones."""

_REPLACED: Final = (REPLACED, "retry")
"""So it was called before, too: no other retry archives."""

LISTS: Final = ("wait", "paused")
"""The states that BullMQ keeps in lists, of those that can be asked for."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A batch by its number; `origin` is that of the first one it stands for, which it replaced."""

    number: int
    origin: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveInfo:
    """What one operation has archived.

    `id` is the operation's; `state` the state its jobs were in, "" for several; `kind` what removed
    them ("clean"), `by` who. `jobs` and `bytes` are what has not been brought back, and its size:
    `lost` of them Redis has not any more, `left_out` the last undo left where they are, as their
    order is done or under way without them.
    """

    id: str
    queue: QueueId
    state: str
    kind: str
    by: str
    at: Ms
    expires_at: Ms
    jobs: int = 0
    bytes: int = 0
    lost: int = 0
    left_out: int = 0

    @property
    def replaced(self) -> bool:
        """Whether each of its jobs has a new one in its place: both must not run."""
        return self.kind in _REPLACED


def back_set(archive_id: str) -> str:
    """The name of the done set of what any operation has brought back from an archive."""
    return f"back-{archive_id}"


def data_of(job: ArchivedJob) -> Any:
    """What a job is about, decoded; None where it is no JSON."""
    try:
        return json.loads(dict(job.fields).get(b"data", b"null"))
    except (ValueError, RecursionError):
        return None


def in_order(jobs: Sequence[ArchivedJob]) -> list[ArchivedJob]:
    """Those of one batch as they must be put back: in a list before as many as lay after them."""
    return sorted(jobs, key=lambda job: int(job.score) if job.state in LISTS else 0)


def say_size(count: int) -> str:
    """A number of bytes in words: `812 bytes`, `12 KB`, `1.2 MB`, `256 MB`."""
    if count < _KILO:
        return f"{count:,} bytes"
    value, unit = count / _KILO, "KB"
    if value >= _KILO:
        value, unit = value / _KILO, "MB"
    return f"{value:,.0f} {unit}" if value >= _WHOLE else f"{value:.1f} {unit}"
