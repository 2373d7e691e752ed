"""Which jobs of an archive must stay, looked at a little ahead of what comes back."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

from bot.domain.archives import ArchiveInfo
from bot.domain.jobs import ArchivedJob
from bot.ports import Archive
from bot.services.returning import LOOKED_AT, Returning

FRESH: Final = 30.0
"""Seconds for which a look is good: one may go through all jobs of a queue."""

BATCHES: Final = 10
"""Batches that are read ahead, each of a few megabytes at most."""


class LookAhead:
    """Asks `Returning`, for one undo: for many jobs at once, and again when that was long ago."""

    def __init__(
        self,
        returning: Returning,
        archive: Archive,
        info: ArchiveInfo,
        *,
        all_of_them: bool,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._returning = returning
        self._archive = archive
        self._info = info
        self._all_of_them = all_of_them
        self._monotonic = monotonic
        self._known: dict[str, bool] = {}
        self._until = 0.0

    async def staying(self, batch: int, jobs: Sequence[ArchivedJob]) -> frozenset[str]:
        """Those of these jobs of a batch that must stay; raises as `Returning.staying`."""
        if not self._returning.has_to_look(self._info, all_of_them=self._all_of_them):
            return frozenset()
        fresh = self._monotonic() < self._until
        if not fresh or any(job.id not in self._known for job in jobs):
            ahead = [*jobs, *await self._after(batch, len(jobs))]
            staying = await self._returning.staying(self._info, ahead)
            self._known = {job.id: job.id in staying for job in ahead}
            self._until = self._monotonic() + FRESH
        return frozenset(job.id for job in jobs if self._known[job.id])

    async def _after(self, batch: int, count: int) -> list[ArchivedJob]:
        """The jobs that come back after that batch, until there are enough."""
        jobs: list[ArchivedJob] = []
        later = [number for number in await self._archive.batches(self._info.id) if number < batch]
        for number in later[:BATCHES]:
            if count + len(jobs) >= LOOKED_AT:
                break
            jobs += await self._archive.batch(self._info.id, number)
        return jobs
