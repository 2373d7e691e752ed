"""Which orders Salesforce has done, or is doing: a job of old would provision them twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from bot.domain.archives import data_of
from bot.domain.jobs import ArchivedJob
from bot.domain.policy import Catalog
from bot.domain.queues import QueueId
from bot.domain.salesforce import Order, SalesforcePolicy, is_order_id, order_id_of, unique_ids
from bot.errors import BullhornError
from bot.ports import OrderSystem

LOOKED_AT: Final = 2_000
"""Orders that are asked for while a card is drawn: ten calls."""

LIMIT: Final = 3.0
"""Seconds that a card waits for Salesforce."""

_NO_CREDENTIALS: Final = "no credentials for Salesforce"
_SLOW: Final = "Salesforce did not answer in time"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What Salesforce said of the orders of some jobs.

    `settled` has the jobs whose order is done (or, where that was asked, being done), with its
    status; `orders` is how many orders those are. `looked` of the `of` jobs with an order were
    asked for; `unknown` says why none was.
    """

    settled: Mapping[str, str] = field(default_factory=dict)
    orders: int = 0
    looked: int = 0
    of: int = 0
    unknown: str = ""

    def statuses(self) -> str:
        """`Activated`, or `Activated or Activating`, the most frequent first."""
        return " or ".join(one for one, _ in Counter(self.settled.values()).most_common(3))


class SettledOrders:
    """Asks Salesforce about the orders of jobs; `system` is None without credentials."""

    def __init__(
        self,
        *,
        system: OrderSystem | None,
        policy: SalesforcePolicy,
        catalog: Catalog,
        limit: float = LIMIT,
    ) -> None:
        self._system = system
        self._policy = policy
        self._catalog = catalog
        self._limit = limit

    @property
    def path(self) -> str:
        """Where a job's data has its order's id."""
        return self._policy.order_id

    def concerns(self, queue: QueueId) -> bool:
        """Whether the queue's jobs are about orders that Salesforce provisions, and can tell of."""
        return self._system is not None and self._catalog.policy(queue).retry_via == "salesforce"

    async def of(self, jobs: Mapping[str, str | None], *, under_way: bool) -> dict[str, str]:
        """The jobs whose order is done, or with `under_way` being done, each with its status.

        `jobs` has the order's id by the job's. Nothing without credentials.

        Raises:
            SalesforceUnavailableError, SalesforceRefusedError: it is not known.
        """
        ids = unique_ids(one for one in jobs.values() if one is not None)
        if self._system is None or not ids:
            return {}
        found = await self._system.orders(ids)
        known = {order.id[:15]: order for order in found.values()}
        settled = {}
        for job_id, order_id in jobs.items():
            order = known.get((order_id or "")[:15])
            if order is not None and self._is_settled(order, under_way=under_way):
                settled[job_id] = order.status or ""
        return settled

    async def within(self, jobs: Mapping[str, str | None], *, under_way: bool) -> Asked:
        """As `of`, for a card: the first 2,000, and no longer than it may wait. Raises nothing."""
        with_order = {job: one for job, one in jobs.items() if is_order_id(one)}
        of = len(with_order)
        if not of:
            return Asked()
        if self._system is None:
            return Asked(of=of, unknown=_NO_CREDENTIALS)
        some = dict(list(with_order.items())[:LOOKED_AT])
        try:
            async with asyncio.timeout(self._limit):
                settled = await self.of(some, under_way=under_way)
        except TimeoutError:
            return Asked(of=of, unknown=_SLOW)
        except BullhornError as error:
            return Asked(of=of, unknown=str(error).partition(". ")[0].rstrip("."))
        orders = len(unique_ids(some[job] or "" for job in settled))
        return Asked(settled=settled, orders=orders, looked=len(some), of=of)

    def archived(self, jobs: Iterable[ArchivedJob]) -> dict[str, str | None]:
        """The order's id of each archived job, None where its data names none."""
        return {job.id: self._order_of(job) for job in jobs}

    def _is_settled(self, order: Order, *, under_way: bool) -> bool:
        fate = self._policy.fate(order)
        return fate == "completed" or (under_way and fate == "waiting")

    def _order_of(self, job: ArchivedJob) -> str | None:
        return order_id_of(data_of(job), self.path)


def left_out_words(count: int, statuses: str) -> str:
    """`18,006 orders are Activated in Salesforce`."""
    return f"{count:,} {'order is' if count == 1 else 'orders are'} {statuses} in Salesforce"


def not_checked(asked: Asked) -> str:
    """Of how many jobs it is not known, "" where all were asked for."""
    if asked.unknown:
        return f"Not checked in Salesforce whether these orders are done already: {asked.unknown}"
    if asked.looked < asked.of:
        return f"Checked in Salesforce for the first {asked.looked:,} of {asked.of:,} jobs only"
    return ""
