"""Orders in memory: a fake of `ports.OrderSystem`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from bot.domain.salesforce import (
    DayLimits,
    Order,
    OrderOutcome,
    Retried,
    SalesforcePolicy,
    is_order_id,
    order_key,
)
from bot.domain.times import Ms
from bot.errors import BullhornError, SalesforceUnavailableError
from tests.support.fake_queues import FakeClock


def order_id(number: int) -> str:
    """The id of the so manieth order, with 18 characters."""
    return f"8014x{number:010d}AAA"


class FakeSalesforce:
    """Satisfies OrderSystem. Orders in `refusing` are refused with that reason.

    `away` is raised by every call; the next `hiccups` of them do not answer. `lost` answers of
    changes do not arrive: they take effect, and that is not known. `activated` are the ids that
    were set to activating, in their order.
    """

    def __init__(self, clock: FakeClock, policy: SalesforcePolicy | None = None) -> None:
        self.clock = clock
        self.policy = policy or SalesforcePolicy()
        self.held: dict[str, Order] = {}
        self.refusing: dict[str, str] = {}
        self.away: BullhornError | None = None
        self.hiccups = 0
        self.lost = False
        self.activated: list[str] = []
        self.calls = 0

    def put(self, id_: str, status: str = "Failed", error: str | None = None) -> Order:
        """Make or replace an order."""
        now = self.clock.now
        order = Order(
            id=id_, status=status, error=error, error_at=now if error else None,
            modified_at=now, url=f"https://acme.my.salesforce.com/{id_}",
        )  # fmt: skip
        self.held[order_key(id_)] = order
        return order

    def at(self, id_: str) -> Order:
        """An order as it is now."""
        return self.held[order_key(id_)]

    async def order(self, order_id: str) -> Order | None:
        """One."""
        return (await self.orders([order_id])).get(order_id)

    async def orders(self, order_ids: Sequence[str]) -> Mapping[str, Order]:
        """By the id as asked."""
        self._answer()
        keys = {one: order_key(one) for one in order_ids if is_order_id(one)}
        return {one: self.held[key] for one, key in keys.items() if key in self.held}

    async def reactivate(self, seen: Sequence[Order]) -> Mapping[str, OrderOutcome]:
        """Each for itself."""
        self._answer()
        made = {order.id: self._reactivated(order) for order in seen}
        if not self.lost:
            return made
        return {
            id_: OrderOutcome(order_id=id_, what=Retried.UNCLEAR, reason="no answer")
            for id_ in made
        }

    async def stuck(self, *, before: Ms, limit: int) -> Sequence[Order]:
        """Oldest first."""
        self._answer()
        found = [
            order
            for order in self.held.values()
            if self.policy.is_activating(order) and (order.modified_at or 0) < before
        ]
        return sorted(found, key=lambda order: order.modified_at or 0)[:limit]

    async def limits(self) -> DayLimits:
        """Plenty."""
        self._answer()
        return DayLimits(remaining=14_000, allowed=15_000)

    def _reactivated(self, order: Order) -> OrderOutcome:
        there = self.held.get(order_key(order.id))
        if there is None:
            return OrderOutcome(order_id=order.id, what=Retried.GONE)
        if (there.status, there.modified_at) != (order.status, order.modified_at):
            return OrderOutcome(order_id=order.id, what=Retried.CHANGED, status=there.status)
        if order.id in self.refusing:
            return OrderOutcome(
                order_id=order.id, what=Retried.REFUSED, status=order.status,
                reason=self.refusing[order.id],
            )  # fmt: skip
        self.held[order_key(order.id)] = replace(
            there, status=self.policy.activating, error=None, error_at=None,
            modified_at=self.clock.now,
        )  # fmt: skip
        self.activated.append(order.id)
        return OrderOutcome(order_id=order.id, what=Retried.SET, status=order.status)

    def _answer(self) -> None:
        self.calls += 1
        if self.away is not None:
            raise self.away
        if self.hiccups:
            self.hiccups -= 1
            raise SalesforceUnavailableError("Salesforce did not answer in time.")

    def go_away(self) -> None:
        """Do not answer from now on."""
        self.away = SalesforceUnavailableError("Salesforce did not answer.")
