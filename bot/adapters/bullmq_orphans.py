"""Finds job hashes that are in no list and no set: what removing bare ids leaves behind.

SCAN goes over the keys of the queue's own server in bounded steps. Where the queue's lists are
short they are read once; where they are long, only jobs that have ended are taken for orphans, as
none of those waits. Whether it is an orphan is decided again, for good, when it is removed.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from itertools import repeat
from typing import Any, Final, cast

from redis.asyncio import Redis

from bot.adapters import bullmq_scripts as scripts
from bot.adapters.bullmq_scripts import Call
from bot.adapters.redis_errors import speaking_to
from bot.domain.queues import QueueId

STEP: Final = 500
"""Keys that one SCAN looks at, more or less."""

CHUNK: Final = 100
LIST_PAGE: Final = 1000
MOST_LISTED: Final = 100_000
"""Jobs in lists up to which they are read: some megabytes."""

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
        seen: set[str] = set()
        async for ids in self._walk(steps):
            fresh = [id_ for id_ in ids if id_ not in (listed or ()) and id_ not in seen]
            for start in range(0, len(fresh), CHUNK):
                part = fresh[start : start + CHUNK]
                found += await self._look(part, finished=listed is None)
            seen.update(found)
            while len(found) >= STEP:
                yield found[:STEP]
                found = found[STEP:]
        if found:
            yield found

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


def _may_be_a_job(id_: str) -> bool:
    return ":" not in id_ or _REPEATED.fullmatch(id_) is not None
