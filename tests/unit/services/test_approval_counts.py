"""At which counts an approval is void, and what the request says of it."""

import itertools

import pytest

from bot.domain.emergencies import Verdict, verdict, void_beyond
from bot.domain.plans import PLAN_LIFETIME, PlanKind
from tests.support.toolbox import ALICE
from tests.support.two_admins import DANA, NAME, asked, hold, propose, two_admins


@pytest.fixture
async def office(redis, queues, messenger):
    return await two_admins(redis, queues, messenger)


async def test_the_counts_at_which_it_is_void_are_those_that_the_request_names(office):
    for kind, count in itertools.product((PlanKind.DRAIN, PlanKind.OBLITERATE), (1, 9, 34, 435)):
        fewest, most = void_beyond(count)
        for now in (fewest - 1, fewest, most, most + 1):
            hold(office, waiting=count).paused = kind is PlanKind.OBLITERATE
            plan = await asked(office, kind)
            hold(office, waiting=now)
            how = verdict(await office.toolbox.approving.approve(DANA, plan.id))
            more = now > most and kind is PlanKind.OBLITERATE
            assert (how is Verdict.APPROVED) == (fewest <= now and not more)


async def test_a_request_says_when_a_queue_that_fills_will_have_made_it_void(office):
    hold(office, waiting=435).paused = True
    plan = await propose(office, PlanKind.OBLITERATE)
    office.clock.forward(20_000)
    hold(office, waiting=452)
    asking = await office.toolbox.approving.ask(ALICE, plan.id, NAME)
    [said] = asking.warnings
    assert said == (
        "17 jobs more in the last 20 s: at this rate void in about 31 s. A pause stops no adding, "
        "only the workers"
    )


async def test_a_request_says_when_workers_will_have_made_a_drain_void(office):
    hold(office, waiting=435)
    plan = await propose(office)
    office.clock.forward(20_000)
    hold(office, waiting=418)
    [said] = (await office.toolbox.approving.ask(ALICE, plan.id, NAME)).warnings
    assert said == "17 jobs fewer in the last 20 s: at this rate void in about 31 s"


@pytest.mark.parametrize("count", [435, 433, 425, 900])
async def test_a_request_of_which_the_numbers_hold_says_nothing_of_it(office, count):
    """433: two jobs tell no rate; 425: void after the ten minutes; 900: a drain leaves new ones."""
    hold(office, waiting=435)
    plan = await propose(office)
    office.clock.forward(PLAN_LIFETIME - 1 if count == 425 else 20_000)
    hold(office, waiting=count)
    assert (await office.toolbox.approving.ask(ALICE, plan.id, NAME)).warnings == ()
