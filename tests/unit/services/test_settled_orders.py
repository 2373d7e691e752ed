"""Orders that Salesforce has done or is doing: no old job of theirs comes back unseen."""

import asyncio
from dataclasses import replace

import pytest

from bot.domain.jobs import FailureFilter
from bot.domain.operations import Receipt
from bot.domain.plans import PlanKind
from bot.errors import JobGoneError
from bot.ports import Ended
from bot.services.operations import screen
from bot.services.operations.salesforce_receipts import new_set
from bot.services.settled_orders import SettledOrders
from tests.support.fake_salesforce import order_id
from tests.support.fakes import ORDERS
from tests.support.salesforce_office import salesforce_office
from tests.support.toolbox import BOB, shown, value_of

pytestmark = pytest.mark.usefixtures("quick", "one_look")


@pytest.fixture
async def office(redis, queues, messenger, salesforce):
    return await salesforce_office(redis, queues, messenger, salesforce)


async def replaced(office, salesforce):
    """A retry through Salesforce whose four old jobs are archived; the orders are done."""
    real = salesforce.reactivate

    async def reactivate(seen):
        done = await real(seen)
        for number in range(4):
            salesforce.put(order_id(number), "Activated")
        return done

    salesforce.reactivate = reactivate
    wanted = FailureFilter(code="WHMCS_ERROR")
    tools = office.toolbox
    proposal = await tools.planner.propose(BOB, ORDERS, wanted, kind=PlanKind.SALESFORCE)
    await tools.confirming.confirm(BOB, proposal.plan.id)
    await office.run_operations()
    assert not office.queues.queues[ORDERS].failed
    office.outcomes.ended = {f"w{number}": Ended("gone") for number in range(4)}
    return proposal.plan.id


async def test_an_undo_leaves_out_orders_that_are_done_or_under_way(office, salesforce, queues):
    archive = await replaced(office, salesforce)
    salesforce.put(order_id(1), "Activating")
    salesforce.put(order_id(2), "Failed")
    card = await office.ask(f"undo {archive}", BOB)
    plan = await office.toolbox.confirming.plan(value_of(card, "Bring back 1 now"))
    assert (plan.count, plan.matching) == (1, 4)
    assert plan.warnings[0].startswith("Replaced by new jobs through Salesforce")
    assert plan.warnings[1] == (
        "3 orders are Activated or Activating in Salesforce: left out, bringing their old jobs "
        "back invites a second provisioning"
    )
    assert plan.warnings[2] == "Of the new jobs: 4 completed"
    [button] = [
        one
        for block in card.message.blocks
        for one in block.get("elements", [])
        if one.get("text", {}) and str(one["text"]).count("Bring back 1 now")
    ]
    assert button["style"] == "danger"
    assert "provisioned twice" in button["confirm"]["text"]["text"]
    await office.toolbox.confirming.confirm(BOB, plan.id)
    await office.run_operations()
    assert set(queues.queues[ORDERS].failed) == {"w2"}
    info = await office.archive.info(archive)
    assert info.jobs == 3, "the others stay archived"


async def test_an_undo_says_how_the_new_jobs_ended_and_that_it_is_not_the_latest(
    office, salesforce
):
    archive = await replaced(office, salesforce)
    salesforce.put(order_id(2), "Failed")
    operations = office.runner._tools.operations
    known = await operations.load(archive)
    receipt = Receipt(completed=2, failed={"WHMCS_ERROR": 1}, waiting=1, watched=4, of=4)
    await operations.save(replace(known, receipt=receipt))
    assert (
        "Of the new jobs when they were last looked at: "
        "2 completed, 1 failed again (1 WHMCS_ERROR), 1 still waiting"
    ) in await office.said(f"undo {archive}", BOB)
    await operations.save(replace(known, receipt=None))
    assert "Of the new jobs" not in await office.said(f"undo {archive}", BOB)


async def test_what_was_not_looked_at_on_the_card_is_left_out_all_the_same(
    office, salesforce, queues, messenger
):
    archive = await replaced(office, salesforce)
    salesforce.go_away()
    card = await office.ask(f"undo {archive}", BOB)
    assert "It is asked again before any job is back" in shown(card.message).text
    salesforce.away = None
    salesforce.put(order_id(3), "Failed")
    await office.toolbox.confirming.confirm(BOB, value_of(card, "Bring back up to 4 now"))
    await office.run_operations()
    assert set(queues.queues[ORDERS].failed) == {"w3"}
    text = shown(messenger.of(screen.KIND)[-1].message).text
    assert "3 left out (they stay archived: their order is done or under way without" in text


async def test_while_salesforce_is_away_no_replaced_job_comes_back(
    office, salesforce, queues, monkeypatch
):
    monkeypatch.setattr("bot.services.operations.runner.PATIENCE", 0.0)
    archive = await replaced(office, salesforce)
    salesforce.go_away()
    card = await office.ask(f"undo {archive}", BOB)
    await office.toolbox.confirming.confirm(BOB, value_of(card, "Bring back up to 4 now"))
    await office.run_operations()
    assert not queues.queues[ORDERS].failed


