"""Orders whose job lies in an archive: `undo` brings it back, so they are not without one."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from bot.domain.archives import ArchiveInfo, data_of
from bot.domain.jobs import ORPHAN, ArchivedJob
from bot.domain.queues import QueueId
from bot.domain.salesforce import order_id_of, order_key
from bot.ports import Archive

MOST: Final = 5_000
"""Archived jobs that a view looks at: a tenth of a second."""

MOST_THOROUGH: Final = 1_000_000
"""Those that are looked at before orders are set right: about 20 s, and never more than fit."""

_PAGE: Final = 4_096
"""A job whose data is longer counts as several, in bytes."""


@dataclass(frozen=True, slots=True)
class Archived:
    """Each order's archive, by its `order_key`; `sure` that no other of those asked for has one."""

    found: dict[str, ArchiveInfo]
    sure: bool = True


class ArchivedOrders:
    """Looks through a queue's archives. `path` is that of the order's id in the jobs' data.

    Not through those of old jobs that new ones have replaced, nor of orphans: neither is a job that
    would do the order's work when it is back.
    """

    def __init__(self, *, archive: Archive, path: str) -> None:
        self._archive = archive
        self._path = path

    async def of(self, queue: QueueId, orders: Collection[str], *, most: int) -> Archived:
        """Which of these orders, by their keys, have a job there: the newest archive of each.

        Raises:
            RedisUnavailableError: the archives cannot be read.
        """
        left, found = set(orders), dict[str, ArchiveInfo]()
        looked, sure = 0, True
        for info in await self._archive.recent(queue) if left else ():
            if info.replaced or info.state == ORPHAN:
                continue
            for number in await self._archive.batches(info.id):
                if not left:
                    return Archived(found)
                if looked >= most:
                    return Archived(found, sure=False)
                jobs = await self._archive.batch(info.id, number)
                keys, pages, unread = await asyncio.to_thread(_read, jobs, self._path)
                found |= dict.fromkeys(keys & left, info)
                left -= keys
                looked, sure = looked + pages, sure and not unread
        return Archived(found, sure=sure or not left)


def _read(jobs: Sequence[ArchivedJob], path: str) -> tuple[set[str], int, int]:
    """The orders that they are about, how many pages they take, how many cannot be read."""
    keys, pages, unread = set[str](), 0, 0
    for job in jobs:
        raw, data = dict(job.fields).get(b"data", b"null"), data_of(job)
        order_id = order_id_of(data, path)
        if order_id is not None:
            keys.add(order_key(order_id))
        pages += 1 + len(raw) // _PAGE
        unread += data is None and raw != b"null"
    return keys, pages, unread
