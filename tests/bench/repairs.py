"""Bullhorn's side of the repairs: retry, archive and undo, as their operations do them."""

from __future__ import annotations

import time
from typing import Final

from redis.asyncio import Redis

from bot.adapters.bullmq_done import BullmqDoneSets
from bot.adapters.bullmq_operator import BullmqOperator
from bot.adapters.bullmq_reader import BullmqReader
from bot.adapters.bullmq_remover import BullmqRemover
from bot.adapters.redis_archive import RedisArchive
from bot.adapters.sources import Sources
from bot.domain.jobs import FailureFilter
from bot.domain.pacing import Pace
from bot.domain.plans import Plan
from bot.domain.policy import Catalog
from bot.domain.queues import QueueId
from bot.services.archiving import Archiving
from bot.services.operations.base import Throttle
from bot.services.operations.retry import RetryExecutor

_BATCH: Final = 500


class Repairs:
    """Each gives how many jobs it did, and in how many ms."""

    def __init__(
        self, *, sources: Sources, own: Redis, reader: BullmqReader, catalog: Catalog
    ) -> None:
        done = BullmqDoneSets(sources=sources)
        self._done = done
        self._remover = BullmqRemover(sources=sources)
        self._archive = RedisArchive(client=own)
        self._archiving = Archiving(remover=self._remover, archive=self._archive, done=done)
        self._retry = RetryExecutor(
            reader=reader,
            operator=BullmqOperator(sources=sources),
            done=done,
            catalog=catalog,
        )

    async def retry(
        self, queue: QueueId, code: str, until: int, operation: str
    ) -> tuple[int, float]:
        """Retry what failed with that code by then, at the pace a runner would find."""
        plan = Plan(
            id=operation, queue=queue, count=0, asked_by="U", asked_at=0, expires_at=0, channel="C",
            filter=FailureFilter(code=code, until=until),
        )  # fmt: skip
        throttle, began = Throttle(Pace()), time.perf_counter()
        moved, last = 0, began
        async for step in self._retry.steps(plan, throttle):
            now = time.perf_counter()
            throttle.pace = throttle.pace.after(now - last)
            moved, last = moved + len(step.outcome.done), now
        return moved, (time.perf_counter() - began) * 1000
