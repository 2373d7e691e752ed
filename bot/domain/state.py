"""What the watch keeps between evaluations, and what one commit changes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bot.domain.incidents import Incident, Mark, Silence
from bot.domain.memory import QueueMemory
from bot.domain.notices import Notice
from bot.domain.queues import QueueId
from bot.domain.times import Ms


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to write the watch's state: `epoch` rises with each change of leader."""

    token: str
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchState:
    """What an evaluation starts from. `ticked_at` is when the last tick was committed."""

    memories: Mapping[QueueId, QueueMemory]
    incidents: Mapping[int, Incident]
    notices: Mapping[int, Notice]
    silences: Mapping[str, Silence]
    inbox: tuple[Mark | None, ...]
    next_number: int
    ticked_at: Ms | None = None

    def expired(self, now: Ms) -> tuple[str, ...]:
        """The silences whose time is over."""
        return tuple(one.id for one in self.silences.values() if one.until <= now)


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchChanges:
    """What one commit writes, all of it or nothing. `inbox_taken` marks are dropped from the head.

    `queues`, when given, replaces the list of known queues. `retired` incidents move to `closed`.
    """

    memories: Mapping[QueueId, QueueMemory | None] = field(default_factory=dict)
    incidents: Sequence[Incident] = ()
    notices: Sequence[Notice] = ()
    retired: Sequence[Incident] = ()
    next_number: int | None = None
    inbox_taken: int = 0
    ticked_at: Ms | None = None
    queues: frozenset[QueueId] | None = None
    expired_silences: Sequence[str] = ()
