"""Orders in Salesforce over its REST API; satisfies `ports.OrderSystem`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from simple_salesforce.api import Salesforce
from simple_salesforce.format import format_soql

from bot.adapters.salesforce_errors import reason
from bot.adapters.salesforce_session import SalesforceSession, day_limits
from bot.domain.salesforce import (
    BATCH,
    DayLimits,
    Order,
    OrderOutcome,
    Retried,
    SalesforcePolicy,
    is_order_id,
)
from bot.domain.times import Ms
from bot.errors import (
    SalesforceHalfDoneError,
    SalesforceRefusedError,
    SalesforceUnavailableError,
)

T = TypeVar("T")
_COLLECTION: Final = "composite/sobjects"
_NAMED: Final = 3
"""Orders that an error names."""


class SalesforceOrders:
    """Satisfies `ports.OrderSystem`. Reads and changes 200 orders a call."""

    def __init__(self, *, session: SalesforceSession, policy: SalesforcePolicy) -> None:
        self._session = session
        self._policy = policy

    async def order(self, order_id: str) -> Order | None:
        """One order; read as many are, which tells a missing order from a wrong object's name."""
        return (await self.orders([order_id])).get(order_id)

    async def orders(self, order_ids: Sequence[str]) -> Mapping[str, Order]:
        """By the id as asked; what has not the form of an id is not asked for."""
        found: dict[str, Order] = {}
        for batch in _batches([one for one in dict.fromkeys(order_ids) if is_order_id(one)]):
            found.update(await self._read(batch))
        return found

    async def reactivate(self, seen: Sequence[Order]) -> Mapping[str, OrderOutcome]:
        """In batches; once one was changed, what fails is in the outcome and not raised."""
        outcomes: dict[str, OrderOutcome] = {}
        orders = {order.id: order for order in seen}.values()
        stuck = [order for order in orders if self._policy.is_activating(order)]
        others = [order for order in orders if not self._policy.is_activating(order)]
        for batch in (*_batches(others), *_batches(stuck)):
            try:
                outcomes.update(await self._reactivate(batch))
            except SalesforceHalfDoneError:
                raise
            except (SalesforceUnavailableError, SalesforceRefusedError) as error:
                unclear = isinstance(error, SalesforceUnavailableError) and error.unclear
                if not outcomes and not unclear:
                    raise
                what = Retried.UNCLEAR if unclear else Retried.REFUSED
                outcomes.update(_all(batch, what, str(error)))
                left = [order for order in seen if order.id not in outcomes]
                outcomes.update(_all(left, Retried.REFUSED, f"Not tried: {error}"))
                break
        return outcomes

    async def stuck(self, *, before: Ms, limit: int) -> Sequence[Order]:
        """One query."""
        policy = self._policy
        query = format_soql(
            "SELECT {fields:literal} FROM {object:literal} WHERE {status:literal} = {activating} "
            "AND LastModifiedDate < {before} ORDER BY LastModifiedDate LIMIT {limit}",
            fields=", ".join(self._fields()),
            object=policy.object,
            status=policy.status_field,
            activating=policy.activating,
            before=datetime.fromtimestamp(before / 1000, tz=UTC),
            limit=limit,
        )

        def ask(client: Salesforce) -> list[Order]:
            return [self._order(record) for record in client.query(query)["records"]]

        return await self._session.call(ask)

    async def limits(self) -> DayLimits:
        """Asked even out of the reserve."""
        return await self._session.call(day_limits, room=0)

    async def _read(self, batch: Sequence[str]) -> Mapping[str, Order]:
        body = {"ids": list(batch), "fields": list(self._fields())}
        path = f"{_COLLECTION}/{self._policy.object}"

        def ask(client: Salesforce) -> dict[str, Order]:
            # One record for each id, in their order; null for those that are not there.
            records = client.restful(path, method="POST", json=body)
            pairs = zip(batch, records or [], strict=True)
            return {asked: self._order(one) for asked, one in pairs if one is not None}

        return await self._session.call(ask)

    async def _reactivate(self, batch: Sequence[Order]) -> Mapping[str, OrderOutcome]:
        now = await self._read([order.id for order in batch])
        outcomes: dict[str, OrderOutcome] = {}
        for order in batch:
            there = now.get(order.id)
            if there is None:
                outcomes[order.id] = OrderOutcome(order_id=order.id, what=Retried.GONE)
            elif (there.status, there.modified_at) != (order.status, order.modified_at):
                outcomes[order.id] = OrderOutcome(
                    order_id=order.id, what=Retried.CHANGED, status=there.status
                )
        left = [order for order in batch if order.id not in outcomes]
        if left and self._policy.is_activating(left[0]):
            return outcomes | await self._set_anew(left)
        return outcomes | await self._patch(left, self._values(self._policy.activating))

    async def _set_anew(self, stuck: Sequence[Order]) -> dict[str, OrderOutcome]:
        """Out of activating, and into it again, so that the flow sees a change.

        In between an order is in a state in which nobody would look for it. So it is not begun
        without room for both changes, and the second may come out of the reserve.

        Raises:
            SalesforceHalfDoneError: some may have been taken out of activating, and are not back.
        """
        if not self._policy.failed:
            why = "activating already, and salesforce.failed names no state to set it back to"
            return _all(stuck, Retried.REFUSED, why)
        failed, out = self._policy.failed[0], list[Order]()
        try:
            first = await self._patch(stuck, self._values(failed), room=2)
            out = [order for order in stuck if first[order.id].what is Retried.SET]
            second = await self._patch(out, self._values(self._policy.activating), room=0)
        except (SalesforceUnavailableError, SalesforceRefusedError) as error:
            unclear = isinstance(error, SalesforceUnavailableError) and error.unclear
            if not out and not unclear:
                raise
            raise SalesforceHalfDoneError(_left_in(failed, out or stuck, str(error))) from None
        refused = {
            id_: replace(one, reason=f"left in {failed}: {one.reason}")
            for id_, one in second.items()
            if one.what is Retried.REFUSED
        }
        return first | second | refused

    def _values(self, status: str) -> dict[str, str | None]:
        """What an order is set to: this status, and no error."""
        policy = self._policy
        errors = dict.fromkeys((policy.error_field, policy.error_time_field))
        return {**errors, policy.status_field: status}

    async def _patch(
        self, batch: Sequence[Order], values: Mapping[str, str | None], *, room: int = 1
    ) -> dict[str, OrderOutcome]:
        if not batch:
            return {}
        policy = self._policy
        kind = {"attributes": {"type": policy.object}}
        body = {
            "allOrNone": False,
            "records": [{**kind, "id": order.id, **values} for order in batch],
        }

        def ask(client: Salesforce) -> dict[str, OrderOutcome]:
            answers = client.restful(_COLLECTION, method="PATCH", json=body)
            pairs = zip(batch, answers or [], strict=True)
            return {order.id: _outcome(order, answer) for order, answer in pairs}

        return await self._session.call(ask, changes=True, room=room)

    def _fields(self) -> tuple[str, ...]:
        return ("Id", *self._policy.fields, "LastModifiedDate")

    def _order(self, record: Mapping[str, Any]) -> Order:
        policy = self._policy
        status, error = record.get(policy.status_field), record.get(policy.error_field)
        order_id = str(record["Id"])
        return Order(
            id=order_id,
            status=None if status is None else str(status),
            error=None if error is None else str(error),
            error_at=_instant(record.get(policy.error_time_field)),
            modified_at=_instant(record.get("LastModifiedDate")),
            url=f"{self._session.url}/{order_id}",
        )


