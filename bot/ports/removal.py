"""Taking jobs out of BullMQ's queues, and what operations have done so far."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from typing import Protocol

from bot.domain.jobs import ArchivedJob, BatchOutcome, Captured, FailedRef, Placed
from bot.domain.queues import QueueId
from bot.domain.times import Ms


class DoneSets(Protocol):
    """What each operation has changed so far: beside the queue, for as long as plans last."""

    async def count(self, queue: QueueId, operation: str) -> int:
        """How many jobs."""
        ...

    def ids(self, queue: QueueId, operation: str) -> AsyncIterator[list[str]]:
        """Their ids, in batches of at most 500."""
        ...

    async def contains(
        self, queue: QueueId, operation: str, ids: Collection[str]
    ) -> frozenset[str]:
        """Which of these ids, at most 500, are in it."""
        ...

    async def remember(self, queue: QueueId, operation: str, ids: Collection[str]) -> None:
        """Put ids in, for what is changed elsewhere than in the queue."""
        ...

    async def take_back(self, queue: QueueId, operation: str, ids: Collection[str]) -> None:
        """Take ids out, of what was not changed after all."""
        ...

    async def close(self, queue: QueueId, batch: str) -> None:
        """Let `QueueRemover.remove` remove nothing more into the done set of this batch.

        Whoever has taken the batch for its own still finds its jobs `changed` from then on.
        """
        ...

    async def prolong(self, queue: QueueId, operation: str) -> None:
        """Let it last a day longer than an archive that is made now; nothing if it is not there."""
        ...

    async def forget(self, queue: QueueId, operation: str) -> None:
        """Drop it: the operation is over and its outcome is told."""
        ...


class QueueRemover(Protocol):
    """Takes jobs out of a queue whole, and puts them back; batches as in `QueueOperator`."""

    def capture(
        self, queue: QueueId, state: str, jobs: Sequence[FailedRef]
    ) -> AsyncIterator[Captured]:
        """Whole jobs as they lie in Redis now, about a megabyte (or one job) at a time.

        `state` is BullMQ's set (`failed`, `completed`, `delayed`, `prioritized`, `wait`,
        `waiting-children`, `paused`), or `ORPHAN`; a job of a list is known by its id alone, and so
        is an orphan.
        """
        ...

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
        """Remove them as BullMQ does, each only while it is in `state` with that score.

        With `batch`, what is removed is also entered in the done set of that name, which lasts as
        long as an archive; once that is closed, all jobs are `changed`.

        Left out are: children whose parent still waits for them, parents that have unprocessed
        children, the next run of a scheduler, and jobs that a worker holds.

        An `ORPHAN` goes with the keys that hang on it, while it is in no set still; in long lists
        only what came lately is looked for: `orphans` or `unlisted` have just done the rest.
        """
        ...

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
        """Take ids out of `failed` or `completed` that have no hash; the others are `changed`.

        Each only while it is there with that score; there is nothing to bring back of them. An
        `operation` takes out `most` in all, whoever runs it.
        """
        ...

    async def restore(
        self,
        queue: QueueId,
        jobs: Sequence[ArchivedJob],
        *,
        configured: int | None,
        operation: str,
        archive: str = "",
    ) -> BatchOutcome:
        """Put archived jobs back exactly as they were; `changed` are those whose id is in use.

        With `archive`, those that any operation has brought back from it before are `changed` too:
        a job comes back from an archive once, whatever became of it since.

        Jobs of a list are put before as many jobs as lay after them: those that were taken last
        must be brought back first.
        """
        ...

    def select(
        self, queue: QueueId, state: str, *, until: Ms | None
    ) -> AsyncIterator[list[FailedRef]]:
        """The jobs of a state in batches of at most 500; `failed_at` is the score in its set.

        `until` is the highest score, for `failed` and `completed`: when they finished. A list is
        read from its newest job on, and what is added meanwhile is not given. Jobs that are removed
        while it goes on do not disturb it.
        """
        ...

    async def in_state(self, queue: QueueId, state: str, *, until: Ms | None) -> int:
        """How many `select` would give now."""
        ...

    async def without_job(self, queue: QueueId, jobs: Sequence[FailedRef]) -> int:
        """How many of these, at most 500, have no hash: bare commands or an eviction took it."""
        ...

    async def edges(self, queue: QueueId, state: str, *, until: Ms | None) -> tuple[Ms, Ms] | None:
        """The lowest and the highest score of what `select` would give; None where nothing is.

        For `failed` and `completed` only: when they finished.
        """
        ...

    async def place(self, queue: QueueId, job_id: str) -> Placed | None:
        """Where a job is now, None where it is in no set and no list."""
        ...

    def orphans(self, queue: QueueId, *, steps: int | None = None) -> AsyncIterator[list[str]]:
        """Ids of job hashes that are in no set of the queue: what bare removals left behind.

        SCAN in bounded steps, no more than `steps` of them where that is given; jobs in flight are
        not taken for orphans.
        """
        ...

    async def unlisted(self, queue: QueueId, ids: Sequence[str]) -> list[str]:
        """Those of `orphans` that are in no long list still, where that is not looked at again."""
        ...

    async def obliterate_step(self, queue: QueueId, *, configured: int | None) -> tuple[int, bool]:
        """Remove up to 500 jobs of a paused queue that has no active job, whatever their state.

        Returns how many, and whether nothing is left of the queue, its `meta` included.
        """
        ...
