"""What OrderSystem promises, asked of the fake and of the adapter before a local Salesforce."""

import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.demo.localsalesforce import LocalSalesforce
from bot.domain.salesforce import Retried, order_key
from bot.errors import SalesforceUnavailableError
from tests.support.fake_salesforce import FakeSalesforce, order_id
from tests.support.fakes import FakeClock
from tests.support.local_salesforce import connected

ONE, TWO, THREE = order_id(1), order_id(2), order_id(3)


class Pretend:
    """The fake."""

    def __init__(self):
        self.clock = FakeClock()
        self.clock.now = int(time.time() * 1000)
        self.orders = FakeSalesforce(self.clock)

    def put(self, id_, status="Failed", error=None, age=0):
        order = self.orders.put(id_, status, error)
        self.orders.held[order_key(id_)] = replace(order, modified_at=self.clock.now - age)

    def refuse(self, id_):
        self.orders.refusing[id_] = "VALIDATION: frozen"

    def delete(self, id_):
        del self.orders.held[order_key(id_)]

    def away(self):
        self.orders.go_away()

    def lose_answers(self):
        self.orders.lost = True

    def fields(self, id_):
        order = self.orders.at(id_)
        return (order.status, order.error)


class Real:
    """The adapter and the local Salesforce."""

    def __init__(self, server, orders):
        self.server, self.orders = server, orders

    def put(self, id_, status="Failed", error=None, age=0):
        modified = datetime.fromtimestamp(time.time() - age / 1000, tz=UTC)
        self.server.book.put(id_, status=status, error=error, modified=modified)

    def refuse(self, id_):
        self.server.book.frozen_ids.add(order_key(id_))

    def delete(self, id_):
        self.server.book.forget(id_)

    def away(self):
        self.server.faults.down = True

    def lose_answers(self):
        self.server.faults.add("reset_after_effect", "PATCH ")

    def fields(self, id_):
        values = self.server.book.find(id_).values
        return (values["Activation_Status__c"], values["Activation_Error__c"])


@pytest.fixture(params=["fake", "adapter"])
async def world(request):
    if request.param == "fake":
        yield Pretend()
        return
    server = LocalSalesforce()
    await server.start()
    try:
        async with connected(server) as made:
            yield Real(server, made.orders)
    finally:
        await server.stop()


async def test_an_order_is_read_by_either_form_of_its_id(world):
    world.put(ONE, error="WHMCS_ERROR: connect ETIMEDOUT")
    for asked in (ONE, ONE[:15]):
        order = await world.orders.order(asked)
        assert (order.id, order.status) == (ONE, "Failed")
        assert order.error == "WHMCS_ERROR: connect ETIMEDOUT"
        assert abs(order.modified_at - time.time() * 1000) < 60_000
        assert order.error_at is not None
        assert order.url.endswith(f"/{ONE}")


async def test_what_is_not_there_is_none_and_what_is_no_id_is_not_asked_for(world):
    world.put(ONE)
    assert await world.orders.order(TWO) is None
    assert await world.orders.order("x' OR Id != '") is None
    found = await world.orders.orders([TWO, ONE, "../limits", ONE[:15], ""])
    assert set(found) == {ONE, ONE[:15]}


async def test_more_orders_than_one_call_takes(world):
    ids = [order_id(number) for number in range(450)]
    for id_ in ids:
        world.put(id_, error="WHMCS_ERROR")
    seen = await world.orders.orders(ids)
    assert list(seen) == ids
    done = await world.orders.reactivate(list(seen.values()))
    assert {one.what for one in done.values()} == {Retried.SET}
    assert list(done) == ids
    assert {world.fields(id_) for id_ in ids} == {("Activating", None)}


async def test_one_that_is_refused_takes_none_with_it(world):
    for id_ in (ONE, TWO, THREE):
        world.put(id_, error="WHMCS_ERROR")
    seen = await world.orders.orders([ONE, TWO, THREE])
    world.refuse(TWO)
    done = await world.orders.reactivate(list(seen.values()))
    assert [done[id_].what for id_ in (ONE, TWO, THREE)] == [
        Retried.SET,
        Retried.REFUSED,
        Retried.SET,
    ]
    assert "VALIDATION" in done[TWO].reason
    assert world.fields(TWO) == ("Failed", "WHMCS_ERROR")


async def test_an_order_that_changed_since_it_was_seen_is_left_alone(world):
    world.put(ONE, age=60_000)
    world.put(TWO)
    world.put(THREE)
    seen = await world.orders.orders([ONE, TWO, THREE])
    world.put(ONE, "Pending")
    world.delete(TWO)
    done = await world.orders.reactivate(list(seen.values()))
    assert {id_: one.what for id_, one in done.items()} == {
        ONE: Retried.CHANGED,
        TWO: Retried.GONE,
        THREE: Retried.SET,
    }
    assert done[ONE].status == "Pending"
    assert world.fields(ONE) == ("Pending", None)


async def test_orders_that_are_stuck_oldest_first_and_no_more_than_asked_for(world):
    world.put(ONE, "Activating", age=120_000)
    world.put(TWO, "Activating", age=300_000)
    world.put(THREE, "Activating")
    world.put(order_id(4), "Failed", age=300_000)
    before = int(time.time() * 1000) - 60_000
    assert [one.id for one in await world.orders.stuck(before=before, limit=10)] == [TWO, ONE]
    assert [one.id for one in await world.orders.stuck(before=before, limit=1)] == [TWO]


async def test_a_stuck_order_is_activated_anew(world):
    world.put(ONE, "Activating", age=120_000)
    [seen] = (await world.orders.orders([ONE])).values()
    done = await world.orders.reactivate([seen])
    assert done[ONE].what is Retried.SET
    assert world.fields(ONE) == ("Activating", None)
    after = await world.orders.order(ONE)
    assert after.modified_at > seen.modified_at


async def test_away_is_an_error_and_nothing_was_changed(world):
    world.put(ONE)
    seen = await world.orders.orders([ONE])
    world.away()
    for ask in (
        world.orders.order(ONE),
        world.orders.reactivate(list(seen.values())),
        world.orders.stuck(before=0, limit=1),
        world.orders.limits(),
    ):
        with pytest.raises(SalesforceUnavailableError, match="did not answer"):
            await ask
    assert world.fields(ONE) == ("Failed", None)


async def test_a_lost_answer_to_a_change_is_told_as_unclear(world):
    world.put(ONE)
    seen = await world.orders.orders([ONE])
    world.lose_answers()
    done = await world.orders.reactivate(list(seen.values()))
    assert done[ONE].what is Retried.UNCLEAR
    assert world.fields(ONE) == ("Activating", None)


async def test_the_days_requests(world):
    limits = await world.orders.limits()
    assert 0 < limits.remaining <= limits.allowed == 15_000
