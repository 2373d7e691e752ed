"""The portal's producing side: how jobs get into the two queues, and how fast."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

from bullmq import Queue
from redis.asyncio import Redis
from redis.exceptions import RedisError

from bot.demo.workload.orders import ORDER_FAULTS, ORDER_JOB, ORDER_QUEUE, order_data
from bot.demo.workload.sims import SIM_FAULTS, SIM_JOB, SIM_QUEUE, sim_data

SIM_DELAY = timedelta(seconds=20)
"""The gap before a network type change; 30 minutes in production."""

JOB_OPTIONS = {
    "attempts": 3,
    "backoff": {"type": "exponential", "delay": 300},  # 5000 in production
    "removeOnComplete": {"count": 100},
    "removeOnFail": {"count": 100_000},  # 500 in production: the next to fail would drop the rest
}
"""The queues' default job options, as in the runbook but for the two that say so."""

_ORDER_EVERY, _SIM_EVERY = 1.4, 4.0  # seconds
_ORDERS_PER_FAULT, _SIMS_PER_FAULT = 200, 80  # together a failure about every 2.5 minutes
_log = logging.getLogger(__name__)


class Portal:
    """Adds jobs to both queues; owns the queue objects, not the Redis client.

    `approved` is told of each order before its job is added.
    """

    def __init__(
        self,
        *,
        redis: Redis,
        dice: random.Random | None = None,
        approved: Callable[[dict[str, Any]], object] = lambda _data: None,
    ) -> None:
        self._dice = dice or random.Random()
        self._approved = approved
        options = {"connection": redis, "defaultJobOptions": JOB_OPTIONS}
        self._orders = Queue(ORDER_QUEUE, options)
        self._sims = Queue(SIM_QUEUE, options)

    async def seed(self) -> None:
        """Add one job for each error code, and SIM operations that come due one by one.

        The faulty ones are too few in each queue to make a spike.
        """
        for fault in ORDER_FAULTS:
            await self.add_order(fault)
        for fault in SIM_FAULTS:
            await self.add_sim(fault, delay=timedelta(0))
        step = timedelta(seconds=_SIM_EVERY)
        for place in range(1, SIM_DELAY // step):
            await self.add_sim(delay=place * step)

    async def add_order(self, fault: str | None = None) -> None:
        """Add one order; `fault` is the error code it is to meet."""
        await self._orders.add(ORDER_JOB, self._order(fault))

    async def add_orders(self, count: int) -> None:
        """Add many sound orders in one go."""
        await self._orders.addBulk(
            [{"name": ORDER_JOB, "data": self._order(None)} for _ in range(count)]
        )

    def new_order(self) -> dict[str, Any]:
        """A sound order, of which no job is added."""
        return order_data(dice=self._dice, now=datetime.now(tz=UTC))

    async def add_again(self, data: Mapping[str, Any]) -> None:
        """Add an order that was activated anew, as the subscriber of the event does."""
        now = datetime.now(tz=UTC).timestamp()
        key = f"{data['sfOrderId']}-{int(now * 1000)}"
        await self._orders.add(ORDER_JOB, {**data, "idempotencyKey": key})

    async def add_sim(self, fault: str | None = None, *, delay: timedelta = SIM_DELAY) -> None:
        """Add one network type change that runs after `delay`."""
        data = sim_data(dice=self._dice, due=datetime.now(tz=UTC) + delay, fault=fault)
        await self._sims.add(SIM_JOB, data, {"delay": delay // timedelta(milliseconds=1)})

    async def produce_orders(self) -> NoReturn:
        """Add orders for ever."""
        await self._produce(self.add_order, _ORDER_EVERY, ORDER_FAULTS, _ORDERS_PER_FAULT)

    async def produce_sims(self) -> NoReturn:
        """Add SIM operations for ever."""
        await self._produce(self.add_sim, _SIM_EVERY, SIM_FAULTS, _SIMS_PER_FAULT)

    async def close(self) -> None:
        """Let go of the queue objects."""
        await self._orders.close()
        await self._sims.close()

    def _order(self, fault: str | None) -> dict[str, Any]:
        data = order_data(dice=self._dice, now=datetime.now(tz=UTC), fault=fault)
        self._approved(data)
        return data

    async def _produce(
        self,
        add: Callable[[str | None], Awaitable[None]],
        every: float,
        faults: Sequence[str],
        jobs_per_fault: int,
    ) -> NoReturn:
        """Add a job `every` so many seconds, on average."""
        count = 0
        while True:
            await asyncio.sleep(every * self._dice.uniform(0.8, 1.2))
            count += 1
            try:
                await add(fault_of(count, faults=faults, jobs_per_fault=jobs_per_fault))
            except RedisError as error:
                _log.warning("A demo job could not be added: %s", error)


def fault_of(count: int, *, faults: Sequence[str], jobs_per_fault: int) -> str | None:
    """Choose the fault of the `count`-th job (from 1): none, but for each `jobs_per_fault`-th.

    Counted and not diced, so that faults never come close enough together to raise an alert.
    """
    turn, rest = divmod(count, jobs_per_fault)
    return None if rest else faults[turn % len(faults)]
