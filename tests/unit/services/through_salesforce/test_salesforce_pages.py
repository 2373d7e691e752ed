"""How many orders a retry through Salesforce asks for in one request: the day's are few."""

from dataclasses import replace

import pytest

from bot.domain.salesforce import OrderOutcome, Retried
from tests.support.fake_salesforce import order_id
from tests.support.fakes import START
from tests.support.salesforce_office import Flowing, begin, fail, message

pytestmark = pytest.mark.usefixtures("one_look")


class Counting(Flowing):
    """Notes how many orders each request is about; a request takes `takes` seconds."""

    takes = 0.0

    def __init__(self, clock):
        super().__init__(clock)
        self.read, self.changed, self.changed_by_others = [], [], []
        self.spent = 0.0

    async def orders(self, order_ids):
        self.spent += self.takes
        self.read.append(len(order_ids))
        return await super().orders(order_ids)

    async def reactivate(self, seen):
        self.changed.append(len(seen))
        mine = [order for order in seen if order.id not in self.changed_by_others]
        others = {order.id for order in seen} - {order.id for order in mine}
        what = {one: OrderOutcome(order_id=one, what=Retried.CHANGED) for one in others}
        return {**await super().reactivate(mine), **what}


@pytest.fixture
def salesforce(clock):
    return Counting(clock)


@pytest.fixture
async def many(office, salesforce):
    """A thousand failed jobs, each with a failed order."""
    fail(salesforce, salesforce.queue, range(4, 1_000), START - 500_000)
    return office


async def test_a_try_goes_past_orders_that_are_done_in_pages_of_two_hundred(
    many, salesforce, messenger
):
    await begin(many, canary=5)
    for number in range(900):
        salesforce.put(order_id(number), "Activated")
    salesforce.put(order_id(905), "Cancelled")
    salesforce.read.clear()
    await many.run_operations()
    assert salesforce.read[:5] == [200] * 5, "the last has the five, and what comes after them"
    assert salesforce.changed == [5]
    assert salesforce.activated == [order_id(number) for number in range(900, 905)]
    text = message(messenger)
    assert "Set 5 of 1,000" in text
    assert "900 left out: 900 in another state (Activated)" in text, "not what was read ahead"


async def test_a_try_sets_others_in_place_of_those_that_were_changed_meanwhile(
    many, salesforce, messenger
):
    await begin(many, canary=5)
    salesforce.changed_by_others = [order_id(1), order_id(3)]
    await many.run_operations()
    assert salesforce.changed == [5, 2]
    assert salesforce.activated == [order_id(number) for number in (0, 2, 4, 5, 6)]
    assert "2 changed meanwhile" in message(messenger)


async def test_a_dripping_try_reads_pages_and_sets_few_at_a_time(many, salesforce):
    await begin(many, canary=5, rate=4.0)
    for number in range(300):
        salesforce.put(order_id(number), "Activated")
    salesforce.read.clear()
    await many.run_operations()
    assert salesforce.changed == [2, 2, 1]
    assert salesforce.read[:2] == [200, 200]
    assert salesforce.activated == [order_id(number) for number in range(300, 305)]


async def test_pages_stay_large_where_salesforce_is_slow(many, salesforce):
    """A pace is for Redis: a request for ten orders costs as much as one for two hundred."""
    many.runner._tools = replace(many.runner._tools, monotonic=lambda: salesforce.spent)
    salesforce.takes = 0.3
    await begin(many)
    salesforce.read.clear()
    await many.run_operations()
    assert salesforce.changed == [200] * 5
