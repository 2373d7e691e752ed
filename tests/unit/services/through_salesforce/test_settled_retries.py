"""A retry through Salesforce of orders that are done there already."""

import pytest

from bot.domain.salesforce import order_key
from bot.errors import JobGoneError
from tests.support.fake_salesforce import order_id
from tests.support.fakes import START
from tests.support.salesforce_office import fail, message
from tests.support.toolbox import BOB, shown, value_of

pytestmark = pytest.mark.usefixtures("one_look")


async def test_a_retry_through_salesforce_leaves_out_orders_that_are_done_and_says_what_to_do(
    office, salesforce, messenger
):
    for number in (0, 1, 2):
        salesforce.put(order_id(number), "Activated")
    card = await office.ask("retry order-provisioning --error WHMCS_ERROR", BOB)
    plan = await office.toolbox.confirming.plan(value_of(card, "Retry 1 now"))
    assert [job for job, _ in plan.ids] == ["w3"]
    assert plan.warnings[0] == (
        "3 orders are Activated in Salesforce: left out, a retry would provision them twice. "
        "Their failed jobs (w0, w1, w2) can go, archived first: `remove QUEUE ID` each, or those "
        "that are old enough by `clean QUEUE failed`"
    )
    begun = await office.toolbox.confirming.confirm(BOB, plan.id)
    assert begun.drawn_again is None
    await office.run_operations()
    assert "Set 1 of 1" in message(messenger)
    assert "left out" not in message(messenger)


async def test_when_all_orders_are_done_there_is_nothing_to_retry_but_jobs_to_remove(
    office, salesforce
):
    for number in range(4):
        salesforce.put(order_id(number), "Activated")
    todo = r"Their failed jobs \(w0, w1, w2 and 1 more\) can go, archived first: `remove"
    said = rf"Nothing to retry: 4 orders are Activated in Salesforce\. {todo}"
    for which in ("--error WHMCS_ERROR", "w0 w1 w2 w3"):
        with pytest.raises(JobGoneError, match=said):
            await office.ask(f"retry order-provisioning {which}", BOB)


async def test_named_jobs_of_orders_that_are_done_are_left_out_through_salesforce(
    office, salesforce
):
    salesforce.put(order_id(0), "Activated")
    card = await office.ask("retry order-provisioning w0 w1 w2", BOB)
    plan = await office.toolbox.confirming.plan(value_of(card, "Retry 2 now"))
    assert [job for job, _ in plan.ids] == ["w1", "w2"]
    begun = await office.toolbox.confirming.confirm(BOB, plan.id)
    assert begun.drawn_again is None, "what is left of them is what is counted"


async def test_a_card_leaves_out_orders_in_which_no_retry_is_expected_and_says_how_many(
    office, salesforce, messenger
):
    """Nor those that are not in Salesforce: all would only be left out when it comes to them."""
    salesforce.put(order_id(0), "Cancelled")
    salesforce.put(order_id(1), "Activating")
    fail(salesforce, salesforce.queue, (4, 5), START - 500_000)
    salesforce.put(order_id(4), "Cancelled")
    del salesforce.held[order_key(order_id(5))]
    calls = salesforce.calls
    card = await office.ask("retry order-provisioning --error WHMCS_ERROR", BOB)
    assert salesforce.calls == calls + 1, "what the card asks anyway tells it"
    plan = await office.toolbox.confirming.plan(value_of(card, "Retry 2 now"))
    assert [job for job, _ in plan.ids] == ["w2", "w3"]
    assert (
        "4 orders are Cancelled (2), Activating (1) or not found (1) in Salesforce: left out, "
        "a retry is expected from Failed or Error or Activation Failed"
    ) in plan.warnings
    begun = await office.toolbox.confirming.confirm(BOB, plan.id)
    assert begun.drawn_again is None
    await office.run_operations()
    assert "Set 2 of 2" in message(messenger)
    assert "left out" not in message(messenger)


async def test_orders_in_one_other_state_are_told_beside_those_that_are_done(office, salesforce):
    salesforce.put(order_id(0), "Activated")
    salesforce.put(order_id(1), "On hold: token=abcd1234secret")
    card = await office.ask("retry order-provisioning w0 w1 w2", BOB)
    plan = await office.toolbox.confirming.plan(value_of(card, "Retry 1 now"))
    assert plan.warnings[0].startswith("1 order is Activated in Salesforce: left out")
    assert plan.warnings[1].startswith("1 order is On hold: token=•••• in Salesforce: left out")


async def test_when_no_order_is_in_a_state_to_be_retried_there_is_no_card(office, salesforce):
    salesforce.put(order_id(0), "Activated")
    for number in (1, 2, 3):
        salesforce.put(order_id(number), "Cancelled")
    said = (
        r"Nothing to retry: 1 order is Activated in Salesforce\. Its failed job \(w0\) can go.*"
        r"\. 3 orders are Cancelled in Salesforce: a retry is expected from Failed or .*\. "
        r"To retry a job all the same"
    )
    with pytest.raises(JobGoneError, match=said):
        await office.ask("retry order-provisioning --error WHMCS_ERROR", BOB)


async def test_a_retry_by_bullmq_keeps_orders_in_any_state_that_is_not_done(office, salesforce):
    salesforce.put(order_id(0), "Cancelled")
    card = await office.ask("retry order-provisioning --error WHMCS_ERROR --bullmq", BOB)
    assert "Cancelled" not in shown(card.message).text
    assert value_of(card, "Retry 4 now")


async def test_of_very_many_orders_the_rest_is_looked_at_when_it_is_set(
    office, salesforce, messenger, monkeypatch
):
    monkeypatch.setattr("bot.services.settled_orders.LOOKED_AT", 2)
    for number in (1, 2):
        salesforce.put(order_id(number), "Cancelled")
    card = await office.ask("retry order-provisioning --error WHMCS_ERROR", BOB)
    text = shown(card.message).text
    assert "Retry through Salesforce: 3 jobs" in text
    assert "1 order is Cancelled in Salesforce: left out" in text
    assert (
        "Checked in Salesforce for the first 2 of 4 jobs only. "
        "Each is looked at when it comes to it"
    ) in text
    await office.toolbox.confirming.confirm(BOB, value_of(card, "Retry 3 now"))
    await office.run_operations()
    assert "Set 2 of 3" in message(messenger)
    assert "1 left out: 1 in another state (Cancelled)" in message(messenger)
