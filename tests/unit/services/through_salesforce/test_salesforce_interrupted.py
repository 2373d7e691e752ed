"""A retry through Salesforce counts what it changed itself, and no other's jobs as its new ones."""

import asyncio

import pytest

from bot.domain.jobs import FailureFilter
from bot.domain.plans import PlanKind
from bot.domain.subjects import JobAbout
from bot.domain.times import MINUTE, SECOND
from bot.errors import SalesforceUnavailableError
from bot.ports import Ended
from bot.services.operations import salesforce_receipts
from tests.support.fake_salesforce import order_id
from tests.support.fakes import ORDERS, START
from tests.support.salesforce_office import PATH, begin, fail, message
from tests.support.toolbox import BOB

pytestmark = pytest.mark.usefixtures("one_look")


async def test_an_order_that_was_only_looked_at_is_not_counted_after_a_hiccup(
    office, messenger, salesforce, queues
):
    await begin(office)
    salesforce.put(order_id(1), "Cancelled")
    salesforce.put(order_id(2), "Activated")
    salesforce.hiccups = 1
    await office.run_operations()
    text = message(messenger)
    assert "Set 2 of 4" in text
    assert "1 in another state (Cancelled); 1 in another state (Activated)" in text
    assert set(queues.queues[ORDERS].failed) == {"w1", "w2"}, "their old jobs stay"


@pytest.mark.parametrize("call", ["orders", "reactivate"])
async def test_a_crash_before_the_change_counts_nothing(
    office, messenger, salesforce, queues, monkeypatch, call
):
    plan = await begin(office)
    salesforce.put(order_id(1), "Cancelled")
    salesforce.put(order_id(2), "Activated")
    await crash(office, salesforce, monkeypatch, call)
    assert salesforce.activated == []
    await office.runner.run(plan.id, asyncio.Event())
    assert salesforce.activated == [order_id(0), order_id(3)]
    assert "Set 2 of 4" in message(messenger)
    assert set(queues.queues[ORDERS].failed) == {"w1", "w2"}


async def test_an_order_that_has_failed_again_since_the_crash_is_not_set_twice(
    office, messenger, salesforce, clock, monkeypatch
):
    plan = await begin(office)
    await crash(office, salesforce, monkeypatch, "reactivate", after=True)
    clock.forward(SECOND)
    salesforce.put(order_id(0), "Failed", "WHMCS_ERROR: down")
    await office.runner.run(plan.id, asyncio.Event())
    assert len(salesforce.activated) == 4
    assert "Set 4 of 4" in message(messenger)


async def test_what_was_clearly_not_done_is_not_noted_any_more(
    office, messenger, salesforce, clock, monkeypatch
):
    """Somebody else sets it right afterwards, and the operation goes on after a crash."""
    salesforce.refusing[order_id(0)] = "FIELD_CUSTOM_VALIDATION_EXCEPTION: locked"
    plan = await begin(office)
    real = salesforce.reactivate
    refusals = [SalesforceUnavailableError("The reserve is reached.")]

    async def reactivate(seen):
        if refusals:
            raise refusals.pop()
        return await real(seen)

    monkeypatch.setattr(salesforce, "reactivate", reactivate)
    monkeypatch.setattr(office.queues, "remember", remember_until(office.queues, plan.id))
    with pytest.raises(KeyboardInterrupt):
        await office.run_operations()
    monkeypatch.undo()
    monkeypatch.setattr(salesforce_receipts, "WATCH_LIMIT", 0)
    clock.forward(SECOND)
    salesforce.put(order_id(0), "Activated")
    await office.runner.run(plan.id, asyncio.Event())
    assert "Set 3 of 4" in message(messenger)
    assert "1 in another state (Activated)" in message(messenger)


async def test_no_more_orders_are_set_than_the_card_showed(office, messenger, salesforce):
    """An undo brings older failures back below the edge of the filter."""
    fail(salesforce, salesforce.queue, range(4, 2100), START - 500_000)
    plan = await begin(office)
    assert (plan.count, plan.ids) == (2100, ()), "by its filter"
    fail(salesforce, salesforce.queue, range(3000, 3150), START - 900_000)
    await office.run_operations()
    assert len(salesforce.activated) == 2100
    assert "Set 2,100 of 2,100" in message(messenger)


@pytest.mark.parametrize("busy_for", [0, 5 * MINUTE])
async def test_a_job_from_before_the_order_was_set_is_not_its_new_job(
    office, messenger, salesforce, queues, clock, busy_for
):
    """One of the last minute, and one that a colleague made after the press."""
    salesforce.flows = False
    jobs = queues.queues[ORDERS].contents
    jobs.add(failed("other", clock.now - 30_000), **{PATH: order_id(0)})
    plan = (
        await office.toolbox.planner.propose(
            BOB, ORDERS, FailureFilter(), ids=["w0", "w1"], kind=PlanKind.SALESFORCE
        )
    ).plan
    await office.toolbox.confirming.confirm(BOB, plan.id)
    jobs.add(failed("colleague", clock.now + 1_000), **{PATH: order_id(1)})
    ended = Ended("failed", "MAPPING_ERROR")
    office.outcomes.ended = {"other": ended, "colleague": ended}
    clock.forward(busy_for)
    await office.run_operations()
    text = message(messenger)
    assert "0 completed · 2 still waiting" in text
    assert "archived" not in text
    assert {"w0", "w1"} <= set(queues.queues[ORDERS].failed)


async def test_an_order_that_got_a_job_since_the_press_is_left_alone(
    office, messenger, salesforce, queues, monkeypatch
):
    fail(salesforce, salesforce.queue, range(4, 300), START - 500_000)
    await begin(office)
    real = salesforce.reactivate

    async def reactivate(seen):
        done = await real(seen)
        job = JobAbout(id="open", state="wait", created_at=START)
        queues.queues[ORDERS].contents.add(job, **{PATH: order_id(299)})
        monkeypatch.setattr(salesforce, "reactivate", real)
        return done

    monkeypatch.setattr(salesforce, "reactivate", reactivate)
    await office.run_operations()
    assert order_id(299) not in salesforce.activated
    assert "1 left out: 1 has a job already" in message(messenger)


async def test_what_salesforce_says_is_masked(office, messenger, salesforce):
    salesforce.refusing[order_id(1)] = "FIELD: bad token=abcd1234secret here"
    await begin(office)
    await office.run_operations()
    assert "1 refused by Salesforce: FIELD: bad token=•••• here" in message(messenger)
    assert not any("abcd1234secret" in entry.detail for entry in await office.history())


def failed(id_, at):
    return JobAbout(id=id_, state="failed", created_at=at, finished_at=at + 1_000)


async def crash(office, salesforce, monkeypatch, call, *, after=False):
    """Killed before that call, or right after it."""
    real = getattr(salesforce, call)

    async def killed(*args):
        if after:
            await real(*args)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(salesforce, call, killed)
        with pytest.raises(KeyboardInterrupt):
            await office.run_operations()


def remember_until(queues, operation):
    """Killed before it is remembered what was done."""
    real = queues.remember

    async def remember(queue, name, ids):
        if name == operation:
            raise KeyboardInterrupt
        await real(queue, name, ids)

    return remember
