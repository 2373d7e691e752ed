"""Brings jobs back from the archive to their queue, a batch at a time.

Which are back is known beside the queue, from the call that restored them on: they go out of the
archive when the batch is over. To write a batch anew for each few jobs of a drip would keep
Bullhorn's own Redis busy with the same megabyte again and again.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from functools import partial
from typing import Final, TypeAlias

from bot.domain.archives import back_set, in_order
from bot.domain.jobs import ArchivedJob, BatchOutcome
from bot.domain.queues import QueueId
from bot.errors import BullhornError, UnavailableError
from bot.ports import Archive, DoneSets, QueueRemover
from bot.services.done_ids import done_among

DROP_EVERY: Final = 30.0
"""Seconds after which what is back goes out of a batch that is not over yet."""

Stays: TypeAlias = Callable[[int, Sequence[ArchivedJob]], Awaitable[Collection[str]]]
"""Which of the jobs of a batch must stay archived."""


class BringingBack:
    """One batch of an operation that undoes."""

    def __init__(
        self,
        *,
        remover: QueueRemover,
        archive: Archive,
        done: DoneSets,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._remover = remover
        self._archive = archive
        self._done = done
        self._monotonic = monotonic

    async def bring_back(
        self,
        queue: QueueId,
        *,
        archive_id: str,
        batch: int,
        configured: int | None,
        operation: str,
        size: Callable[[], int],
        stays: Stays | None = None,
    ) -> AsyncIterator[BatchOutcome]:
        """Restore a batch as it was, `size()` jobs at a time; then they go out of the archive.

        That is when the batch is over, and now and then before. `operation` is the undo's own; what
        `stays` tells of jobs that come next is `left_out`. Batches must be brought back in the
        archive's order, and may be again: what was restored is `already` then, or `changed` where
        another undo did it.

        Raises:
            RefusedError: the queue does not allow it now; `done` is what was restored before.
            UnavailableError: something does not answer; call again.
        """
        whole = in_order(await self._archive.batch(archive_id, batch))
        drop = partial(self.drop_returned, queue, archive_id=archive_id, batch=batch, jobs=whole)
        back = await drop()
        if back:
            mine = await done_among(self._done, queue, operation, list(back))
            yield BatchOutcome(already=len(mine), changed=len(back) - len(mine))
        waiting = [job for job in whole if job.id not in back]
        returned, dropped_at = list[str](), self._monotonic()
        try:
            while waiting:
                staying = await stays(batch, waiting) if stays is not None else ()
                count = size()
                jobs, waiting = waiting[:count], waiting[count:]
                some = [job for job in jobs if job.id not in staying]
                outcome = await self._remover.restore(
                    queue, some, configured=configured, operation=operation, archive=archive_id
                )
                returned += outcome.done
                late = self._monotonic() - dropped_at >= DROP_EVERY
                if returned and (late or not waiting):
                    await self._archive.drop_jobs(archive_id, batch, returned)
                    returned, dropped_at = [], self._monotonic()
                yield outcome + BatchOutcome(left_out=len(jobs) - len(some))
        except BullhornError:
            with suppress(UnavailableError):  # else whoever brings back the batch next drops them
                await drop()
            raise

    async def drop_returned(
        self,
        queue: QueueId,
        *,
        archive_id: str,
        batch: int,
        jobs: Sequence[ArchivedJob] | None = None,
    ) -> frozenset[str]:
        """Take what any undo has brought back out of a batch: of these `jobs`, or of all of it.

        Returns their ids.

        Raises:
            UnavailableError: something does not answer; call again.
        """
        some = await self._archive.batch(archive_id, batch) if jobs is None else jobs
        ids = [job.id for job in some]
        back = await done_among(self._done, queue, back_set(archive_id), ids)
        if back:
            await self._archive.drop_jobs(archive_id, batch, back)
        return back
