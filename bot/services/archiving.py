"""Takes jobs out of a queue into the archive, a batch at a time.

A batch goes capture, put, remove, settle. Whatever is removed was put before, and the removing
script enters it into the operation's done set: so after a crash at any point, `resume` finishes
the batch, and each job is either in its queue or in the archive.

Whoever settles a batch that another process may hold too closes it first, beside the queue: what
that process would remove later would be kept by nobody.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from bot.domain.archives import Kept
from bot.domain.jobs import ArchivedJob, BatchOutcome, FailedRef
from bot.domain.queues import QueueId
from bot.errors import BullhornError, RefusedError, StaleError
from bot.ports import Archive, DoneSets, QueueRemover
from bot.services.done_ids import done_among

Reopen: TypeAlias = Callable[[], Awaitable[None]]
"""Makes the archive where it is not there."""


@dataclass(frozen=True, slots=True)
class _Batch:
    """A batch on its way into the archive.

    What is removed of it is in a done set of its own, which the one that replaces it goes on with:
    so a job that two processes have archived at once is kept by the batch that it was removed for,
    and by no other.
    """

    queue: QueueId
    archive_id: str
    kept: Kept
    operation: str
    reopen: Reopen | None

    @property
    def done_set(self) -> str:
        """The name of that done set."""
        return f"{self.archive_id}.{self.kept.origin}"


class Archiving:
    """One batch of an operation that archives."""

    def __init__(self, *, remover: QueueRemover, archive: Archive, done: DoneSets) -> None:
        self._remover = remover
        self._archive = archive
        self._done = done

    async def take(
        self,
        queue: QueueId,
        state: str,
        jobs: Sequence[FailedRef],
        *,
        archive_id: str,
        configured: int | None,
        operation: str,
        wanted: Callable[[ArchivedJob], bool] | None = None,
        reopen: Reopen | None = None,
    ) -> BatchOutcome:
        """Archive and remove jobs that are in `state` with that score.

        Those that are not `wanted` stay, and are not counted. `reopen` is for an archive that was
        lost while jobs were removed for it.

        Raises:
            ArchiveFullError: there is no room for them.
            RefusedError: the queue does not allow it now, or the archive has lost what it kept.
            UnavailableError: something does not answer; `resume` finishes what was begun.
                `done` is, in each of these, what was removed before.
        """
        known = await done_among(self._done, queue, operation, [job.id for job in jobs])
        outcome = BatchOutcome(already=len(known))
        rest = [job for job in jobs if job.id not in known]
        try:
            async for group in self._remover.capture(queue, state, rest):
                outcome += BatchOutcome(changed=group.changed, vanished=group.vanished)
                chosen = tuple(job for job in group.jobs if wanted is None or wanted(job))
                if chosen and (kept := await self._archive.put(archive_id, chosen)):
                    batch = _Batch(queue, archive_id, kept, operation, reopen)
                    removed = await self._remove(batch, chosen, configured)
                    await self._settle(batch, chosen, removed.done)
                    outcome += removed
        except BullhornError as error:
            error.done = outcome + _of(error)
            raise
        return outcome

    async def resume(
        self,
        queue: QueueId,
        *,
        archive_id: str,
        configured: int | None,
        operation: str,
        reopen: Reopen | None = None,
    ) -> BatchOutcome:
        """Finish the batches that a crash left between put and settle.

        They are removed now, not given up: a process that was only slow may still be about to
        remove them, and must find nothing left to do. Of the outcome there is `done` alone, with
        what was removed before and is not in the done set any more: what stays is met again.

        Raises:
            RefusedError: as `take`; the batches are settled all the same.
            UnavailableError: something does not answer; call again.
        """
        outcome = BatchOutcome()
        refusal: RefusedError | None = None
        for number in await self._archive.unsettled(archive_id):
            jobs = await self._archive.batch(archive_id, number)
            known = await done_among(self._done, queue, operation, [job.id for job in jobs])
            left = [job for job in jobs if job.id not in known]
            now = await self._as_they_are(queue, left)
            whole = [now.get(job.id, job) for job in jobs]
            kept = await self._archive.put(archive_id, whole, replaces=number)
            if kept is None:  # another has finished it meanwhile
                continue
            batch = _Batch(queue, archive_id, kept, operation, reopen)
            earlier = await done_among(self._done, queue, batch.done_set, [job.id for job in left])
            await self._done.remember(queue, operation, earlier)
            try:
                removed = await self._remove(batch, left, configured)
                await self._settle_by_done(batch, whole)
            except RefusedError as error:
                refusal, removed = error, _of(error)
            fresh = (id_ for id_ in removed.done if id_ not in known and id_ not in earlier)
            outcome += BatchOutcome(done=(*earlier, *fresh))
        if refusal is not None:
            refusal.done = outcome
            raise refusal
        return outcome

    async def _remove(
        self, batch: _Batch, jobs: Sequence[ArchivedJob], configured: int | None
    ) -> BatchOutcome:
        """Remove the jobs of a batch; where that is refused, settle it.

        Raises:
            As `take`.
        """
        outcome = BatchOutcome()
        try:
            for state in dict.fromkeys(job.state for job in jobs):
                outcome += await self._remover.remove(
                    batch.queue,
                    state,
                    [_ref(job) for job in jobs if job.state == state],
                    configured=configured,
                    operation=batch.operation,
                    batch=batch.done_set,
                )
        except RefusedError as error:
            error.done = outcome + _of(error)
            whole = await self._archive.batch(batch.archive_id, batch.kept.number)
            await self._settle_by_done(batch, whole or jobs)
            raise
        return outcome

    async def _as_they_are(
        self, queue: QueueId, jobs: Sequence[ArchivedJob]
    ) -> dict[str, ArchivedJob]:
        """Those that are still in their place, captured anew: they may have changed a little."""
        found: dict[str, ArchivedJob] = {}
        for state in dict.fromkeys(job.state for job in jobs):
            refs = [_ref(job) for job in jobs if job.state == state]
            async for group in self._remover.capture(queue, state, refs):
                found.update({job.id: job for job in group.jobs})
        return found

    async def _settle_by_done(self, batch: _Batch, jobs: Sequence[ArchivedJob]) -> None:
        """Settle a batch that another process may hold too; raises as `_settle`."""
        await self._done.close(batch.queue, batch.done_set)
        ids = [job.id for job in jobs]
        removed = await done_among(self._done, batch.queue, batch.done_set, ids)
        await self._settle(batch, jobs, removed)

    async def _settle(
        self, batch: _Batch, jobs: Sequence[ArchivedJob], removed: Collection[str]
    ) -> None:
        """Keep what was removed of a batch, and nothing else.

        Raises:
            RefusedError: the archive had lost the batch; they are kept anew, if it can be.
        """
        try:
            if await self._archive.settle(batch.archive_id, batch.kept.number, removed):
                await self._done.forget(batch.queue, batch.done_set)
        except StaleError:
            if removed:
                await self._keep_anew(batch, [job for job in jobs if job.id in removed])

    async def _keep_anew(self, batch: _Batch, jobs: Sequence[ArchivedJob]) -> None:
        """What is in no queue and no archive is here alone: try to keep it, and stop.

        Raises:
            RefusedError: always.
        """
        ids = [job.id for job in jobs]
        said = "They are archived anew; what came before them may be missing."
        try:
            if batch.reopen is not None:
                await batch.reopen()
            kept = await self._archive.put(batch.archive_id, jobs)
            if kept is not None:
                await self._archive.settle(batch.archive_id, kept.number, ids)
        except BullhornError:
            said = "They could not be archived anew and cannot be brought back."
        last = "the last job" if len(ids) == 1 else f"the last {len(ids):,} jobs"
        refusal = RefusedError(
            f"Bullhorn's own Redis has lost {last} it had archived, as in a failover. {said} "
            "The audit log has their ids. Look after that Redis before you go on."
        )
        refusal.done = BatchOutcome(done=tuple(ids))
        raise refusal


def _ref(job: ArchivedJob) -> FailedRef:
    return FailedRef(job.id, int(float(job.score)))


def _of(error: BullhornError) -> BatchOutcome:
    return error.done if isinstance(error.done, BatchOutcome) else BatchOutcome()