async def test_an_undo_of_orders_that_are_all_done_is_no_card(office, salesforce):
    archive = await replaced(office, salesforce)
    with pytest.raises(JobGoneError, match="Nothing to bring back: 4 orders are Activated in"):
        await office.ask(f"undo {archive}", BOB)


async def test_the_list_says_what_became_of_the_old_jobs(office, salesforce):
    await replaced(office, salesforce)
    text = await office.said("undo")
    assert "replaced by new jobs through Salesforce" in text
    assert "removed by" not in text


async def test_a_retry_by_bullmq_leaves_out_orders_that_are_done(office, salesforce):
    salesforce.put(order_id(0), "Activated")
    salesforce.put(order_id(1), "activated")
    card = await office.ask("retry order-provisioning --error WHMCS_ERROR --bullmq", BOB)
    plan = await office.toolbox.confirming.plan(value_of(card, "Retry 2 now"))
    assert {job for job, _ in plan.ids} == {"w2", "w3"}
    assert plan.warnings[0].startswith("2 orders are Activated or activated in Salesforce: left")
    salesforce.put(order_id(2), "Activated")
    salesforce.put(order_id(3), "Activated")
    with pytest.raises(JobGoneError, match="Nothing to retry: 4 orders are"):
        await office.ask("retry order-provisioning --error WHMCS_ERROR --bullmq", BOB)


async def test_one_job_of_an_order_that_is_done_is_not_retried_without_a_card(
    office, salesforce, queues
):
    salesforce.put(order_id(0), "Activated")
    card = await office.ask("retry order-provisioning w0 --bullmq", BOB)
    text = shown(card.message).text
    assert "1 order is Activated in Salesforce: a retry would provision it twice" in text
    assert queues.queues[ORDERS].retried == []


async def test_a_retry_by_bullmq_that_could_not_be_checked_says_so(office, salesforce):
    salesforce.go_away()
    card = await office.ask("retry order-provisioning --error WHMCS_ERROR --bullmq", BOB)
    assert "Not checked in Salesforce whether these orders are done" in shown(card.message).text


async def test_a_card_waits_no_longer_than_it_may(salesforce, office):
    async def never(_ids):
        await asyncio.Event().wait()

    salesforce.orders = never
    settled = SettledOrders(
        system=salesforce, policy=salesforce.policy, catalog=office.toolbox.catalog, limit=0.0
    )
    asked = await settled.within({"w0": order_id(0)}, under_way=False)
    assert asked.unknown == "Salesforce did not answer in time"


async def test_of_very_many_orders_the_first_are_looked_at(office, monkeypatch):
    monkeypatch.setattr("bot.services.settled_orders.LOOKED_AT", 2)
    card = await office.ask("retry order-provisioning --error WHMCS_ERROR --bullmq", BOB)
    assert "for the first 2 of 4 jobs only" in shown(card.message).text


async def retry(office):
    card = await office.ask("retry order-provisioning --error WHMCS_ERROR", BOB)
    plan_id = value_of(card, "Retry 4 now")
    await office.toolbox.confirming.confirm(BOB, plan_id)
    await office.run_operations()
    return plan_id


async def test_what_was_refused_is_said_in_the_sentence_with_a_way_on(
    office, salesforce, messenger
):
    salesforce.refusing = {order_id(number): "the billing run is on" for number in range(4)}
    await retry(office)
    [posted] = messenger.of(screen.KIND)
    text = shown(posted.message).text
    assert "4 left out: 4 refused by Salesforce: the billing run is on" in text
    assert "prioritized" not in text
    assert text.startswith("⚠️")
    assert "Retry…" in str(posted.message.blocks)
    [entry] = [one for one in await office.history() if "left out" in one.detail]
    assert "4 left out: 4 refused by Salesforce: the billing run is on" in entry.detail


async def test_the_old_jobs_of_a_retry_have_the_whole_command_and_no_button_where_all_are_done(
    office, salesforce, messenger
):
    plan_id = await replaced(office, salesforce)
    [posted] = messenger.of(screen.KIND)
    assert f"4 old jobs archived: `/queue undo {plan_id}`" in shown(posted.message).text
    assert "Undo…" not in str(posted.message.blocks)


async def test_new_jobs_that_failed_are_listed_by_the_retry(office, queues, salesforce, clock):
    plan_id = await retry(office)
    orders = queues.queues[ORDERS]
    with pytest.raises(JobGoneError, match="Not known which jobs"):
        await office.ask(f"failed order-provisioning --of {plan_id}", BOB)
    await queues.remember(ORDERS, new_set(plan_id), ["n1", "n2"])
    with pytest.raises(JobGoneError, match="None of the 2 jobs of this retry is failed"):
        await office.ask(f"failed order-provisioning --of {plan_id}", BOB)
    orders.fail("n1", "TIMEOUT: slow", clock.now)
    assert "n1" in str((await office.ask(f"failed order-provisioning --of {plan_id}", BOB)).message)
