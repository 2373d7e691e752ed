"""What an archive of jobs would take, before there is one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bot.domain.archives import say_size
from bot.domain.jobs import FailedRef
from bot.domain.queues import QueueId
from bot.domain.times import Ms, say_duration
from bot.ports import Archive, QueueRemover

SAMPLE: Final = 50
"""Jobs that are weighed to tell how much an archive takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    """About how many bytes the archive of some jobs takes; how many of them there is room for."""

    bytes: int
    fit: int


class Scales:
    """Tells what an archive would take, from a few of the jobs."""

    def __init__(self, *, remover: QueueRemover, archive: Archive) -> None:
        self._remover = remover
        self._archive = archive

    async def weigh(self, queue: QueueId, state: str, count: int, *, until: Ms | None) -> Weight:
        """Of `count` jobs, by the oldest page of them.

        Raises:
            RedisUnavailableError: the queue cannot be read.
        """
        async for page in self._remover.select(queue, state, until=until):
            step = max(1, len(page) // SAMPLE)
            return await self.weigh_these(queue, state, page[::step][:SAMPLE], count)
        return Weight(bytes=0, fit=count)

    async def weigh_these(
        self, queue: QueueId, state: str, refs: list[FailedRef], count: int
    ) -> Weight:
        """Of `count` jobs like these."""
        size = jobs = 0
        async for group in self._remover.capture(queue, state, refs):
            if group.jobs:
                size += await self._archive.weigh(group.jobs)
                jobs += len(group.jobs)
        each = size / jobs if jobs else 0.0
        room = await self._archive.room()
        return Weight(
            bytes=round(each * count), fit=min(count, int(room / each)) if each else count
        )

    def said(self, weight: Weight, count: int) -> list[str]:
        """How long it is kept, how much of the cap it takes, and what does not fit."""
        kept, cap = say_duration(self._archive.kept), say_size(self._archive.cap)
        mine = f"about {say_size(weight.bytes)} of it"
        lines = [f"Archived first: kept {kept}, up to {cap} of archives; {mine}"]
        if weight.fit < count:
            lines.insert(
                0,
                f"The archive has room for about {weight.fit:,} of them: "
                f"the other {count - weight.fit:,} are not removed",
            )
        return lines
