"""Which orders Salesforce has done, or is doing: a job of old would provision them twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from bot.domain.archives import data_of
from bot.domain.jobs import ArchivedJob
from bot.domain.policy import Catalog
from bot.domain.queues import QueueId
from bot.domain.redaction import mask_reason
from bot.domain.salesforce import (
    Order,
    SalesforcePolicy,
    is_order_id,
    order_id_of,
    order_key,
    unique_ids,
)
from bot.domain.times import Ms
from bot.errors import BullhornError
from bot.ports import OrderSystem

LOOKED_AT: Final = 2_000
"""Orders that are asked for while a card is drawn: ten calls."""

LIMIT: Final = 3.0
"""Seconds that a card waits for Salesforce."""

_NO_CREDENTIALS: Final = "no credentials for Salesforce"
_SLOW: Final = "Salesforce did not answer in time"
_NO_ORDER: Final = "not found"
_NO_STATUS: Final = "(empty)"
_STATES: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What Salesforce said of the orders of some jobs.

    `settled` has the jobs whose order is done (or, where that was asked, being done), with its
    status; `begun` are those of them whose order is being done only since they failed. `orders` is
    how many orders those are. Where that was asked, `unexpected` has the jobs
    whose order is in any other state but those that a retry is `expected` from; `states` is how
    many orders are in which. `looked` of the `of` jobs with an order were asked for; `unknown` says
    why none was.
    """

    settled: Mapping[str, str] = field(default_factory=dict)
    begun: frozenset[str] = frozenset()
    orders: int = 0
    unexpected: Sequence[str] = ()
    states: Mapping[str, int] = field(default_factory=dict)
    expected: str = ""
    looked: int = 0
    of: int = 0
    unknown: str = ""

    @property
    def jobs(self) -> tuple[str, ...]:
        """All the jobs that need, or may have, no retry."""
        return (*self.settled, *self.unexpected)

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
        found = await self._found(jobs)
        return self._settled(found, under_way=under_way)

    async def within(
        self,
        jobs: Mapping[str, str | None],
        *,
        under_way: bool = False,
        expected: bool = False,
        failed_at: Mapping[str, Ms] | None = None,
    ) -> Asked:
        """As `of`, for a card: the first 2,000, and no longer than it may wait. Raises nothing.

        With `expected` it is looked, too, whether a retry is expected in the order's state. An
        order that was set to activating after its job had failed, by `failed_at`, is being done.
        """
        with_order = {job: one for job, one in jobs.items() if is_order_id(one)}
        of = len(with_order)
        if not of:
            return Asked()
        if self._system is None:
            return Asked(of=of, unknown=_NO_CREDENTIALS)
        some = dict(list(with_order.items())[:LOOKED_AT])
        try:
            async with asyncio.timeout(self._limit):
                found = await self._found(some)
        except TimeoutError:
            return Asked(of=of, unknown=_SLOW)
        except BullhornError as error:
            return Asked(of=of, unknown=str(error).partition(". ")[0].rstrip("."))
        begun = self._begun(found, failed_at or {})
        settled = self._settled(found, under_way=under_way) | begun
        orders = len(unique_ids(some[job] or "" for job in settled))
        asked = Asked(
            settled=settled, begun=frozenset(begun), orders=orders, looked=len(some), of=of
        )
        if not expected:
            return asked
        odd = {
            job: _state(order)
            for job, order in found.items()
            if job not in settled and (order is None or not self._policy.expects(order))
        }
        states = Counter({order_key(some[job] or ""): state for job, state in odd.items()}.values())
        return replace(
            asked, unexpected=tuple(odd), states=states, expected=self._policy.expected()
        )

    def archived(self, jobs: Iterable[ArchivedJob]) -> dict[str, str | None]:
        """The order's id of each archived job, None where its data names none."""
        return {job.id: self._order_of(job) for job in jobs}

    async def _found(self, jobs: Mapping[str, str | None]) -> dict[str, Order | None]:
        """The order of each job that names one, None where Salesforce has none; raises as `of`."""
        ids = unique_ids(one for one in jobs.values() if one is not None)
        if self._system is None or not ids:
            return {}
        found = await self._system.orders(ids)
        known = {order_key(order.id): order for order in found.values()}
        return {job: known.get(order_key(one)) for job, one in jobs.items() if one is not None}

    def _settled(self, found: Mapping[str, Order | None], *, under_way: bool) -> dict[str, str]:
        return {
            job: order.status or ""
            for job, order in found.items()
            if order is not None and self._is_settled(order, under_way=under_way)
        }

    def _begun(
        self, found: Mapping[str, Order | None], failed_at: Mapping[str, Ms]
    ) -> dict[str, str]:
        """A new job is to come of it, or was not seen: one that failed would have ended it."""
        return {
            job: order.status or ""
            for job, order in found.items()
            if job in failed_at
            and order is not None
            and self._policy.is_activating(order)
            and (order.modified_at or 0) > failed_at[job]
        }

    def _is_settled(self, order: Order, *, under_way: bool) -> bool:
        fate = self._policy.fate(order)
        return fate == "completed" or (under_way and fate == "waiting")

    def _order_of(self, job: ArchivedJob) -> str | None:
        return order_id_of(data_of(job), self.path)


def _state(order: Order | None) -> str:
    return _NO_ORDER if order is None else order.status or _NO_STATUS


def left_out_words(count: int, statuses: str) -> str:
    """`18,006 orders are Activated in Salesforce`."""
    return f"{count:,} {'order is' if count == 1 else 'orders are'} {statuses} in Salesforce"


def unexpected_words(asked: Asked, redact: Sequence[str]) -> str:
    """`3 orders are Cancelled in Salesforce`, or `are Cancelled (3) or On hold (1)`."""
    said = [
        f"{mask_reason(state, redact)[:40]}{f' ({count:,})' if len(asked.states) > 1 else ''}"
        for state, count in Counter(asked.states).most_common(_STATES)
    ]
    if len(asked.states) > _STATES:
        said.append("in other states")
    which = " or ".join(filter(None, [", ".join(said[:-1]), said[-1]]))
    return left_out_words(sum(asked.states.values()), which)


def not_checked(asked: Asked) -> str:
    """Of how many jobs it is not known, "" where all were asked for."""
    if asked.unknown:
        return f"Not checked in Salesforce whether these orders are done already: {asked.unknown}"
    if asked.looked < asked.of:
        return f"Checked in Salesforce for the first {asked.looked:,} of {asked.of:,} jobs only"
    return ""
