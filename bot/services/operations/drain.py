"""Drain: the jobs that had not begun when it was asked go into the archive, then out of the queue.

A list has no times, and the sets' scores tell when a job may run, not when it came. So what is
frozen is told by each job's own `timestamp`, which is when it was added: those that came after it
was asked stay. Never more are taken than were shown, whatever else comes back to waiting meanwhile.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from bot.domain.emergencies import DRAINED
from bot.domain.jobs import ArchivedJob, BatchOutcome, FailedRef
from bot.domain.plans import Plan
from bot.errors import ArchiveFullError
from bot.ports import DoneSets, QueueRemover
from bot.services.operations.base import Step, Throttle
from bot.services.operations.clean import Taking
from bot.services.operations.selection import batches

_ADDED: Final = b"timestamp"


class DrainExecutor:
    """Carries out drains."""

    def __init__(self, *, taking: Taking, remover: QueueRemover, done: DoneSets) -> None:
        self._taking = taking
        self._remover = remover
        self._done = done

    async def steps(self, plan: Plan, throttle: Throttle) -> AsyncIterator[Step]:
        """A batch at a time, each archived before it is removed.

        Raises:
            ArchiveFullError: the rest is left, since it could not be brought back.
            RefusedError, RedisUnavailableError: as the port.
        """
        resumed = await self.finish(plan)
        yield Step(outcome=resumed)
        frozen = _Frozen(plan, await self._done.count(plan.queue, plan.id), _kept(resumed))
        for state in DRAINED:
            pages = self._remover.select(plan.queue, state, until=None)
            async for refs in batches(pages, throttle):
                if not frozen.left:
                    return
                yield Step(outcome=await self._take(plan, state, refs, frozen))
        yield Step(outcome=BatchOutcome(changed=frozen.missing), note=frozen.note)

    async def finish(self, plan: Plan) -> BatchOutcome:
        """Finish what a crash has left in the archive; raises as `Taking.begin`."""
        return await self._taking.begin(plan)

    async def _take(
        self, plan: Plan, state: str, refs: list[FailedRef], frozen: _Frozen
    ) -> BatchOutcome:
        """One batch; who has left the set since it was read is met in the next, or missing."""
        frozen.room = frozen.left
        try:
            outcome = await self._taking.take(plan, state, refs, wanted=frozen.holds)
        except ArchiveFullError as error:
            error.template += " The rest was left: nothing goes that is not kept."
            raise
        frozen.done += len(outcome.done)
        frozen.kept += _kept(outcome)
        return BatchOutcome(done=outcome.done, vanished=outcome.vanished, left_out=outcome.left_out)


class _Frozen:
    """The jobs that were shown: those that are old enough, and no more than so many."""

    def __init__(self, plan: Plan, done: int, kept: int) -> None:
        self._plan = plan
        self.done = done
        self.kept = kept
        self.newer = 0
        self.room = 0

    @property
    def left(self) -> int:
        """How many more may be taken."""
        return max(0, self._plan.count - self.done)

    @property
    def missing(self) -> int:
        """How many were not there any more, at the end: a worker has taken them.

        So many as are newer may be those, if who added them has a clock that is ahead: not counted.
        """
        return max(0, self._short - self.newer)

    @property
    def note(self) -> str:
        """What stays though there was room for it."""
        if not self.newer or not self._short:
            return ""
        begun = f"{self._short:,} begun meanwhile or among " if self.newer > self._short else ""
        their = "its" if self.newer == 1 else "their"
        return f"{begun}{self.newer:,} left: added after it was asked, by {their} own time"

    @property
    def _short(self) -> int:
        """How many of those that were shown were not met."""
        return max(0, self.left - self.kept)

    def holds(self, job: ArchivedJob) -> bool:
        """Whether the job may go, within the batch's room."""
        if _added_at(job) > self._plan.asked_at:
            self.newer += 1
            return False
        if self.room <= 0:
            return False
        self.room -= 1
        return True


def _kept(outcome: BatchOutcome) -> int:
    """Those that were met and stay."""
    return outcome.left_out + outcome.vanished


def _added_at(job: ArchivedJob) -> int:
    """When a job was added, Unix ms; 0 where it does not say."""
    value = next((value for name, value in job.fields if name == _ADDED), b"")
    return int(value) if value.isdigit() and value.isascii() else 0