def _outcome(order: Order, answer: Mapping[str, Any]) -> OrderOutcome:
    if answer.get("success") is True:
        return OrderOutcome(order_id=order.id, what=Retried.SET, status=order.status)
    errors = answer.get("errors") or []
    said = "; ".join(reason(error) for error in errors[:2]) or "no reason given"
    gone = any(error.get("statusCode") == "ENTITY_IS_DELETED" for error in errors)
    what = Retried.GONE if gone else Retried.REFUSED
    return OrderOutcome(order_id=order.id, what=what, status=order.status, reason=said)


def _left_in(failed: str, orders: Sequence[Order], why: str) -> str:
    """What went wrong, and where that may have left orders."""
    named = ", ".join(order.id for order in orders[:_NAMED])
    more = f" and {len(orders) - _NAMED:,} more" if len(orders) > _NAMED else ""
    return f"{why} May be left in {failed}, to be set on by hand: {named}{more}."


def _all(orders: Sequence[Order], what: Retried, why: str) -> dict[str, OrderOutcome]:
    return {
        one.id: OrderOutcome(order_id=one.id, what=what, status=one.status, reason=why)
        for one in orders
    }


def _instant(text: Any) -> Ms | None:
    """Salesforce writes 2024-01-15T10:30:00.000+0000; None where it writes nothing, or a date."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return int(moment.timestamp() * 1000) if moment.tzinfo is not None else None


def _batches(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), BATCH):
        yield items[start : start + BATCH]
