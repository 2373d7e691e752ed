"""A few orders of many that newer jobs have done since the card: left out, and said."""

import asyncio

import pytest

from bot.domain.jobs import FailureFilter
from bot.domain.plans import PlanKind
from bot.domain.times import HOUR
from bot.services.confirming import Choice
from bot.services.operations.screen import KIND, RECEIPT
from tests.support.fake_salesforce import order_id
from tests.support.fakes import ORDERS, START
from tests.support.salesforce_office import another, message, salesforce_office
from tests.support.toolbox import ALICE, BOB, shown

OUT = "2 left out: 2 jobs have a newer, an open or a completed one for the same order by now"


@pytest.fixture
async def office(redis, queues, messenger, salesforce):
    return await salesforce_office(
        redis, queues, messenger, salesforce, count=20, since=START - HOUR
    )


async def press(office, canary=0):
    """A plan for all twenty, pressed when the orders of two have been done."""
    wanted, tools = FailureFilter(code="WHMCS_ERROR"), office.toolbox
    plan = (await tools.planner.propose(BOB, ORDERS, wanted, kind=PlanKind.SALESFORCE)).plan
    another(office, "c0", 0)
    another(office, "c1", 1)
    confirmed = await tools.confirming.confirm(BOB, plan.id, Choice(canary=canary))
    assert confirmed.drawn_again is None
    return plan


def set_back(salesforce):
    return sorted(salesforce.activated)


OTHERS = sorted(order_id(number) for number in range(2, 20))


async def test_a_tenth_is_left_out_and_the_rest_is_set_back(office, salesforce, messenger):
    plan = await press(office)
    await office.run_operations()
    assert set_back(salesforce) == OTHERS
    assert "Set 18 of 20 WHMCS_ERROR to Activating in Salesforce" in message(messenger)
    assert OUT in message(messenger)
    assert OUT in shown(messenger.of(RECEIPT)[-1].message).text
    assert (await office.toolbox.confirming.plan(plan.id)).outcome == f"18 of 20; {OUT}"


async def test_it_is_said_while_the_rest_is_set_back(office, salesforce, messenger, monkeypatch):
    while_it_ran, real = [], salesforce.reactivate

    async def reactivate(seen):
        async with asyncio.timeout(20):
            while not messenger.of(KIND):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        while_it_ran.append(message(messenger))
        return await real(seen)

    monkeypatch.setattr(salesforce, "reactivate", reactivate)
    await press(office)
    await office.run_operations()
    assert while_it_ran[0].startswith("Retrying 20 WHMCS_ERROR jobs of order-provisioning")
    assert OUT in while_it_ran[0]


async def test_a_try_of_a_few_says_nothing_of_it_and_its_rest_does(office, salesforce, messenger):
    plan = await press(office, canary=2)
    await office.run_operations()
    assert "Set 2 of 2" in message(messenger)
    assert "left out" not in message(messenger)
    confirming = office.toolbox.confirming
    assert (await confirming.rest(ALICE, plan.id)).drawn_again is None
    await office.run_operations()
    assert set_back(salesforce) == OTHERS
    assert (await confirming.plan(plan.id)).outcome == f"18 of 20; {OUT}"
