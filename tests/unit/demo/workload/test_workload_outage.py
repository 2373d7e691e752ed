"""The orders of the page's fill have failed as the processor fails them, and most can be mended."""

import json
import random
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from bot.demo.workload.orders import IMPORT_FIELD, imported, order_data
from bot.demo.workload.outage import LASTED, OVER_SINCE, Outage
from bot.demo.workload.processor import Processor
from bot.demo.workload.systems import SystemRefusedError, Systems

NOW = datetime(2025, 12, 1, 9, 30, tzinfo=UTC)
COUNT = 1000


@dataclass(frozen=True)
class SilentJob:
    """An imported order logs nothing: it has no `log`."""

    data: dict


async def outcome(data, systems):
    slept = []

    async def sleep(seconds):
        slept.append(seconds)

    async def then():
        return systems

    try:
        await Processor(systems=then, sleep=sleep).provision_order(SilentJob(data), "token")
    except SystemRefusedError as refused:
        return refused.code, slept
    return "done", slept


@pytest.fixture
async def orders():
    return await Outage(dice=random.Random(1), now=NOW).orders(COUNT, of=COUNT)


def code_of(order):
    return order.reason.partition(":")[0]


def test_nine_of_ten_failed_for_whmcs_and_each_other_error_is_among_the_rest(orders):
    codes = Counter(code_of(order) for order in orders)

    assert 0.88 * COUNT < codes["WHMCS_ERROR"] < 0.96 * COUNT
    others = {"MAPPING_ERROR", "ORDER_NOT_FOUND", "PAYMENT_METHOD_MISSING"}
    assert set(codes) - {"WHMCS_ERROR"} == others
    assert min(codes.values()) >= 5


def test_they_failed_one_after_the_other_all_through_the_outage(orders):
    times = [order.failed for order in orders]

    assert times == sorted(times)
    assert NOW - OVER_SINCE - LASTED <= times[0] < NOW - OVER_SINCE - LASTED + timedelta(minutes=1)
    assert NOW - OVER_SINCE - timedelta(minutes=1) < times[-1] <= NOW - OVER_SINCE
    assert all(order.created < order.failed for order in orders)


async def test_a_part_of_them_lies_where_it_would_lie_among_all():
    part = await Outage(dice=random.Random(1), now=NOW).orders(10, first=90, of=100)

    began = NOW - OVER_SINCE - LASTED
    assert [int((order.failed - began) / LASTED * 100) for order in part] == list(range(90, 100))


async def test_retried_now_most_succeed_and_a_few_meet_what_whmcs_had_hidden(orders):
    ends = Counter()
    for order in orders:
        code, _ = await outcome(order.data, Systems(now=NOW))
        ends[code_of(order), code] += 1

    assert ends["WHMCS_ERROR", "done"] > 0.85 * COUNT
    assert ends["WHMCS_ERROR", "PAYMENT_METHOD_MISSING"] >= 5
    mended = {failed for failed, end in ends if end == "done"}
    assert mended == {"WHMCS_ERROR"}


def test_the_stack_trace_is_the_processors_and_ends_with_the_reason(orders):
    for order in orders:
        (trace,) = json.loads(order.stacktrace)
        assert "_provision_imported" in trace
        assert trace.rstrip().endswith(f"SystemRefusedError: {order.reason}")


async def test_an_imported_order_is_fulfilled_at_once_and_another_is_not():
    plain = order_data(dice=random.Random(1), now=NOW)
    quick = imported(plain, batch="2025-12-01")

    assert IMPORT_FIELD not in plain["eventPayload"]
    assert await outcome(quick, Systems(now=NOW)) == ("done", [])
    assert await outcome(quick, Systems(now=NOW, whmcs_down=True)) == ("WHMCS_ERROR", [])
