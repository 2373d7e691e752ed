"""The done sets of operations: a Redis SET beside each queue, written by the guarded scripts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from typing import Any, Final

from redis.asyncio import Redis

from bot.adapters.redis_errors import speaking_to
from bot.adapters.redis_plan_store import KEPT as PLAN_KEPT
from bot.adapters.sources import Sources
from bot.domain.archives import KEPT as ARCHIVES_KEPT
from bot.domain.queues import QueueId
from bot.domain.times import DAY, Ms

BATCH: Final = 500
"""Ids at a time."""

KEPT: Final[Ms] = PLAN_KEPT
"""How long a done set lasts: as long as its plan. lua/guard.lua has it too."""


class BullmqDoneSets:
    """The port DoneSets over the sources of the config; all of it raises RedisUnavailableError."""

    def __init__(self, *, sources: Sources, archives_kept: Ms = ARCHIVES_KEPT) -> None:
        self._sources = sources
        self._batches_kept = batch_kept(archives_kept)

    async def count(self, queue: QueueId, operation: str) -> int:
        """How many jobs the operation has changed."""

        async def ask(client: Any) -> int:
            return int(await client.scard(done_key(queue, operation)))

        return await self._sources.ask(queue, ask)

    async def ids(self, queue: QueueId, operation: str) -> AsyncIterator[list[str]]:
        """Their ids in any order, each once unless the set changes meanwhile."""
        cursor, waiting = 0, list[str]()
        while True:
            cursor, some = await self._sources.ask(queue, _scan(done_key(queue, operation), cursor))
            waiting += some
            while len(waiting) >= BATCH or (waiting and not cursor):
                yield waiting[:BATCH]
                waiting = waiting[BATCH:]
            if not cursor:
                return

    async def contains(
        self, queue: QueueId, operation: str, ids: Collection[str]
    ) -> frozenset[str]:
        """Which of these ids are in it."""
        asked = list(ids)

        async def ask(client: Redis) -> list[Any]:
            async with client.pipeline(transaction=False) as pipe:
                for id_ in asked:
                    pipe.sismember(done_key(queue, operation), id_)
                return await pipe.execute()

        answers = await self._sources.ask(queue, ask) if asked else []
        return frozenset(id_ for id_, there in zip(asked, answers, strict=True) if there)

    async def remember(self, queue: QueueId, operation: str, ids: Collection[str]) -> None:
        """Put ids in, for what is changed elsewhere than in the queue."""
        if not ids:
            return
        key = done_key(queue, operation)
        with speaking_to(queue.source):
            async with self._sources.client(queue).pipeline(transaction=True) as pipe:
                pipe.sadd(key, *ids)
                pipe.pexpire(key, KEPT)
                await pipe.execute()

    async def take_back(self, queue: QueueId, operation: str, ids: Collection[str]) -> None:
        """Take ids out again."""
        if not ids:
            return
        with speaking_to(queue.source):
            await self._sources.client(queue).srem(done_key(queue, operation), *ids)

    async def close(self, queue: QueueId, batch: str) -> None:
        """Let nothing more be removed into the done set of this batch; see lua/remove.lua.

        A server does one thing after the other: what `contains` says afterwards is all there is.
        """
        with speaking_to(queue.source):
            key = f"{done_key(queue, batch)}:closed"
            await self._sources.client(queue).set(key, "1", px=self._batches_kept)

    async def prolong(self, queue: QueueId, operation: str) -> None:
        """Let it last a day longer than an archive that is made now; nothing if it is not there."""
        with speaking_to(queue.source):
            key = done_key(queue, operation)
            await self._sources.client(queue).pexpire(key, self._batches_kept)

    async def forget(self, queue: QueueId, operation: str) -> None:
        """Drop it."""
        with speaking_to(queue.source):
            await self._sources.client(queue).unlink(done_key(queue, operation))


def batch_kept(archives_kept: Ms) -> Ms:
    """How long it is known what was removed into a batch, and what was brought back of it."""
    return max(KEPT, archives_kept + DAY)


def done_key(queue: QueueId, operation: str) -> str:
    """Where lua/guard.lua keeps what an operation has changed."""
    return queue.key(f"bullhorn:{operation}")


def _scan(key: str, cursor: int) -> Any:
    async def ask(client: Any) -> tuple[int, list[str]]:
        at, some = await client.sscan(key, cursor, count=BATCH)
        return int(at), list(some)

    return ask
