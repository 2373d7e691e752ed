"""Orders in Salesforce whose jobs are in the queue, and one replica's way to them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from redis.exceptions import ConnectionError as RedisConnectionError

from bot.domain.salesforce import DayLimits, Order, OrderOutcome, Retried, SalesforcePolicy
from bot.domain.times import Ms
from bot.errors import SalesforceUnavailableError
from tests.support.fake_salesforce import FakeSalesforce, order_id
from tests.support.fakes import FakeClock
from tests.support.faults import Faults

ORDERS: Final = tuple(order_id(number) for number in range(8))
LATE, REFUSED = ORDERS[1], ORDERS[-1]
"""Of the one the flow publishes the new job later, the other Salesforce refuses to change."""


class Orders(FakeSalesforce):
    """Its flow publishes a new job for each order that is set to activating.

    `publish` adds it, `busy` tells whether an order has a job that has not ended. `late` are the
    orders whose job is still to come, `doubled` those that were set while they were busy.
    """

    def __init__(
        self, publish: Callable[[str], Awaitable[None]], busy: Callable[[str], bool]
    ) -> None:
        super().__init__(FakeClock(), SalesforcePolicy())
        self._publish, self._busy = publish, busy
        self.late: list[str] = []
        self.doubled: list[str] = []
        self.refusing[REFUSED] = "no"

    def became(self, order: str, status: str) -> None:
        """A job, or a person, has set it to that."""
        self.clock.now += 1
        self.put(order, status, error="TIMEOUT: no answer" if status == "Failed" else None)

    def ended(self, order: str, end: str) -> None:
        """What the worker writes when the order's job has ended."""
        self.became(order, "Activated" if end == "completes" else "Failed")

    def is_done(self, order: str) -> bool:
        """Whether the order's status says that one of its jobs has completed."""
        return self.at(order).status == "Activated"

    def settled(self, *, before: Ms) -> set[str]:
        """Those that are done or under way, as they have been since before then."""
        return {
            order.id
            for order in self.held.values()
            if order.status in ("Activated", "Activating") and (order.modified_at or 0) <= before
        }

    async def reactivate(self, seen: Sequence[Order]) -> Mapping[str, OrderOutcome]:
        """Each for itself, and the flow runs."""
        self.clock.now += 1
        outcomes = await super().reactivate(seen)
        done = [order for order, outcome in outcomes.items() if outcome.what is Retried.SET]
        self.doubled += filter(self._busy, done)
        for order in done:
            if order == LATE:
                self.late.append(order)
            else:
                await self._publish(order)
        return outcomes


class Line:
    """Satisfies OrderSystem for one replica, whose calls may go wrong."""

    def __init__(self, orders: Orders, faults: Faults) -> None:
        self._orders = orders
        self._faults = faults

    async def order(self, order_id: str) -> Order | None:
        """One."""
        return (await self.orders([order_id])).get(order_id)

    async def orders(self, order_ids: Sequence[str]) -> Mapping[str, Order]:
        """Where the answer is lost, it is as if Salesforce were away."""
        try:
            found: Mapping[str, Order] = await self._faults.call(
                self._orders.orders, order_ids, counts=False
            )
        except RedisConnectionError:
            raise SalesforceUnavailableError("Salesforce did not answer.") from None
        return found

    async def reactivate(self, seen: Sequence[Order]) -> Mapping[str, OrderOutcome]:
        """Where the answer is lost, it is not known what was done."""
        try:
            done: Mapping[str, OrderOutcome] = await self._faults.call(
                self._orders.reactivate, seen, counts=True
            )
        except RedisConnectionError:
            unclear = Retried.UNCLEAR
            return {one.id: OrderOutcome(order_id=one.id, what=unclear) for one in seen}
        return done

    async def stuck(self, *, before: Ms, limit: int) -> Sequence[Order]:
        """Not asked for here."""
        return await self._orders.stuck(before=before, limit=limit)

    async def limits(self) -> DayLimits:
        """Plenty."""
        return await self._orders.limits()
