"""An archive in memory."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from bot.adapters import archive_codec as codec
from bot.domain.archives import CAP, HELD, KEPT, ArchiveInfo, Kept
from bot.domain.jobs import ArchivedJob
from bot.domain.queues import QueueId
from bot.domain.times import Ms
from bot.errors import ArchiveFullError, RedisUnavailableError, StaleError
from tests.support.fake_queues import FakeClock


@dataclass
class _Shelf:
    info: ArchiveInfo
    batches: dict[int, list[ArchivedJob]] = field(default_factory=dict)
    open: set[int] = field(default_factory=set)
    given: int = 0
    origins: dict[int, int] = field(default_factory=dict)
    replaced: set[int] = field(default_factory=set)

    @property
    def size(self) -> int:
        return sum(len(codec.pack(jobs)) for jobs in self.batches.values())


class FakeArchive:
    """Satisfies Archive. While it is `down`, it does not answer."""

    def __init__(self, clock: FakeClock, *, cap: int = CAP, kept: Ms = KEPT) -> None:
        self.clock = clock
        self.cap = cap
        self.kept = kept
        self.down = False
        self._shelves: dict[str, _Shelf] = {}

    def _all(self) -> dict[str, _Shelf]:
        if self.down:
            raise RedisUnavailableError("Bullhorn's own Redis cannot be reached.")
        now = self.clock.now
        self._shelves = {k: s for k, s in self._shelves.items() if s.info.expires_at > now}
        return self._shelves

    def _batches(self, archive_id: str) -> dict[int, list[ArchivedJob]]:
        shelf = self._all().get(archive_id)
        return shelf.batches if shelf else {}

    async def begin(
        self, archive_id: str, *, queue: QueueId, state: str, kind: str, by: str
    ) -> None:
        """Make it, unless it is there."""
        now = self.clock.now
        info = ArchiveInfo(
            id=archive_id, queue=queue, state=state, kind=kind, by=by, at=now,
            expires_at=now + self.kept,
        )  # fmt: skip
        self._all().setdefault(archive_id, _Shelf(info))

    async def put(
        self, archive_id: str, jobs: Sequence[ArchivedJob], *, replaces: int | None = None
    ) -> Kept | None:
        """Keep a batch."""
        shelf = self._all().get(archive_id)
        if shelf is None:
            raise StaleError("The archive of this operation is gone. Start it anew.")
        if replaces is None and await self.room() < len(codec.pack(jobs)):
            raise ArchiveFullError("The archive is full.")
        if replaces is not None and replaces not in shelf.open:
            return None
        shelf.info = replace(shelf.info, expires_at=self.clock.now + self.kept)
        shelf.given += 1
        shelf.origins[shelf.given] = shelf.given
        if replaces is not None:
            del shelf.batches[replaces]
            shelf.open.discard(replaces)
            shelf.replaced.add(replaces)
            shelf.origins[shelf.given] = shelf.origins[replaces]
        shelf.batches[shelf.given] = list(jobs)
        shelf.open.add(shelf.given)
        return Kept(shelf.given, shelf.origins[shelf.given])

    async def settle(self, archive_id: str, batch: int, keep: Collection[str]) -> bool:
        """Only these were removed."""
        shelf = self._all().get(archive_id)
        if shelf is None or batch not in shelf.open:
            if shelf is not None and batch in (*shelf.replaced, *shelf.batches):
                return False
            raise StaleError("Bullhorn's own Redis has lost a batch of the archive.")
        self._keep(shelf, batch, [job for job in shelf.batches[batch] if job.id in keep])
        shelf.open.discard(batch)
        return True

    async def drop_jobs(self, archive_id: str, batch: int, ids: Collection[str]) -> None:
        """These were brought back."""
        shelf = self._all().get(archive_id)
        if shelf is not None and batch in shelf.batches:
            left = [job for job in shelf.batches[batch] if job.id not in ids]
            if len(left) < len(shelf.batches[batch]):
                self._keep(shelf, batch, left)
                await self.prolong(archive_id)

    async def prolong(self, archive_id: str) -> None:
        """A day from now at least."""
        shelf = self._all().get(archive_id)
        if shelf is not None:
            ends = max(shelf.info.expires_at, self.clock.now + HELD)
            shelf.info = replace(shelf.info, expires_at=ends)

    async def leave_out(self, archive_id: str, count: int) -> None:
        """By the last undo."""
        shelf = self._all().get(archive_id)
        if shelf is not None:
            shelf.info = replace(shelf.info, left_out=count)

    @staticmethod
    def _keep(shelf: _Shelf, batch: int, jobs: list[ArchivedJob]) -> None:
        shelf.batches[batch] = jobs
        if not jobs:
            del shelf.batches[batch]
            shelf.open.discard(batch)

    async def unsettled(self, archive_id: str) -> list[int]:
        """Oldest first."""
        shelf = self._all().get(archive_id)
        return sorted(shelf.open) if shelf else []

    async def batches(self, archive_id: str) -> list[int]:
        """Newest first."""
        return sorted(self._batches(archive_id), reverse=True)

    async def batch(self, archive_id: str, batch: int) -> list[ArchivedJob]:
        """Its jobs."""
        return list(self._batches(archive_id).get(batch, []))

    async def info(self, archive_id: str) -> ArchiveInfo | None:
        """What is kept."""
        shelf = self._all().get(archive_id)
        if shelf is None:
            return None
        jobs = sum(len(batch) for batch in shelf.batches.values())
        return replace(shelf.info, jobs=jobs, bytes=shelf.size)

    async def recent(self, queue: QueueId | None = None) -> list[ArchiveInfo]:
        """Newest first."""
        found = [info for id_ in self._all() if (info := await self.info(id_)) is not None]
        found.sort(key=lambda info: (info.expires_at, info.id), reverse=True)
        return [info for info in found if info.jobs and queue in (None, info.queue)]

    async def drop(self, archive_id: str) -> None:
        """Forget it."""
        self._all().pop(archive_id, None)

    async def room(self) -> int:
        """What is left of the cap."""
        return max(0, self.cap - sum(shelf.size for shelf in self._all().values()))

    async def weigh(self, jobs: Sequence[ArchivedJob]) -> int:
        """How many bytes these would take."""
        return len(codec.pack(jobs))
