"""Salesforce: reading orders, and setting them back to activating."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from bot.domain.salesforce import DayLimits, Order, OrderOutcome
from bot.domain.times import Ms


class OrderSystem(Protocol):
    """Orders in Salesforce. Ids have 15 or 18 characters; answers are by the id as it was asked.

    Every method may raise SalesforceUnavailableError (it does not answer now, its day's requests
    are used up, or what is left of them is the reserve) or SalesforceRefusedError (it says no: the
    login, a permission, a name in the config). A call has a time limit; a session that has expired
    is renewed once.
    """

    async def order(self, order_id: str) -> Order | None:
        """One order, None when Salesforce has none of this id that its user may see."""
        ...

    async def orders(self, order_ids: Sequence[str]) -> Mapping[str, Order]:
        """Those of the orders that are there, read 200 a call."""
        ...

    async def reactivate(self, seen: Sequence[Order]) -> Mapping[str, OrderOutcome]:
        """Empty the two error fields and set the status to activating, in one change an order.

        200 orders a call; one that Salesforce refuses takes none with it. Orders are read again
        just before and left alone unless they still are as `seen`; Salesforce has no condition on
        a bulk change, so somebody's change in the moment between is overwritten (of the status and
        the two error fields only). Where an answer is lost, its orders are UNCLEAR; what follows a
        trouble is not tried.

        An order that is activating already is first set to a failed state, since the flow runs on a
        change only. Where it may have stayed in that, SalesforceHalfDoneError is raised, whatever
        else was changed: read again and given again, those are set on.
        """
        ...

    async def stuck(self, *, before: Ms, limit: int) -> Sequence[Order]:
        """Orders that are activating and that nobody has changed since `before`, oldest first."""
        ...

    async def limits(self) -> DayLimits:
        """The day's API requests; costs one of them."""
        ...
