"""Jobs of pretend queues in every state, taken out and put back."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

from bot.domain.compatibility import Action, allow, major_version
from bot.domain.jobs import (
    ORPHAN,
    ArchivedJob,
    BatchOutcome,
    Captured,
    FailedJob,
    FailedRef,
    Placed,
)
from bot.domain.queues import QueueId
from bot.domain.times import Ms
from bot.errors import RedisUnavailableError, RefusedError
from tests.support.fake_queues import FakeQueue, FakeQueues

_AT_ONCE = 500
_TIMED = ("failed", "completed")
_FIELDS = ("id", "name", "failed_at", "reason", "code", "attempts_made")


class FakeRemover:
    """Satisfies QueueRemover over the pretend queues.

    Failed jobs are the queue's own. `held` are jobs of other states, by id with their score; those
    of `left_out` are never removed (a parent waits for them); `strays` are orphans. `added` says
    when a job was added, where that matters.
    """

    def __init__(self, queues: FakeQueues) -> None:
        self._queues = queues
        self.held: dict[tuple[QueueId, str], dict[str, int]] = defaultdict(dict)
        self.left_out: set[str] = set()
        self.added: dict[str, Ms] = {}
        self.strays: dict[QueueId, set[str]] = defaultdict(set)

    def _at(self, queue: QueueId) -> FakeQueue:
        if queue.source in self._queues.down:
            raise RedisUnavailableError(self._queues.down[queue.source])
        return self._queues.queues.get(queue) or FakeQueue(version=None, workers=0)

    def _jobs(self, queue: QueueId, state: str) -> dict[str, int]:
        found = self._at(queue)
        if state == "failed":
            return {job.id: job.failed_at for job in found.in_order()}
        if state == "delayed" and found.delayed:
            return {job_id: place for place, job_id in enumerate(found.delayed)}
        if state == ORPHAN:
            return dict.fromkeys(self.strays[queue], 0)
        return self.held[queue, state]

    def _allow(self, queue: QueueId, action: Action, configured: int | None) -> None:
        found = self._at(queue)
        allow(action, major=major_version(found.version, configured), paused=found.paused)

    async def capture(
        self, queue: QueueId, state: str, jobs: Sequence[FailedRef]
    ) -> AsyncIterator[Captured]:
        """All at once."""
        there, emptied = self._jobs(queue, state), self._at(queue).emptied
        if state == ORPHAN:  # without a hash there is nothing to tell it by
            emptied = {ref.id for ref in jobs} - self.strays[queue]
            there = there | dict.fromkeys(emptied, 0)
        same = [ref for ref in jobs if there.get(ref.id) == ref.failed_at]
        whole = [ref for ref in same if ref.id not in emptied]
        if jobs:
            yield Captured(
                jobs=tuple(self._whole(queue, state, ref) for ref in whole),
                changed=len(jobs) - len(same),
                vanished=len(same) - len(whole),
            )

    def _whole(self, queue: QueueId, state: str, ref: FailedRef) -> ArchivedJob:
        job = self._at(queue).failed.get(ref.id) if state == "failed" else None
        fields = [(name, str(getattr(job, name))) for name in _FIELDS] if job else []
        if ref.id in self.added:
            fields.append(("timestamp", str(self.added[ref.id])))
        data = self._at(queue).contents.data.get(ref.id)
        fields += [("data", json.dumps(data))] if data is not None else []
        return ArchivedJob(
            id=ref.id,
            state=state,
            score=str(ref.failed_at),
            fields=tuple((name.encode(), value.encode()) for name, value in fields),
        )

    async def remove(
        self,
        queue: QueueId,
        state: str,
        jobs: Sequence[FailedRef],
        *,
        configured: int | None,
        operation: str,
        batch: str = "",
    ) -> BatchOutcome:
        """One after the other."""
        self._allow(queue, Action.CLEAN, configured)
        outcome = BatchOutcome()
        for ref in jobs:
            closed = (queue, batch) in self._queues.closed
            one = self._remove(queue, state, ref, operation, closed=closed)
            for id_ in one.done if batch else ():
                self._queues.note(queue, batch, id_)
            outcome += one
        return outcome

    def _remove(
        self, queue: QueueId, state: str, ref: FailedRef, operation: str, *, closed: bool
    ) -> BatchOutcome:
        if self._queues.has(queue, operation, ref.id):
            return BatchOutcome(already=1)
        if state == ORPHAN and not closed and ref.id not in self.strays[queue]:
            return BatchOutcome(vanished=1)
        if closed or self._jobs(queue, state).get(ref.id) != ref.failed_at:
            return BatchOutcome(changed=1)
        if ref.id in self._at(queue).emptied:
            return BatchOutcome(vanished=1)
        if ref.id in self.left_out:
            return BatchOutcome(left_out=1)
        if state == ORPHAN:
            self.strays[queue].discard(ref.id)
        else:
            held = self._at(queue).failed if state == "failed" else self.held[queue, state]
            del held[ref.id]
        self._queues.note(queue, operation, ref.id)
        return BatchOutcome(done=(ref.id,))

    async def drop_ids(
        self,
        queue: QueueId,
        state: str,
        jobs: Sequence[FailedRef],
        *,
        configured: int | None,
        operation: str = "",
        most: int | None = None,
    ) -> BatchOutcome:
        """Those that a test has emptied."""
        self._allow(queue, Action.CLEAN, configured)
        found, there = self._at(queue), self._jobs(queue, state)
        mine = [r.id for r in jobs if r.id in found.emptied and there.get(r.id) == r.failed_at]
        if most is not None:
            mine = mine[: max(0, most - await self._queues.count(queue, operation))]
        held: dict[str, Any] = found.failed if state == "failed" else self.held[queue, state]
        for id_ in mine:
            del held[id_]
            found.emptied.discard(id_)
            self._queues.note(queue, operation, id_)
        return BatchOutcome(done=tuple(mine), changed=len(jobs) - len(mine))

    async def restore(
        self,
        queue: QueueId,
        jobs: Sequence[ArchivedJob],
        *,
        configured: int | None,
        operation: str,
        archive: str = "",
    ) -> BatchOutcome:
        """One after the other."""
        self._allow(queue, Action.CLEAN, configured)
        outcome = BatchOutcome()
        for job in jobs:
            if self._queues.has(queue, operation, job.id):
                outcome = replace(outcome, already=outcome.already + 1)
            elif self._in_use(queue, job.id) or self._queues.has(queue, f"back-{archive}", job.id):
                outcome = replace(outcome, changed=outcome.changed + 1)
            else:
                self._put_back(queue, job)
                self._queues.note(queue, operation, job.id)
                self._queues.note(queue, archive and f"back-{archive}", job.id)
                outcome += BatchOutcome(done=(job.id,))
        return outcome

    def _in_use(self, queue: QueueId, job_id: str) -> bool:
        held = any(job_id in jobs for (q, _), jobs in self.held.items() if q == queue)
        return held or job_id in self._at(queue).failed or job_id in self.strays[queue]

    def _put_back(self, queue: QueueId, job: ArchivedJob) -> None:
        if job.state == ORPHAN:
            self.strays[queue].add(job.id)
            return
        if job.state != "failed":
            self.held[queue, job.state][job.id] = int(job.score)
            return
        told = {name.decode(): value.decode() for name, value in job.fields}
        self._at(queue).failed[job.id] = FailedJob(
            id=job.id,
            name=told["name"],
            failed_at=int(told["failed_at"]),
            reason=told["reason"],
            code=told["code"],
            attempts_made=int(told["attempts_made"]),
        )

    async def select(
        self, queue: QueueId, state: str, *, until: Ms | None
    ) -> AsyncIterator[list[FailedRef]]:
        """In batches."""
        refs = self._selected(queue, state, until)
        for start in range(0, len(refs), _AT_ONCE):
            yield refs[start : start + _AT_ONCE]

    def _selected(self, queue: QueueId, state: str, until: Ms | None) -> list[FailedRef]:
        limit = until if until is not None and state in _TIMED else None
        jobs = self._jobs(queue, state).items()
        return [FailedRef(id_, score) for id_, score in jobs if limit is None or score <= limit]

    async def in_state(self, queue: QueueId, state: str, *, until: Ms | None) -> int:
        """How many."""
        return len(self._selected(queue, state, until))

    async def without_job(self, queue: QueueId, jobs: Sequence[FailedRef]) -> int:
        """Those that a test has emptied."""
        return len({job.id for job in jobs} & self._at(queue).emptied)

    async def edges(self, queue: QueueId, state: str, *, until: Ms | None) -> tuple[Ms, Ms] | None:
        """The lowest and the highest score."""
        scores = [ref.failed_at for ref in self._selected(queue, state, until)]
        return (min(scores), max(scores)) if scores else None

    async def place(self, queue: QueueId, job_id: str) -> Placed | None:
        """Where it is; a parent waits for those of `left_out`."""
        for job in self._at(queue).active.jobs:
            if job.id == job_id:
                return Placed(ref=FailedRef(job_id, 0), state="active", locked=job.locked)
        states = [state for q, state in self.held if q == queue]
        for state in ("failed", "delayed", *states):
            score = self._jobs(queue, state).get(job_id)
            if score is not None:
                waits = job_id in self.left_out
                return Placed(ref=FailedRef(job_id, score), state=state, parent_waits=waits)
        return None

    async def orphans(
        self, queue: QueueId, *, steps: int | None = None
    ) -> AsyncIterator[list[str]]:
        """The strays."""
        self._at(queue)
        if self.strays[queue]:
            yield sorted(self.strays[queue])

    async def unlisted(self, queue: QueueId, ids: Sequence[str]) -> list[str]:
        """All of them: it has no long list."""
        self._at(queue)
        return list(ids)

    async def obliterate_step(self, queue: QueueId, *, configured: int | None) -> tuple[int, bool]:
        """The next few hundred."""
        self._allow(queue, Action.OBLITERATE, configured)
        found = self._at(queue)
        if not found.paused:
            raise RefusedError("The queue is not paused. Pause it, then try again.")
        if self.held[queue, "active"]:
            raise RefusedError("Jobs are active. Wait until they end, then try again.")
        kept: list[dict[str, Any]] = [h for (q, _), h in self.held.items() if q == queue]
        kept.append(found.failed)
        removed = 0
        for jobs in kept:
            for id_ in list(jobs)[: _AT_ONCE - removed]:
                del jobs[id_]
                removed += 1
        over = not any(kept)
        if over:
            self._queues.queues.pop(queue, None)
        return removed, over
