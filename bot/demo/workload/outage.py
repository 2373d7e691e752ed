"""An outage that is over: thousands of imported orders that failed in it, put in within seconds.

The processor's own code fails each of them, against the systems as they were then. What its worker
would have done with that, over hours, is written at once, as BullMQ keeps it.
"""

import asyncio
import json
import random
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

from redis.asyncio import Redis

from bot.demo.workload.orders import ORDER_JOB, ORDER_QUEUE, imported, order_data
from bot.demo.workload.processor import Processor
from bot.demo.workload.systems import SystemRefusedError, Systems

FAILED_ORDERS: Final = 20_000
"""How many orders the page's switch puts in."""

LASTED: Final = timedelta(hours=5)
OVER_SINCE: Final = timedelta(minutes=15)
"""Long enough that no alert takes these failures for new ones."""

_ATTEMPTS: Final = 3
_TRIED_FOR: Final = timedelta(seconds=4)
_BATCH: Final = 250
_TEXTS: Final = 100
_KEY: Final = f"bull:{ORDER_QUEUE}:"


@dataclass(frozen=True)
class _Kind:
    """So many of 100 orders, what is wrong with them, and whether WHMCS was away then."""

    of_100: int
    fault: str | None
    whmcs_down: bool = True


_KINDS: Final = (
    _Kind(90, None),
    _Kind(2, "PAYMENT_METHOD_MISSING"),  # which shows only when WHMCS is back
    _Kind(2, "PAYMENT_METHOD_MISSING", whmcs_down=False),
    _Kind(3, "MAPPING_ERROR"),
    _Kind(3, "ORDER_NOT_FOUND"),
)


@dataclass(frozen=True, kw_only=True)
class FailedOrder:
    """One of them: its data, and how it failed. `stacktrace` is JSON, as BullMQ keeps it."""

    data: Mapping[str, Any]
    created: datetime
    failed: datetime
    reason: str
    stacktrace: str


@dataclass(frozen=True)
class _Job:
    """All that the processor asks of the job of an imported order."""

    data: Mapping[str, Any]


class Outage:
    """Makes the orders of an outage that was over a while before `now`."""

    def __init__(self, *, dice: random.Random, now: datetime) -> None:
        self._dice = dice
        self._began = now - OVER_SINCE - LASTED
        self._stacktraces: dict[str, str] = {}

    async def orders(self, count: int, *, first: int = 0, of: int) -> list[FailedOrder]:
        """Make `count` of all the `of` orders, beginning with the `first`, the oldest from 0."""
        kinds = self._dice.choices(_KINDS, weights=[kind.of_100 for kind in _KINDS], k=count)
        return [
            await self._order(kind, self._began + LASTED * ((place + self._dice.random()) / of))
            for place, kind in enumerate(kinds, first)
        ]

    async def _order(self, kind: _Kind, failed: datetime) -> FailedOrder:
        created = failed - _TRIED_FOR
        data = order_data(dice=self._dice, now=created, fault=kind.fault)
        data = imported(data, batch=f"{self._began:%Y-%m-%d}")
        then = Systems(now=failed, whmcs_down=kind.whmcs_down)
        reason, stacktrace = await self._fail(data, then)
        return FailedOrder(
            data=data, created=created, failed=failed, reason=reason, stacktrace=stacktrace
        )

    async def _fail(self, data: Mapping[str, Any], then: Systems) -> tuple[str, str]:
        async def systems() -> Systems:
            return then

        try:
            await Processor(systems=systems).provision_order(_Job(data), "")
        except SystemRefusedError as error:
            return str(error), self._stacktrace(error)
        raise AssertionError(f"an order of the outage did not fail: {data}")

    def _stacktrace(self, error: SystemRefusedError) -> str:
        """As the worker keeps it; made once for a text, as most orders fail alike."""
        reason = str(error)
        found = self._stacktraces.get(reason)
        if found is None:
            found = _json(["".join(traceback.format_exception(error))])
            if len(self._stacktraces) < _TEXTS:
                self._stacktraces[reason] = found
        return found


async def fill(
    redis: Redis, options: Mapping[str, Any], *, count: int = FAILED_ORDERS
) -> list[FailedOrder]:
    """Put failed orders into the queue, as jobs with these options, and give them."""
    outage = Outage(dice=random.Random(), now=datetime.now(tz=UTC))
    written: list[FailedOrder] = []
    for first in range(0, count, _BATCH):
        batch = await outage.orders(min(_BATCH, count - first), first=first, of=count)
        await _write(redis, batch, _json({**options, "delay": 0, "stackTraceLimit": 1}))
        written += batch
        await asyncio.sleep(0)  # the page is served by the same loop
    return written


async def _write(redis: Redis, orders: list[FailedOrder], options: str) -> None:
    """Write a batch; ids are counted on as BullMQ does."""
    last = await cast("Any", redis.incrby(f"{_KEY}id", len(orders)))
    numbered = list(enumerate(orders, last - len(orders) + 1))
    async with redis.pipeline(transaction=False) as pipe:
        for job_id, order in numbered:
            pipe.hset(f"{_KEY}{job_id}", mapping=_fields(order, options))
        pipe.zadd(f"{_KEY}failed", {str(job_id): _ms(order.failed) for job_id, order in numbered})
        await pipe.execute()


def _fields(order: FailedOrder, options: str) -> dict[Any, str | int]:
    return {
        "name": ORDER_JOB,
        "data": _json(order.data),
        "opts": options,
        "timestamp": _ms(order.created),
        "delay": 0,
        "priority": 0,
        "processedOn": _ms(order.failed) - 1,
        "ats": _ATTEMPTS,
        "atm": _ATTEMPTS,
        "failedReason": order.reason,
        "stacktrace": order.stacktrace,
        "finishedOn": _ms(order.failed),
    }


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
