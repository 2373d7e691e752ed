"""Whoever works at a queue beside Bullhorn: producers, a worker, and a hand on `redis-cli`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any, Final

from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from bot.domain.plans import PlanKind
from bot.domain.queues import QueueId
from tests.support.pretend_worker import CODES, OPTIONS, PretendWorker
from tests.support.repair_ledger import Ledger
from tests.support.repair_orders import ORDERS, Orders
from tests.support.replica import Replica
from tests.support.valkey_bullmq import write_meta

KINDS: Final = (*OPTIONS, "order", "order")


class Crew:
    """`client` is the worker's."""

    def __init__(
        self, queue: QueueId, redis: Redis, client: AsyncRedis, ledger: Ledger, orders: Orders
    ) -> None:
        self._queue, self._redis, self._ledger, self._orders = queue, redis, ledger, orders
        self.worker = PretendWorker(client, queue)
        self.worker.told = orders.ended
        self._numbers = count()
        write_meta(redis, queue, "bullmq:6.0.0")

    async def add(self, kind: str, how_many: int) -> None:
        """Add jobs of a kind of `KINDS`, or a parent of `PARENTS` with so many children."""
        self.begin_anew()
        if kind == "order":
            for _ in range(how_many):
                await self._add_order(ORDERS[next(self._numbers) % len(ORDERS)])
        elif kind in OPTIONS:
            await self.worker.add(kind, how_many)
        else:
            await self.worker.add_flow(kind, how_many)
        self._ledger.mark()

    async def publish(self, order: str) -> None:
        """Salesforce's flow: a new job for an order, whoever looks at the queue just now."""
        self.begin_anew()
        job_id = f"order-{next(self._numbers)}"
        self._ledger.coming[job_id] = order
        await self.worker.add_order(order, job_id)

    async def _add_order(self, order: str) -> None:
        self._orders.became(order, "Activating")
        await self.publish(order)

    async def work(self, ends: Sequence[str]) -> None:
        """Add what is late, take as many jobs and end them so."""
        while self._orders.late:
            await self.publish(self._orders.late.pop())
        await self.worker.work(ends)
        self._ledger.mark()

    async def feed(self, kind: PlanKind, pick: int) -> None:
        """Let more come of what an operation of that kind takes."""
        if kind is PlanKind.PROMOTE:
            await self.add("delayed", 3)
        elif kind is PlanKind.DRAIN:
            await self.add("plain", 3)
        else:
            await self.work([CODES[0]] * 3)
        if kind is PlanKind.SWEEP:
            self.cut_loose(2 * pick)

    async def fail_orders(self) -> None:
        """Two more orders fail."""
        await self.add("order", 2)
        await self.work([CODES[0]] * 2)

    async def end_held(self, end: str) -> None:
        """End the job that was taken last and not ended, or lose it; nothing without one."""
        job = self.worker.held.pop() if self.worker.held else None
        if job is None:
            return
        lock = self._queue.key(f"{job.id}:lock")
        if end == "is lost":
            self._redis.delete(lock)
        elif self._redis.get(lock) == job.token:
            await self.worker.finish(job, end)
            self._ledger.mark()

    async def switch(self, at: Replica) -> None:
        """Pause the queue, or resume it."""
        self.begin_anew()
        way = at.operator.resume if self._is_paused() else at.operator.pause
        await way(self._queue, configured=None)
        self._ledger.mark()

    async def quieten(self, at: Replica) -> None:
        """Let what is active end, and pause, as one must who wants to obliterate."""
        while self.worker.held:
            await self.end_held("completes")
        if not self._is_paused():
            await self.switch(at)

    def cut_loose(self, pick: int) -> None:
        """What the runbook once said: take old ids out of a set by their score, and only them."""
        key = self._queue.key(("failed", "completed")[pick % 2])
        rows: Any = self._redis.zrange(key, 0, pick % 3, withscores=True)
        if rows:
            upto = rows[-1][1]
            ids: Any = self._redis.zrangebyscore(key, "-inf", upto)
            self._redis.zremrangebyscore(key, "-inf", upto)
            self._ledger.cut_loose(ids)

    def _is_paused(self) -> bool:
        return bool(self._redis.hexists(self._queue.key("meta"), "paused"))

    def begin_anew(self) -> None:
        """An obliterated queue begins anew; its numbers go on, so that an id names one job."""
        if not self._redis.hexists(self._queue.key("meta"), "version"):
            numbers = [int(id_) for id_ in self._ledger.last if id_.isdigit()]
            self._redis.set(self._queue.key("id"), max(numbers, default=0))
            write_meta(self._redis, self._queue, "bullmq:6.0.0")
