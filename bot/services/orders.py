"""What Salesforce says of a queue's orders, for the views; that it is away is no error here."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Final, TypeVar

from bot.domain.jobs import JobDetail
from bot.domain.policy import Catalog
from bot.domain.queues import QueueId
from bot.domain.salesforce import (
    Order,
    OrderView,
    SalesforcePolicy,
    StuckOrders,
    forms,
    order_id_of,
    order_key,
)
from bot.errors import BullhornError
from bot.ports import OrderSystem, QueueReader

LIMIT: Final = 3.0
"""Seconds a view waits for Salesforce."""

MOST: Final = 200
"""Orders in activating that are looked at."""

_SLOW: Final = "Salesforce did not answer"

T = TypeVar("T")


class Orders:
    """Orders behind jobs. `system` is None without credentials: then nothing is said of orders."""

    def __init__(
        self,
        *,
        system: OrderSystem | None,
        reader: QueueReader,
        policy: SalesforcePolicy,
        catalog: Catalog,
        limit: float = LIMIT,
    ) -> None:
        self._system = system
        self._reader = reader
        self._policy = policy
        self._catalog = catalog
        self._limit = limit

    @property
    def connected(self) -> bool:
        """Whether there are credentials."""
        return self._system is not None

    def through_salesforce(self, queue: QueueId) -> bool:
        """Whether Salesforce is the recommended way for the queue, and has credentials."""
        return self.connected and self._catalog.policy(queue).retry_via == "salesforce"

    async def of_job(self, job: JobDetail) -> OrderView | None:
        """The order that a job is about, None where there is nothing to say."""
        system = self._system
        order_id = order_id_of(job.data, self._policy.order_id)
        if system is None or order_id is None or not self.through_salesforce(job.queue):
            return None
        found = await self._within(system.order(order_id))
        if isinstance(found, str):
            return OrderView(order_id=order_id, unknown=found)
        return OrderView(order_id=order_id, order=found)

    async def stuck(self, queue: QueueId) -> StuckOrders | None:
        """Orders that have been activating for long without a job, None where nothing is to say."""
        system = self._system
        if system is None or not self.through_salesforce(queue):
            return None

        async def look() -> StuckOrders:
            before = await self._reader.now() - self._policy.stuck_after
            orders = await system.stuck(before=before, limit=MOST)
            return await self._without_job(queue, orders)

        found = await self._within(look())
        return StuckOrders(unknown=found) if isinstance(found, str) else found

    async def _without_job(self, queue: QueueId, orders: Sequence[Order]) -> StuckOrders:
        """Those that no job is about; the data of a job may hold either form of an id."""
        if not orders:
            return StuckOrders()
        asked = {form for order in orders for form in (order.id, *forms(order.id))}
        about = await self._reader.jobs_about(queue, self._policy.order_id, asked)
        working = {order_key(form) for form, jobs in about.found.items() if jobs}
        return StuckOrders(
            orders=tuple(order for order in orders if order_key(order.id) not in working),
            more=len(orders) == MOST,
            sure=about.complete and not about.unread,
        )

    async def _within(self, asked: Awaitable[T]) -> T | str:
        """The answer, or in words why there is none."""
        try:
            async with asyncio.timeout(self._limit):
                return await asked
        except TimeoutError:
            return _SLOW
        except BullhornError as error:
            return str(error).rstrip(".")
