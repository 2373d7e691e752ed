"""A retry through Salesforce of orders that are done there already."""

import pytest

from bot.errors import JobGoneError
from tests.support.fake_salesforce import order_id
from tests.support.salesforce_office import message
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


async def test_of_very_many_orders_the_rest_is_looked_at_when_it_is_set(office, monkeypatch):
    monkeypatch.setattr("bot.services.settled_orders.LOOKED_AT", 2)
    card = await office.ask("retry order-provisioning --error WHMCS_ERROR", BOB)
    assert (
        "Checked in Salesforce for the first 2 of 4 jobs only. "
        "Each is looked at when it comes to it"
    ) in shown(card.message).text
