"""The orders, and the record-triggered flow that publishes an event when one becomes Activating."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

OBJECT = "Order"
STATUS, ERROR, ERROR_TIME = (
    "Activation_Status__c",
    "Activation_Error__c",
    "Activation_Error_DateTime__c",
)
PENDING, ACTIVATING, ACTIVATED, FAILED = "Pending", "Activating", "Activated", "Failed"
VALUES = (PENDING, ACTIVATING, ACTIVATED, FAILED)

_MOST = 100_000
_QUERY = re.compile(
    r"SELECT (?P<fields>[\w, ]+) FROM (?P<object>\w+) "
    r"WHERE (?P<field>\w+) = '(?P<value>(?:[^'\\]|\\.)*)' AND LastModifiedDate < (?P<before>\S+) "
    r"ORDER BY LastModifiedDate LIMIT (?P<limit>\d+)"
)
Problem = dict[str, Any]
"""One of Salesforce's errors about one record."""


@dataclass(kw_only=True)
class OrderRecord:
    """One order; `payload` is what the event about it carries."""

    id: str
    values: dict[str, Any]
    modified: datetime
    payload: Mapping[str, Any] = field(default_factory=dict)

    def shown(self, fields: list[str]) -> dict[str, Any]:
        """The record as JSON, with these fields."""
        every = {"Id": self.id, "LastModifiedDate": stamp(self.modified), **self.values}
        url = f"/services/data/v62.0/sobjects/{OBJECT}/{self.id}"
        return {
            "attributes": {"type": OBJECT, "url": url},
            **{name: every[name] for name in fields},
        }


class OrderBook:
    """All orders, oldest forgotten first.

    While it is `frozen`, a validation rule refuses every activation, else that of `frozen_ids`
    (their first 15 characters).

    Args:
        flow: called when an order's status changes to Activating; what it raises is lost, as a
            Platform Event is.
        clock: now, for tests.
    """

    def __init__(
        self,
        *,
        flow: Callable[[OrderRecord], Awaitable[None]] | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(tz=UTC),
    ) -> None:
        self.flow = flow
        self.frozen = False
        self.frozen_ids: set[str] = set()
        self._clock = clock
        self._orders: dict[str, OrderRecord] = {}
        self._flows: set[asyncio.Task[None]] = set()

    def put(
        self,
        order_id: str,
        *,
        status: str = ACTIVATING,
        error: str | None = None,
        payload: Mapping[str, Any] | None = None,
        modified: datetime | None = None,
    ) -> OrderRecord:
        """Make or replace an order; no flow runs."""
        now = self._clock()
        values = {STATUS: status, ERROR: error, ERROR_TIME: stamp(now) if error else None}
        record = OrderRecord(
            id=order_id, values=values, modified=modified or now, payload=payload or {}
        )
        self._orders.pop(order_id[:15], None)
        self._orders[order_id[:15]] = record
        if len(self._orders) > _MOST:
            del self._orders[next(iter(self._orders))]
        return record

    def find(self, order_id: str) -> OrderRecord | None:
        """An order by its id of 15 or 18 characters."""
        return self._orders.get(order_id[:15])

    def forget(self, order_id: str) -> None:
        """Delete an order."""
        self._orders.pop(order_id[:15], None)

    def change(self, order_id: str, values: Mapping[str, Any]) -> Problem | None:
        """Change an order, run the flow where it is due, or tell why not."""
        record = self.find(order_id)
        if record is None:
            return _problem("ENTITY_IS_DELETED", "entity is deleted")
        unknown = [name for name in values if name not in record.values]
        if unknown:
            return _problem("INVALID_FIELD", f"No such column '{unknown[0]}' on {OBJECT}", unknown)
        status = values.get(STATUS, record.values[STATUS])
        if status not in VALUES:
            text = f"bad value for restricted picklist field: {status}"
            return _problem("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", text, [STATUS])
        if status == ACTIVATING and (self.frozen or order_id[:15] in self.frozen_ids):
            text = "Activation is frozen until the billing run has finished"
            return _problem("FIELD_CUSTOM_VALIDATION_EXCEPTION", text, [STATUS])
        begins = status == ACTIVATING != record.values[STATUS]
        record.values.update(values)
        record.modified = self._clock()
        if begins and self.flow is not None:
            task = asyncio.ensure_future(self.flow(record))
            self._flows.add(task)
            task.add_done_callback(self._ended)
        return None

    def select(self, query: str) -> list[dict[str, Any]]:
        """Answer the one form of query there is.

        Raises:
            ValueError: it is another one.
        """
        asked = _QUERY.fullmatch(query)
        if asked is None or asked["object"] != OBJECT or asked["field"] != STATUS:
            raise ValueError(f"unexpected token: {query[:40]}")
        value = re.sub(r"\\(.)", r"\1", asked["value"])
        before = datetime.fromisoformat(asked["before"])
        found = [
            order
            for order in self._orders.values()
            if order.values[STATUS] == value and order.modified < before
        ]
        found.sort(key=lambda order: order.modified)
        fields = [name.strip() for name in asked["fields"].split(",")]
        return [order.shown(fields) for order in found[: int(asked["limit"])]]

    async def settle(self) -> None:
        """Wait for the flows that are under way."""
        await asyncio.gather(*self._flows, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._flows.discard(task)
        if not task.cancelled():
            task.exception()


def stamp(moment: datetime) -> str:
    """A time as Salesforce writes it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"


def _problem(code: str, message: str, fields: list[str] | None = None) -> Problem:
    return {"statusCode": code, "message": message, "fields": fields or []}
