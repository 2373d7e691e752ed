"""Where removed jobs are kept."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from bot.domain.archives import ArchiveInfo, Kept
from bot.domain.jobs import ArchivedJob
from bot.domain.queues import QueueId
from bot.domain.times import Ms


class Archive(Protocol):
    """Batches of whole jobs, by the operation that removed them.

    A batch is put before its jobs are removed, and settled when it is known which of them were: so
    a job is never in neither place. Until then it is unsettled, and its jobs may be in their queue
    as well. Numbers of batches are given by the archive, so that two processes that take themselves
    for the runner of one operation never write over each other.

    Any method may raise RedisUnavailableError.
    """

    async def begin(
        self, archive_id: str, *, queue: QueueId, state: str, kind: str, by: str
    ) -> None:
        """Make it, unless it is there; it expires a week after its last batch was put in."""
        ...

    async def put(
        self, archive_id: str, jobs: Sequence[ArchivedJob], *, replaces: int | None = None
    ) -> Kept | None:
        """Keep a batch, unsettled; the one it `replaces` is gone with that.

        It is kept by a replica of its Redis too, where there is one, before this returns.

        None where the one it replaces is settled, or gone, by now: then nothing was kept.

        Raises:
            ArchiveFullError: there is no room; not where it replaces one.
            StaleError: the archive has expired or was dropped.
            RedisUnavailableError: also where no replica takes it in time; it may be kept then.
        """
        ...

    async def settle(self, archive_id: str, batch: int, keep: Collection[str]) -> bool:
        """Only these of its jobs were removed: the others go.

        False where another has replaced it, or it is settled by now: then nothing was changed.

        Raises:
            StaleError: there is no such batch (any more): Redis has lost it.
        """
        ...

    async def unsettled(self, archive_id: str) -> list[int]:
        """The batches of which it is not known which jobs were removed, oldest first."""
        ...

    async def batches(self, archive_id: str) -> list[int]:
        """All batches, the newest first: the order in which they must be brought back."""
        ...

    async def batch(self, archive_id: str, batch: int) -> list[ArchivedJob]:
        """The jobs of a batch; none where it is gone."""
        ...

    async def drop_jobs(self, archive_id: str, batch: int, ids: Collection[str]) -> None:
        """These were brought back: they go out of the batch; the rest lasts as by `prolong`."""
        ...

    async def prolong(self, archive_id: str) -> None:
        """Let it last a day from now at least, so that it does not run out under an undo.

        Not while batches are unsettled: the queue forgets what was removed into them, and what came
        back, a day after an archive that is left alone (`DoneSets.prolong`).
        """
        ...

    async def leave_out(self, archive_id: str, count: int) -> None:
        """So many of its jobs an undo has left out until now; nothing where there is none."""
        ...

    async def info(self, archive_id: str) -> ArchiveInfo | None:
        """What is kept, None when it has expired."""
        ...

    async def recent(self, queue: QueueId | None = None) -> list[ArchiveInfo]:
        """The archives that hold jobs (of one queue), the newest first."""
        ...

    async def drop(self, archive_id: str) -> None:
        """Forget it."""
        ...

    async def room(self) -> int:
        """How many bytes more may be kept."""
        ...

    @property
    def cap(self) -> int:
        """The most bytes that all archives together take."""
        ...

    @property
    def kept(self) -> Ms:
        """How long each is kept."""
        ...

    async def weigh(self, jobs: Sequence[ArchivedJob]) -> int:
        """How many bytes these jobs would take; nothing is kept."""
        ...
