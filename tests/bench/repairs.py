"""Bullhorn's side of the repairs: retry, archive and undo, as its operations do them."""

from __future__ import annotations

import time
from typing import Any, Final

from redis.asyncio import Redis

from bot.adapters.bullmq_done import BullmqDoneSets
from bot.adapters.bullmq_operator import BullmqOperator
from bot.adapters.bullmq_remover import BullmqRemover
from bot.adapters.redis_archive import RedisArchive
from bot.adapters.sources import Sources
from bot.domain.jobs import FailureFilter
from bot.domain.pacing import Pace
from bot.domain.plans import Plan, PlanKind
from bot.domain.policy import Catalog
from bot.domain.queues import QueueId
from bot.ports import QueueReader
from bot.services.archiving import Archiving
from bot.services.operations.base import Executor, Throttle
from bot.services.operations.clean import CleanExecutor, Taking
from bot.services.operations.retry import RetryExecutor
from bot.services.operations.undo import UndoExecutor

_NOBODY: Final[dict[str, Any]] = {
    "asked_by": "U",
    "asked_at": 0,
    "expires_at": 0,
    "channel": "C",
}


class Repairs:
    """Each method carries a plan out, and gives how many jobs it changed, in how many ms."""

    def __init__(
        self, *, sources: Sources, own: Redis, reader: QueueReader, catalog: Catalog
    ) -> None:
        done, remover = BullmqDoneSets(sources=sources), BullmqRemover(sources=sources)
        self._archive = RedisArchive(client=own)
        archiving = Archiving(remover=remover, archive=self._archive, done=done)
        taking = Taking(
            remover=remover, archiving=archiving, archive=self._archive, catalog=catalog
        )
        operator = BullmqOperator(sources=sources)
        self._retry = RetryExecutor(reader=reader, operator=operator, done=done, catalog=catalog)
        self._clean = CleanExecutor(taking=taking, remover=remover, done=done, catalog=catalog)
        self._undo = UndoExecutor(
            archiving=archiving,
            remover=remover,
            archive=self._archive,
            done=done,
            catalog=catalog,
        )

    async def retry(
        self, queue: QueueId, plan: str, count: int, code: str, until: int
    ) -> dict[str, Any]:
        """What failed with that code by then."""
        wanted = FailureFilter(code=code, until=until)
        retried = Plan(id=plan, queue=queue, count=count, filter=wanted, **_NOBODY)
        return await _carry_out(self._retry, retried)

    async def clean(self, queue: QueueId, plan: str, count: int, until: int) -> dict[str, Any]:
        """Archive and remove what failed by then; also how many bytes the archive takes."""
        cleaned = Plan(
            id=plan, queue=queue, count=count, kind=PlanKind.CLEAN, state="failed", archive=plan,
            filter=FailureFilter(until=until), **_NOBODY,
        )  # fmt: skip
        found = await _carry_out(self._clean, cleaned)
        info = await self._archive.info(plan)
        return {**found, "bytes": info.bytes if info else 0}

    async def undo(self, queue: QueueId, plan: str, count: int, archive: str) -> dict[str, Any]:
        """Bring an archive back."""
        undone = Plan(
            id=plan, queue=queue, count=count, kind=PlanKind.UNDO, archive=archive, **_NOBODY
        )
        return await _carry_out(self._undo, undone)


async def _carry_out(executor: Executor, plan: Plan) -> dict[str, Any]:
    """All batches, each as large as the ones before let the runner make it."""
    throttle, jobs = Throttle(Pace()), 0
    began = last = time.perf_counter()
    async for step in executor.steps(plan, throttle):
        now = time.perf_counter()
        throttle.pace = throttle.pace.after(now - last)
        jobs, last = jobs + len(step.outcome.done), now
    return {"jobs": jobs, "ms": (time.perf_counter() - began) * 1000}
