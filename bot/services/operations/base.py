"""What carries out one kind of plan, batch by batch."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final, Protocol, runtime_checkable

from bot.domain.jobs import BatchOutcome
from bot.domain.operations import Receipt
from bot.domain.pacing import Pace
from bot.domain.plans import Plan
from bot.services.operations.record import Record

READ_ONLY: Final = "Bullhorn is read-only now: `access.read_only` in the config"
"""Why an operation that was begun before goes no further."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What a batch did. `notice` says what is waited for, for `wait` seconds, before the next.

    `note` is for the end of the operation's message; a later one replaces it. `total` is how many
    jobs are done in all, where no done set tells. One that has only `asked` what others have done
    says nothing of how fast Redis is.
    """

    outcome: BatchOutcome = field(default_factory=BatchOutcome)
    notice: str = ""
    wait: float = 0.0
    note: str = ""
    total: int | None = None
    asked: bool = False


class Throttle:
    """The pace of one operation: executors ask it how many jobs the next batch may have."""

    def __init__(self, pace: Pace) -> None:
        self.pace = pace

    @property
    def batch(self) -> int:
        """Jobs in the next batch, at most."""
        return self.pace.batch


class Watcher(Protocol):
    """Follows the jobs of operations of some kinds to their end."""

    async def listen(self, record: Record) -> None:
        """Note what ends while the operation runs, until cancelled: events do not stay long."""
        ...

    async def watch(self, record: Record, leave: asyncio.Event) -> Receipt:
        """Look until all have finished or the time is over; each look is in the record.

        Raises:
            HandedOverError: the process ends.
        """
        ...


@runtime_checkable
class Finisher(Protocol):
    """An executor that may have left a batch half done when its process died."""

    async def finish(self, plan: Plan) -> BatchOutcome:
        """Finish that batch, and begin no other; also where the operation is to stop.

        Raises:
            RefusedError, RedisUnavailableError: as `Executor.steps`.
        """
        ...


@runtime_checkable
class Counting(Protocol):
    """An executor that keeps no done set: the queue itself tells how much is done."""

    async def counted(self, plan: Plan) -> int:
        """How many jobs are done by now, whoever has done them.

        Raises:
            RedisUnavailableError: the source does not answer.
        """
        ...


class Executor(Protocol):
    """Carries out plans of one kind."""

    def steps(self, plan: Plan, throttle: Throttle) -> AsyncIterator[Step]:
        """Do it, a batch at a time; started again after a crash, it goes on where it was.

        Raises:
            RefusedError: it may not be done (any more); `done` is what the last batch had done.
            RedisUnavailableError: the source does not answer; `done` as above.
        """
        ...
