"""How the fake of the queues changes them: a fake of QueueOperator, and of the done sets."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from bot.domain.compatibility import Action, Allowance, allow, major_version
from bot.domain.jobs import ActiveJobs, BatchOutcome, FailedRef
from bot.domain.pausing import PauseOutcome
from bot.domain.queues import QueueId
from bot.domain.sample import ActiveJob
from bot.domain.times import SECOND, Ms
from bot.errors import RedisUnavailableError, RefusedError
from tests.support.fake_done_sets import FakeDoneSets

if TYPE_CHECKING:
    from tests.support.fake_queues import FakeClock, FakeQueue

_ONE_LIST = 6
"""The BullMQ that leaves the jobs of a paused queue in `wait`."""

_CHECK: Ms = 5 * SECOND
_MOST_ACTIVE = 500


@dataclass
class Active:
    """The active jobs of a queue, oldest first.

    `marked` are those that a look for stalled ones has seen; none is made before `check_ends`.
    `unstuck` went back to waiting.
    """

    jobs: list[ActiveJob] = field(default_factory=list)
    marked: set[str] = field(default_factory=set)
    check_ends: Ms = 0
    unstuck: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Batch:
    """One call: what it is about, and what it was allowed."""

    queues: FakeOperator
    queue: QueueId
    operation: str
    state: FakeQueue
    allowance: Allowance

    def has(self, id_: str) -> bool:
        return self.queues.has(self.queue, self.operation, id_)

    def note(self, id_: str) -> BatchOutcome:
        """What the outcome of a job is that was changed."""
        self.queues.note(self.queue, self.operation, id_)
        return BatchOutcome(done=(id_,))


class FakeOperator(FakeDoneSets):
    """Changes queues in memory."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self.clock = clock

    @abstractmethod
    def _at(self, queue: QueueId) -> FakeQueue:
        """What is there."""

    async def retry(
        self,
        queue: QueueId,
        jobs: Sequence[FailedRef],
        *,
        fresh: bool,
        configured: int | None,
        operation: str = "",
    ) -> BatchOutcome:
        """Move those that are still the same failure, as far as the version table allows."""
        outcome = BatchOutcome()
        with _telling(lambda: outcome):
            state = self._at(queue)
            _allow(state, fresh=fresh, configured=configured)
            for ref in dict.fromkeys(jobs):
                allowance = _allow(state, fresh=fresh, configured=configured)
                batch = _Batch(self, queue, operation, state, allowance)
                outcome += _retry(batch, ref, fresh=fresh)
        return outcome

    async def promote(
        self, queue: QueueId, ids: Sequence[str], *, configured: int | None, operation: str
    ) -> BatchOutcome:
        """Move those that are delayed, as far as the version table allows."""
        outcome = BatchOutcome()
        with _telling(lambda: outcome):
            state = self._at(queue)
            major = major_version(state.version, configured)
            allowance = allow(Action.PROMOTE, major=major, paused=state.paused)
            batch = _Batch(self, queue, operation, state, allowance)
            for id_ in dict.fromkeys(ids):
                outcome += _promote(batch, id_)
        return outcome

    async def stalled_check(self, queue: QueueId) -> Ms:
        """How long it lasts by the clock."""
        return max(0, self._at(queue).active.check_ends - self.clock.now)

    async def unstick(
        self, queue: QueueId, *, configured: int | None, operation: str
    ) -> BatchOutcome:
        """Move what is marked and has no lock, and mark what is active."""
        with _telling(BatchOutcome):
            state = self._at(queue)
            major = major_version(state.version, configured)
            allow(Action.UNSTICK, major=major, paused=state.paused)
        active = state.active
        if self.clock.now < active.check_ends:
            return BatchOutcome()
        active.check_ends = self.clock.now + _CHECK
        stuck = [job.id for job in active.jobs if job.id in active.marked and not job.locked]
        there = [id_ for id_ in stuck if id_ not in state.emptied]
        moved = [id_ for id_ in there if not self.has(queue, operation, id_)]
        for id_ in moved:
            self.note(queue, operation, id_)
        active.unstuck += moved
        active.jobs = [job for job in active.jobs if job.id not in moved]
        active.marked = {job.id for job in active.jobs}
        return BatchOutcome(
            done=tuple(moved), already=len(there) - len(moved), vanished=len(stuck) - len(there)
        )

    async def active(self, queue: QueueId) -> ActiveJobs:
        """As many as the port tells."""
        jobs = self._at(queue).active.jobs
        return ActiveJobs(total=len(jobs), jobs=tuple(jobs[:_MOST_ACTIVE]))

    async def pause(self, queue: QueueId, *, configured: int | None) -> PauseOutcome:
        """Pause, unless it is paused."""
        return self._switch(queue, Action.PAUSE, configured)

    async def resume(self, queue: QueueId, *, configured: int | None) -> PauseOutcome:
        """Resume, unless it runs."""
        return self._switch(queue, Action.RESUME, configured)

    def _switch(self, queue: QueueId, action: Action, configured: int | None) -> PauseOutcome:
        state = self._at(queue)
        major = major_version(state.version, configured)
        allow(action, major=major, paused=state.paused)
        changed = state.paused is not (action is Action.PAUSE)
        state.paused = action is Action.PAUSE
        if changed and major != _ONE_LIST:
            waiting, paused = state.counts.paused_list, state.counts.waiting
            state.counts = replace(state.counts, waiting=waiting, paused_list=paused)
        return PauseOutcome(changed=changed)


@contextmanager
def _telling(outcome: object) -> Iterator[None]:
    """Errors carry what was done before them."""
    try:
        yield
    except (RefusedError, RedisUnavailableError) as error:
        error.done = outcome() if callable(outcome) else outcome
        raise


def _allow(state: FakeQueue, *, fresh: bool, configured: int | None) -> Allowance:
    paused = state.paused or state.pause_after == len(state.retried)
    major = major_version(state.version, configured)
    allowance = allow(Action.RETRY, major=major, paused=paused)
    if fresh:
        allow(Action.FRESH, major=major, paused=paused)
    return allowance


def _left(batch: _Batch, id_: str) -> BatchOutcome | None:
    """Why a job that is in its set cannot be moved, None when it can."""
    if id_ in batch.state.emptied:
        return BatchOutcome(vanished=1)
    if id_ in batch.state.prioritized and batch.allowance.leave_out_prioritized:
        return BatchOutcome(left_out=1)
    return None


def _retry(batch: _Batch, ref: FailedRef, *, fresh: bool) -> BatchOutcome:
    state = batch.state
    if batch.has(ref.id):
        return BatchOutcome(already=1)
    job = state.failed.get(ref.id)
    if job is None or job.failed_at != ref.failed_at:
        return BatchOutcome(changed=1)
    left = _left(batch, ref.id)
    if left is not None:
        return left
    del state.failed[ref.id]
    state.retried.append((ref.id, fresh))
    return batch.note(ref.id)


def _promote(batch: _Batch, id_: str) -> BatchOutcome:
    state = batch.state
    if batch.has(id_):
        return BatchOutcome(already=1)
    if id_ not in state.delayed:
        return BatchOutcome(changed=1)
    left = _left(batch, id_)
    if left is not None:
        return left
    state.delayed.remove(id_)
    state.promoted.append(id_)
    return batch.note(id_)
