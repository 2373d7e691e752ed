"""`job` and `status QUEUE` where Salesforce has credentials."""

from dataclasses import replace

import pytest

from bot.domain.jobs import JobDetail
from bot.domain.policy import Catalog
from bot.domain.times import MINUTE
from bot.errors import JobGoneError, SalesforceUnavailableError, StaleError
from tests.support.archived_jobs import archive_job_of
from tests.support.fake_salesforce import FakeSalesforce, order_id
from tests.support.fakes import ORDERS, START
from tests.support.toolbox import ALICE, BOB, CATALOG, VERA, build_office, labels, said, value_of

ONE = order_id(1)


@pytest.fixture
def salesforce(clock):
    return FakeSalesforce(clock)


@pytest.fixture
async def desk(redis, queues, messenger, salesforce):
    """An office whose orders are best retried through Salesforce."""
    queue = queues.add(ORDERS)
    queue.jobs["4711"] = JobDetail(
        queue=ORDERS, id="4711", name="provision", state="failed", data={"sfOrderId": ONE},
        options={}, attempts_made=3, attempts=3, failed_reason="WHMCS_ERROR: down",
    )  # fmt: skip
    policies = dict(CATALOG.queues)
    policies["order-provisioning"] = replace(policies["order-provisioning"], retry_via="salesforce")
    catalog: Catalog = replace(CATALOG, queues=policies)
    office = build_office(
        redis=redis, queues=queues, messenger=messenger, catalog=catalog, salesforce=salesforce
    )
    await office.tick()
    return office


@pytest.mark.parametrize("line", ["retry", "remove", "promote"])
async def test_a_job_that_is_not_there_is_told_in_the_same_words_everywhere(desk, line):
    with pytest.raises(JobGoneError) as caught:
        await desk.ask(f"{line} order-provisioning 99999999", ALICE)
    assert str(caught.value) == "Job 99999999 is not in order-provisioning (any more)."


async def test_a_button_of_an_older_failure_asks_to_look_anew_through_salesforce_too(desk):
    desk.queues.queues[ORDERS].fail("4711", "WHMCS_ERROR: down", START)
    with pytest.raises(StaleError, match="has failed again since"):
        await desk.ask(f"retry order-provisioning 4711 --failed-at {START - 1}", BOB)


async def test_job_shows_the_order(desk, salesforce):
    salesforce.put(ONE, "Failed", "WHMCS_ERROR: down")
    text = await desk.said("job order-provisioning 4711", VERA)
    assert f"Salesforce order {ONE}: Failed" in text
    salesforce.go_away()
    text = await desk.said("job order-provisioning 4711", VERA)
    assert "Salesforce order" in text
    assert "unknown: Salesforce did not answer" in text
    assert "WHMCS_ERROR: down" in text, "the rest of the answer is there"


async def test_status_counts_stuck_orders_and_offers_to_set_them_right(desk, salesforce, clock):
    for number in range(3):
        salesforce.put(order_id(number), "Activating")
    clock.forward(11 * MINUTE)
    text = await desk.said("status order-provisioning", BOB)
    assert "3 orders are Activating in Salesforce without a job" in text
    reply = await desk.ask("status order-provisioning", BOB)
    assert value_of(reply, "Set right") == "retry order-provisioning --stuck"
    assert not any(
        "Set right" in one for one in labels(await desk.ask("status order-provisioning", VERA))
    )
    salesforce.go_away()
    assert "unknown: Salesforce did not answer" in await desk.said("status order-provisioning", BOB)


async def test_orders_whose_job_is_archived_are_not_stuck_but_an_undo_away(desk, salesforce, clock):
    """Set right, each would have two jobs after the undo of the drain."""
    for number in range(3):
        salesforce.put(order_id(number), "Activating")
    await archive_job_of(desk.archive, "d4a1", [order_id(0), order_id(1)[:15]])
    clock.forward(11 * MINUTE)
    reply = await desk.ask("status order-provisioning", BOB)
    assert "1 order is Activating in Salesforce without a job" in said(reply)
    assert "2 orders are activating in Salesforce, and their jobs are archived" in said(reply)
    assert "2 drained by <@U0ALICE>" in said(reply)
    assert "undo d4a1 brings them back" in said(reply)
    assert value_of(reply, "Undo") == "undo d4a1"
    assert "Undo…" not in labels(await desk.ask("status order-provisioning", VERA))

    card = await desk.ask(value_of(reply, "Set right"), BOB)
    assert value_of(card, "Set right 1 now")
    assert "Left out: 2 orders' jobs are archived: undo d4a1 brings them back" in said(card)
    salesforce.put(order_id(2), "Activated")
    with pytest.raises(JobGoneError, match="2 orders' jobs are archived: `undo d4a1`") as caught:
        await desk.ask("retry order-provisioning --stuck", BOB)
    assert caught.value.offer == "undo d4a1"
    reply = await desk.ask("status order-provisioning", BOB)
    assert not any("Set right" in one for one in labels(reply))


async def test_while_salesforce_is_away_a_job_has_its_retry_button_and_says_what_is_unknown(
    desk, salesforce
):
    salesforce.put(ONE, "Failed", "WHMCS_ERROR: down")
    there = await desk.ask("job order-provisioning 4711", BOB)
    salesforce.go_away()
    away = await desk.ask("job order-provisioning 4711", BOB)
    assert value_of(away, "Retry") == value_of(there, "Retry")
    assert value_of(away, "Retry").startswith("retry order-provisioning 4711")
    assert "unknown: Salesforce did not answer" in said(away)
    assert "Retry" not in labels(await desk.ask("job order-provisioning 4711", VERA))


async def test_one_stuck_order_is_counted_as_one(desk, salesforce, clock):
    salesforce.put(ONE, "Activating")
    clock.forward(11 * MINUTE)
    assert "1 order is Activating in Salesforce without a job" in await desk.said(
        "status order-provisioning", BOB
    )


async def test_stuck_orders_are_not_called_none_while_salesforce_is_away(desk, salesforce, clock):
    salesforce.put(ONE, "Activating")
    clock.forward(11 * MINUTE)
    salesforce.go_away()
    with pytest.raises(SalesforceUnavailableError, match=r"not answer\. Nothing was changed\."):
        await desk.ask("retry order-provisioning --stuck", BOB)
    reply = await desk.ask("status order-provisioning", BOB)
    assert not any("Set right" in one for one in labels(reply))


async def test_other_queues_and_the_overview_ask_salesforce_nothing(desk, salesforce):
    before = salesforce.calls
    await desk.said("status", BOB)
    assert salesforce.calls == before
