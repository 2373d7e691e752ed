"""Finds job hashes that are in no list and no set: what removing bare ids leaves behind.

SCAN goes over the keys of the queue's own server in bounded steps. Where the queue's lists are
short they are read once; where they are long, only jobs that have ended are taken for orphans, and
the lists are read for them: one that was put back by hand has ended, and waits. Whether it is an
orphan is decided again when it is removed.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from itertools import islice, repeat
from typing import Any, Final, cast

from redis.asyncio import Redis

from bot.adapters import bullmq_scripts as scripts
from bot.adapters.bullmq_scripts import Call
from bot.adapters.redis_errors import speaking_to
from bot.domain.queues import QueueId

STEP: Final = 500
"""Keys that one SCAN looks at, more or less."""

CHUNK: Final = 50
LIST_PAGE: Final = 1000
MOST_LISTED: Final = 60_000
"""Jobs in lists up to which they are held: as MOST_PLACES in lua/list_places.lua."""

MOST_LOOKED: Final = 10_000
"""Orphans for which long lists are read at a time."""

MOST_SEEN: Final = 50_000
"""Orphans that are remembered: SCAN may give one twice. Of more, some may be counted twice."""

OVERLAP: Final = 100
"""Jobs that may leave a list between two pages of it without hiding another."""

_GLOB: Final = re.compile(r"([*?\[\]\\^])")
_REPEATED: Final = re.compile(r"repeat:.+:\d+")
"""The id of a scheduler's job; every other id is without a colon."""

_LISTS: Final = ("wait", "paused", "active")
_PRO: Final = "groups"
"""BullMQ Pro keeps jobs in groups, in no set that is known here."""


class Orphans:
    """One look through a queue. `client` is that of the queue's own server."""

    def __init__(self, client: Redis, queue: QueueId) -> None:
        self._client: Any = client
        self._queue = queue

    async def find(self, *, steps: int | None = None) -> AsyncIterator[list[str]]:
        """Their ids, in batches of at most 500, found in no more than so many steps.

        Raises:
            RedisUnavailableError: the source does not answer.
        """
        with speaking_to(self._queue.source):
            if await self._client.exists(self._queue.key(_PRO)):
                return
            listed = await self._listed()
        found: list[str] = []
        seen: dict[str, None] = {}
        async for ids in self._walk(steps):
            fresh = [id_ for id_ in ids if id_ not in (listed or ()) and id_ not in seen]
            for start in range(0, len(fresh), CHUNK):
                part = await self._look(fresh[start : start + CHUNK], finished=listed is None)
                found += part
                _note(seen, part)
            if len(found) >= (STEP if listed is not None else MOST_LOOKED):
                for page in await self._pages(found, listed):
                    yield page
                found = []
        for page in await self._pages(found, listed):
            yield page

    async def unlisted(self, ids: Sequence[str]) -> list[str]:
        """Those that are in no list, where the lists are long; all of them where they are not.

        The lists go on changing while they are read: what comes meanwhile lies near their ends.

        Raises:
            RedisUnavailableError: the source does not answer.
        """
        left = dict.fromkeys(ids)
        with speaking_to(self._queue.source):
            keys = [self._queue.key(name) for name in _LISTS]
            if sum([await self._client.llen(key) for key in keys]) <= MOST_LISTED:
                return list(left)
            for key in keys:
                start = 0
                while page := await self._client.lrange(key, start, start + LIST_PAGE - 1):
                    for id_ in page:
                        left.pop(id_, None)
                    start += LIST_PAGE - OVERLAP if len(page) == LIST_PAGE else LIST_PAGE
        return list(left)

    async def _pages(self, found: list[str], listed: set[str] | None) -> list[list[str]]:
        ids = found if listed is not None or not found else await self.unlisted(found)
        return [ids[start : start + STEP] for start in range(0, len(ids), STEP)]

    async def _listed(self) -> set[str] | None:
        """What is in the lists, None where they are long."""
        listed: set[str] = set()
        for name in _LISTS:
            key, start = self._queue.key(name), 0
            while page := await self._client.lrange(key, start, start + LIST_PAGE - 1):
                listed.update(page)
                start += LIST_PAGE
                if len(listed) > MOST_LISTED:
                    return None
        return listed

    async def _walk(self, steps: int | None) -> AsyncIterator[list[str]]:
        begin = self._queue.key("")
        pattern = _GLOB.sub(r"\\\1", begin) + "*"
        cursor = 0
        for _ in repeat(None) if steps is None else repeat(None, steps):
            with speaking_to(self._queue.source):
                cursor, keys = await self._client.scan(cursor, pattern, STEP, _type="hash")
            yield [id_ for key in keys if _may_be_a_job(id_ := key[len(begin) :])]
            cursor = int(cursor)
            if cursor == 0:
                return
            await asyncio.sleep(0)

    async def _look(self, ids: Sequence[str], *, finished: bool) -> list[str]:
        call = Call((self._queue.key("meta"),), (int(finished), *ids))
        with speaking_to(self._queue.source):
            answer = await scripts.run(self._client, scripts.load("orphan_look"), call)
        return cast("list[str]", answer)


def _note(seen: dict[str, None], ids: Sequence[str]) -> None:
    """Remember these, and forget the oldest of too many."""
    seen.update(dict.fromkeys(ids))
    for id_ in list(islice(seen, max(0, len(seen) - MOST_SEEN))):
        del seen[id_]


def _may_be_a_job(id_: str) -> bool:
    return ":" not in id_ or _REPEATED.fullmatch(id_) is not None
