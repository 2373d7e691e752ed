"""What Salesforce says of a queue's orders, for the views; that it is away is no error here."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Sequence
from dataclasses import replace
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
from bot.services import archived_orders
from bot.services.archived_orders import Archived, ArchivedOrders

LIMIT: Final = 3.0
"""Seconds a view waits for Salesforce."""

MOST: Final = 200
"""Orders in activating that a view looks at."""

MOST_THOROUGH: Final = 2_000
"""As many as Salesforce answers at once: behind a drain's orders there may be stuck ones."""

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
        archived: ArchivedOrders | None = None,
        limit: float = LIMIT,
    ) -> None:
        self._system = system
        self._archived = archived
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
        found = await self._within(system.order(order_id), limit=self._limit)
        if isinstance(found, str):
            return OrderView(order_id=order_id, unknown=found)
        return OrderView(order_id=order_id, order=found)

    async def stuck(self, queue: QueueId, *, thorough: bool = False) -> StuckOrders | None:
        """Orders that have been activating for long without a job, None where nothing is to say.

        Those whose job is archived are counted apart. `thorough` is for what is done about them,
        not for a view: all of the queue's jobs are looked at, however long it takes.
        """
        system = self._system
        if system is None or not self.through_salesforce(queue):
            return None

        async def look() -> StuckOrders:
            before = await self._reader.now() - self._policy.stuck_after
            most = MOST_THOROUGH if thorough else MOST
            orders = await system.stuck(before=before, limit=most)
            found = await self._without_job(queue, orders, thorough=thorough)
            return replace(found, more=len(orders) == most)

        found = await self._within(look(), limit=None if thorough else self._limit)
        return StuckOrders(unknown=found) if isinstance(found, str) else found

    async def _without_job(
        self, queue: QueueId, orders: Sequence[Order], *, thorough: bool
    ) -> StuckOrders:
        """Those that no job is about, archived ones too; data may hold either form of an id."""
        if not orders:
            return StuckOrders()
        asked = {form for order in orders for form in (order.id, *forms(order.id))}
        about = await self._reader.jobs_about(
            queue, self._policy.order_id, asked, thorough=thorough
        )
        working = {order_key(form) for form, jobs in about.found.items() if jobs}
        without = [order for order in orders if order_key(order.id) not in working]
        kept = await self._in_archives(queue, without, thorough=thorough)
        return StuckOrders(
            orders=tuple(order for order in without if order_key(order.id) not in kept.found),
            archived=tuple(Counter(kept.found.values()).most_common()),
            sure=about.sure and kept.sure,
        )

    async def _in_archives(
        self, queue: QueueId, orders: Sequence[Order], *, thorough: bool
    ) -> Archived:
        """After the queue: a job that was removed meanwhile is in its archive by now."""
        if self._archived is None:
            return Archived({})
        keys = {order_key(order.id) for order in orders}
        most = archived_orders.MOST_THOROUGH if thorough else archived_orders.MOST
        return await self._archived.of(queue, keys, most=most)

    @staticmethod
    async def _within(asked: Awaitable[T], *, limit: float | None) -> T | str:
        """The answer, or in words why there is none after `limit` seconds; None: no limit."""
        try:
            async with asyncio.timeout(limit):
                return await asked
        except TimeoutError:
            return _SLOW
        except BullhornError as error:
            return str(error).rstrip(".")
