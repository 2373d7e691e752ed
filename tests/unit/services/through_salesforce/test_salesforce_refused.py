"""What Salesforce refuses ends a try, and a retry of many: the day's requests are kept."""

import asyncio

import pytest

from bot.domain.jobs import FailureFilter
from bot.domain.plans import PlanKind
from bot.services.confirming import Choice
from bot.services.operations import screen
from tests.support.fake_salesforce import order_id
from tests.support.fakes import ORDERS, START
from tests.support.salesforce_office import Flowing, begin, fail, message
from tests.support.toolbox import BOB, shown

LOCKED = "FIELD_CUSTOM_VALIDATION_EXCEPTION: locked"


class Refusing(Flowing):
    """Counts the orders that it was asked to change; `refuses` says which it refuses."""

    def __init__(self, clock):
        super().__init__(clock)
        self.asked = []
        self.refuses = lambda _number: True

    async def reactivate(self, seen):
        ids = [order.id for order in seen]
        self.asked += ids
        numbers = {one: int(one[5:15]) for one in ids}
        self.refusing = {
            one: f"{LOCKED} ({number // 100})"
            for one, number in numbers.items()
            if self.refuses(number)
        }
        return await super().reactivate(seen)


pytestmark = pytest.mark.usefixtures("one_look")


@pytest.fixture
def salesforce(clock):
    return Refusing(clock)


@pytest.fixture
async def office(office, salesforce):
    fail(salesforce, salesforce.queue, range(4, 40), START - 500_000)
    return office


async def test_a_try_asks_salesforce_for_no_more_orders_than_it_has_jobs(
    office, messenger, salesforce
):
    salesforce.refuses = lambda number: True
    plan = await begin_try(office)
    await office.run_operations()
    assert salesforce.asked == [order_id(number) for number in range(5)]
    text = message(messenger)
    assert "Changed none of 40 WHMCS_ERROR in order-provisioning" in text
    assert "5 of 5 refused by Salesforce: FIELD_CUSTOM_VALIDATION_EXCEPTION: locked (0)" in text
    assert "35 not touched." in text
    assert "Not going on" in text
    assert "\u2705" not in text
    assert "All went well" not in text
    [posted] = messenger.of(screen.KIND)
    assert "Retry all 40" in shown(posted.message).labels
    salesforce.refuses = lambda number: False
    await office.toolbox.confirming.rest(BOB, plan.id)
    await office.run_operations()
    assert len(salesforce.activated) == 40


async def test_a_try_of_which_one_was_refused_does_not_say_that_all_went_well(
    office, messenger, salesforce
):
    salesforce.refuses = lambda number: number == 2
    await begin_try(office)
    await office.run_operations()
    assert len(salesforce.asked) == 5
    text = message(messenger)
    assert "Set 4 of 40" in text
    assert "1 of 5 refused by Salesforce" in text
    assert "35 not touched." in text
    assert "Not going on" in text
    assert "All went well" not in text
    assert "\u2705" not in text


async def test_a_try_goes_past_orders_that_salesforce_need_not_be_asked_to_change(
    office, messenger, salesforce
):
    salesforce.refuses = lambda number: False
    await begin_try(office)
    for number in range(3):
        salesforce.put(order_id(number), "Activated")
    await office.run_operations()
    assert salesforce.activated == [order_id(number) for number in range(3, 8)]
    assert "3 left out: 3 in another state (Activated)" in message(messenger)


@pytest.mark.parametrize("killed", ["before it asks", "before it is answered", "after"])
async def test_a_try_that_was_killed_asks_for_no_other_orders(
    office, messenger, salesforce, queues, monkeypatch, killed
):
    """Orders it went past can be retried by then; of its jobs some have left the failed set."""
    salesforce.refuses = lambda number: number != 7
    plan = await begin_try(office)
    for number in range(3):
        salesforce.put(order_id(number), "Activated")
    real, remember = salesforce.reactivate, queues.remember

    async def reactivate(seen):
        last = order_id(7) in [order.id for order in seen]
        answer = await real(seen) if not last or killed == "before it is answered" else {}
        if last:
            raise KeyboardInterrupt
        return answer

    async def remember_not(queue, name, ids):
        if name == plan.id and ids:
            raise KeyboardInterrupt
        await remember(queue, name, ids)

    with monkeypatch.context() as patch:
        if killed == "after":
            patch.setattr(queues, "remember", remember_not)
        else:
            patch.setattr(salesforce, "reactivate", reactivate)
        with pytest.raises(KeyboardInterrupt):
            await office.run_operations()
    fail(salesforce, salesforce.queue, range(3), START - 600_000)
    failed = queues.queues[ORDERS].failed
    del failed["w3"], failed["w7"]
    await office.runner.run(plan.id, asyncio.Event())
    assert set(salesforce.asked) <= {order_id(number) for number in range(3, 8)}
    assert "Set 1 of 40" in message(messenger)


@pytest.mark.parametrize(
    ("others", "asked"), [(lambda number: number > 450, 400), (lambda number: number < 5, 1_000)]
)
async def test_a_retry_stops_when_salesforce_refuses_hundreds_for_one_reason_and_sets_none(
    office, messenger, salesforce, others, asked
):
    fail(salesforce, salesforce.queue, range(40, 1_000), START - 400_000)
    salesforce.refuses = lambda number: not others(number)
    await begin(office)
    await office.run_operations()
    assert len(salesforce.asked) == asked
    stopped = "600 not touched. Ended early: Stopped after 400 refusals of the same kind."
    assert (stopped in message(messenger)) is (asked == 400)


@pytest.mark.parametrize("named", [True, False])
async def test_jobs_that_are_no_longer_failed_are_counted_as_such(
    office, messenger, salesforce, queues, named
):
    """The failed set was cleaned by hand, before it began and while it ran."""
    salesforce.refuses = lambda number: False
    if not named:
        fail(salesforce, salesforce.queue, range(40, 2_100), START - 400_000)
    plan = await begin(office)
    assert bool(plan.ids) is named
    failed = queues.queues[ORDERS].failed
    del failed["w7"], failed["w8"]
    real = salesforce.orders

    async def orders(ids):
        failed.pop("w9", None)
        failed.pop("w2099" if not named else "w10", None)
        return await real(ids)

    salesforce.orders = orders
    await office.run_operations()
    text = message(messenger)
    assert "without an order id" not in text
    gone = 2 if named else 3
    assert f"{gone} were no longer failed" in text
    assert f"Set {plan.count - gone:,} of {plan.count:,}" in text


async def begin_try(office):
    """A confirmed try of five."""
    wanted = FailureFilter(code="WHMCS_ERROR")
    tools = office.toolbox
    plan = (await tools.planner.propose(BOB, ORDERS, wanted, kind=PlanKind.SALESFORCE)).plan
    return (await tools.confirming.confirm(BOB, plan.id, Choice(canary=5))).plan
