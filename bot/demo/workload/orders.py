"""Order-provisioning jobs as the portal enqueues them after CS approval."""

import random
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bot.demo.workload.systems import (
    HANGING_PRODUCT,
    LIVE_ORDER_PREFIX,
    PRODUCT_MAPPING,
    SLOW_PRODUCT,
    UNMAPPED_PRODUCT,
)

ORDER_QUEUE = "order-provisioning"
ORDER_JOB = "provision"
ORDER_FAULTS = ("PAYMENT_METHOD_MISSING", "ORDER_NOT_FOUND", "MAPPING_ERROR", "WHMCS_ERROR")
HANG = "hang"
"""Asks `order_data` for an order that hangs; not an error code."""

IMPORT_FIELD = "ImportBatch__c"
"""What the event of an imported order has besides: these are provisioned in a millisecond."""

_BASE62 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789abcdefghijklmnopqrstuvwxyz"
_CHECK = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_OLD_ORDER_PREFIX = "8012v"
_PRODUCT_OF_FAULT = {
    "MAPPING_ERROR": UNMAPPED_PRODUCT,
    "WHMCS_ERROR": SLOW_PRODUCT,
    HANG: HANGING_PRODUCT,
}
_SOUND_PRODUCTS = tuple(name for name in PRODUCT_MAPPING if name not in _PRODUCT_OF_FAULT.values())


def order_data(*, dice: random.Random, now: datetime, fault: str | None = None) -> dict[str, Any]:
    """Make one job's data; `fault` is the error code (or `HANG`) it is to meet, None for none."""
    prefix = _OLD_ORDER_PREFIX if fault == "ORDER_NOT_FOUND" else LIVE_ORDER_PREFIX
    order_id = salesforce_id(prefix, dice=dice)
    return {
        "sfOrderId": order_id,
        "idempotencyKey": f"{order_id}-{int(now.timestamp() * 1000)}",
        "eventPayload": {
            "OrderId__c": order_id,
            "OrderNumber__c": f"{dice.randrange(10**5):08d}",
            "AccountId__c": salesforce_id("0014x", dice=dice),
            "WHMCS_Client_ID__c": dice.randrange(7000, 8000)
            if fault == "PAYMENT_METHOD_MISSING"
            else dice.randrange(2000, 7000),
            "ProductName__c": _PRODUCT_OF_FAULT.get(fault or "") or dice.choice(_SOUND_PRODUCTS),
            "BillingCycle__c": dice.choice(("Monthly", "Monthly", "Annually")),
            "ActivationType__c": dice.choice(("Immediate", "Scheduled")),
            "CreatedById": "0054x000000CSuprAAG",
            "CreatedDate": now.isoformat(timespec="milliseconds"),
        },
    }


def imported(data: Mapping[str, Any], *, batch: str) -> dict[str, Any]:
    """Make an order one of an import: thousands at once, which the portal hurries through."""
    return {**data, "eventPayload": {**data["eventPayload"], IMPORT_FIELD: batch}}


def salesforce_id(prefix: str, *, dice: random.Random) -> str:
    """Make an 18-character Salesforce id: 15 characters, then their checksum of 3."""
    tail = "".join(dice.choices(_BASE62, k=4))
    short = prefix.ljust(11, "0") + tail
    checks = (
        _CHECK[sum(1 << place for place, letter in enumerate(part) if letter.isupper())]
        for part in (short[0:5], short[5:10], short[10:15])
    )
    return short + "".join(checks)
