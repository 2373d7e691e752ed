"""A card's, a canary's and a later plan's jobs that others have done meanwhile: seen, and said."""

import asyncio

import pytest

from bot.commands import plan_buttons
from bot.domain.jobs import FailureFilter
from bot.domain.plans import PLAN_LIFETIME, PlanStatus
from bot.domain.times import HOUR, MINUTE
from bot.errors import JobGoneError, SalesforceUnavailableError
from bot.services.confirming import Choice
from bot.services.operations import runner
from bot.services.operations.screen import KIND, RECEIPT
from tests.support.fake_salesforce import order_id
from tests.support.fakes import ORDERS, START
from tests.support.salesforce_office import another, fail, salesforce_office
from tests.support.toolbox import ALICE, BOB, said, shown, value_of

pytestmark = pytest.mark.usefixtures("quick")
WHMCS = FailureFilter(code="WHMCS_ERROR")


@pytest.fixture
async def office(redis, queues, messenger, salesforce):
    """Six failed orders, which Salesforce provisions too."""
    since = START - HOUR
    return await salesforce_office(redis, queues, messenger, salesforce, count=6, since=since)


def completed(office, *numbers):
    """Newer jobs about the orders of these numbers have been added, and have completed."""
    for number in numbers:
        another(office, f"c{number}", number)


async def propose(office, **options):
    return (await office.toolbox.planner.propose(BOB, ORDERS, WHMCS, **options)).plan


async def confirm(office, plan, **choice):
    return await office.toolbox.confirming.confirm(BOB, plan.id, Choice(**choice))


async def rest(office, plan):
    return await office.toolbox.confirming.rest(ALICE, plan.id)


def moved(office):
    return sorted(job for job, _ in office.queues.queues[ORDERS].retried)


def message(messenger):
    return shown(messenger.of(KIND)[-1].message).text.replace("*", "")


def more_orders(office, salesforce):
    """Fourteen failed orders more: twenty in all."""
    fail(salesforce, office.queues.queues[ORDERS], range(6, 20), START - HOUR)


@pytest.mark.parametrize("frozen_by_id", [2_000, 3])
async def test_a_press_after_orders_were_done_by_newer_jobs_draws_the_card_again(
    office, monkeypatch, frozen_by_id
):
    monkeypatch.setattr("bot.services.plan_freezing.FROZEN_BY_ID", frozen_by_id)
    plan = await propose(office)
    completed(office, 0, 1)
    again = await confirm(office, plan)
    assert not office.submitted.waiting
    assert (again.drawn_again.plan.count, again.change.drifted) == (4, False)
    assert again.change.overtaken.jobs == ("w0", "w1")
    assert (await confirm(office, again.drawn_again.plan)).drawn_again is None
    await office.run_operations()
    assert moved(office) == ["w2", "w3", "w4", "w5"]


TWO_DONE = "2 left out: 2 jobs have a newer, an open or a completed one for the same order by now"


@pytest.mark.parametrize("frozen_by_id", [2_000, 3])
async def test_a_tenth_that_was_done_by_newer_jobs_is_left_out_and_the_rest_begins(
    office, salesforce, messenger, monkeypatch, frozen_by_id
):
    monkeypatch.setattr("bot.services.plan_freezing.FROZEN_BY_ID", frozen_by_id)
    more_orders(office, salesforce)
    plan = await propose(office)
    completed(office, 0, 1)
    begun = said(await plan_buttons.confirm(office.toolbox, BOB, plan.id))
    assert "Begun: 18 jobs of order-provisioning" in begun
    assert TWO_DONE in begun
    await office.run_operations()
    assert moved(office) == sorted(f"w{number}" for number in range(2, 20))
    assert f"Moved 18 of 20 WHMCS_ERROR back to waiting in order-provisioning. {TWO_DONE}" in (
        message(messenger)
    )
    assert TWO_DONE in shown(messenger.of(RECEIPT)[-1].message).text
    assert (await office.toolbox.confirming.plan(plan.id)).outcome == f"18 of 20; {TWO_DONE}"


async def test_more_than_a_tenth_of_twenty_asks_again(office, salesforce):
    more_orders(office, salesforce)
    plan = await propose(office)
    completed(office, 0, 1)
    salesforce.put(order_id(2), "Activated")
    assert (await confirm(office, plan)).drawn_again.plan.count == 17
    assert not office.submitted.waiting


async def test_the_card_that_is_drawn_again_says_which_jobs_were_done_meanwhile(office, salesforce):
    card = await office.ask("retry order-provisioning --error WHMCS_ERROR --bullmq")
    completed(office, 0, 1)
    salesforce.put(order_id(2), "Activated")
    plan_id = value_of(card, "Retry 6")
    again = said(await plan_buttons.confirm(office.toolbox, BOB, plan_id))
    assert (
        "Changed since you were asked: 2 jobs have a newer, an open or a completed one for the "
        "same order by now; 1 job has an order that is Activated in Salesforce by now. "
        "Nothing was done yet."
    ) in again


async def test_the_card_that_is_drawn_again_counts_what_it_leaves_out_as_its_sentence_does(office):
    completed(office, 0)
    plan = await propose(office)
    assert (plan.matching, plan.count) == (6, 5)
    for number in range(4):
        office.queues.queues[ORDERS].fail(f"x{number}", "WHMCS_ERROR: down", START + number)
    completed(office, 1, 2)
    again = await plan_buttons.confirm(office.toolbox, BOB, plan.id)
    assert "6 matched then (1 left out), 10 now (3 left out)" in said(again)
    assert value_of(again, "Retry 7 now")


async def test_when_all_orders_were_done_meanwhile_the_press_says_so(office):
    plan = await propose(office)
    completed(office, *range(6))
    with pytest.raises(JobGoneError, match="6 orders already have a newer"):
        await confirm(office, plan)
    assert not office.submitted.waiting


async def test_an_order_that_salesforce_has_done_since_draws_the_card_again(office, salesforce):
    plan = await propose(office)
    salesforce.put(order_id(3), "Activated")
    again = await confirm(office, plan)
    assert (again.drawn_again.plan.count, again.drawn_again.plan.excluded) == (5, ("w3",))


async def test_a_named_job_is_asked_about_once_more_only_for_what_its_card_did_not_say(office):
    completed(office, 0)
    plan = await propose(office, ids=["w0", "w1"])
    completed(office, 1)
    again = await confirm(office, plan)
    assert again.change.overtaken.jobs == ("w1",)
    assert (await confirm(office, again.drawn_again.plan)).drawn_again is None
    await office.run_operations()
    assert moved(office) == ["w0", "w1"], "the person has named them, and knows of both"


async def tried(office):
    """A canary of one that has completed; five are offered."""
    plan = await propose(office)
    await confirm(office, plan, canary=1)
    await office.run_operations()
    assert (await office.toolbox.confirming.plan(plan.id)).status is PlanStatus.TRIED
    return plan


async def test_a_canarys_rest_is_not_run_for_orders_that_were_done_meanwhile(office):
    plan = await tried(office)
    completed(office, 4, 5)
    again = await rest(office, plan)
    drawn = again.drawn_again.plan
    assert (drawn.count, drawn.asked_by, drawn.canary) == (3, ALICE.user, 0)
    assert not office.submitted.waiting


async def test_a_canarys_rest_is_asked_anew_when_many_more_have_failed(office):
    plan = await tried(office)
    for number in range(5):
        office.queues.queues[ORDERS].fail(f"x{number}", "WHMCS_ERROR: down", START + number)
    again = await rest(office, plan)
    assert (again.change.was, again.change.matching) == (5, 10)
    assert again.drawn_again.plan.count == 10


async def test_a_canarys_rest_may_begin_for_a_quarter_of_an_hour_then_it_is_asked_anew(
    office, messenger
):
    plan = await tried(office)
    assert "After 22:28 UTC the button asks anew" in message(messenger)
    office.clock.forward(PLAN_LIFETIME)
    late = await rest(office, plan)
    assert (late.change.late, late.drawn_again.plan.count) == (True, 5)
    text = said(await plan_buttons.rest(office.toolbox, ALICE, plan.id))
    assert "This was offered more than 15 min ago" in text
    assert not office.submitted.waiting
    begun = await office.toolbox.confirming.confirm(ALICE, late.drawn_again.plan.id)
    assert begun.drawn_again is None


async def test_a_canarys_rest_of_which_nothing_is_left_is_not_begun(office):
    plan = await tried(office)
    office.queues.queues[ORDERS].failed.clear()
    with pytest.raises(JobGoneError, match="None of these 5 failed jobs is there any more"):
        await rest(office, plan)


async def test_a_stop_that_meets_a_canarys_end_does_not_stop_the_rest(office, monkeypatch):
    plan = await propose(office)
    await confirm(office, plan, canary=1)
    plans = office.toolbox.confirming._plans
    real = plans.advance

    async def advance(changed, *, expected):
        if changed.status is PlanStatus.TRIED:
            await office.toolbox.confirming.stop(ALICE, plan.id)
        return await real(changed, expected=expected)

    monkeypatch.setattr(plans, "advance", advance)
    await office.run_operations()
    await rest(office, plan)
    await office.run_operations()
    assert len(moved(office)) == 6
    assert (await office.toolbox.confirming.plan(plan.id)).outcome == "6 of 6"


async def later(office, meanwhile, **options):
    """A plan that waits for its time, while something happens."""
    plan = await propose(office, **options)
    await confirm(office, plan, begin_at=office.clock.now + 30 * MINUTE)
    meanwhile()
    office.clock.forward(30 * MINUTE)
    await asyncio.wait_for(office.run_operations(), 20)
    return await office.toolbox.confirming.plan(plan.id)


@pytest.mark.parametrize("frozen_by_id", [2_000, 3])
async def test_one_for_later_leaves_out_what_was_done_until_then_and_says_so(
    office, messenger, monkeypatch, frozen_by_id
):
    monkeypatch.setattr("bot.services.plan_freezing.FROZEN_BY_ID", frozen_by_id)
    ended = await later(office, lambda: completed(office, 0, 1))
    assert moved(office) == ["w2", "w3", "w4", "w5"]
    why = "2 jobs have a newer, an open or a completed one for the same order by now"
    assert ended.outcome == f"4 of 6; 2 left out: {why}"
    assert f"2 left out: {why}" in message(messenger)


async def test_one_for_later_of_which_all_was_done_moves_nothing(office):
    ended = await later(office, lambda: completed(office, *range(6)))
    assert moved(office) == []
    assert ended.outcome.startswith("0 of 6; 6 left out: 6 jobs have")


async def test_one_for_later_does_not_begin_without_salesforces_word(
    office, salesforce, monkeypatch
):
    monkeypatch.setattr(runner, "PATIENCE", 0.0)
    ended = await later(
        office,
        lambda: setattr(salesforce, "away", SalesforceUnavailableError("Salesforce is away")),
    )
    assert moved(office) == []
    assert ended.outcome.startswith("0 of 6; Not checked in Salesforce")
