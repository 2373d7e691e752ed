"""A retry through Salesforce as an operation: orders set, new jobs followed, old ones archived."""

import asyncio
from dataclasses import replace

import pytest

from bot.errors import ArchiveFullError, JobGoneError, RefusedError, SalesforceHalfDoneError
from bot.ports import Ended
from bot.services.operations import screen
from bot.services.operations.runner import _Run
from tests.support.fake_salesforce import order_id
from tests.support.fakes import ORDERS, START
from tests.support.salesforce_office import begin, message
from tests.support.toolbox import BOB, shown, value_of


async def test_orders_are_set_their_new_jobs_followed_and_the_old_ones_archived(
    office, messenger, salesforce, queues
):
    plan = await begin(office)
    await office.run_operations()
    assert sorted(salesforce.activated) == [order_id(number) for number in range(4)]
    text = message(messenger)
    assert "Set 4 of 4 WHMCS_ERROR to Activating in Salesforce, for order-provisioning" in text
    assert "4 completed" in text
    assert f"4 old jobs archived: /queue undo {plan.id}" in text.replace("`", "")
    assert not queues.queues[ORDERS].failed
    assert queues.queues[ORDERS].retried == [], "no job was moved by BullMQ"


async def test_what_salesforce_refuses_is_told_with_its_words_and_stays(
    office, messenger, salesforce, queues
):
    salesforce.refusing[order_id(1)] = "FIELD_CUSTOM_VALIDATION_EXCEPTION: locked"
    await begin(office)
    salesforce.put(order_id(2), "Cancelled")
    await office.run_operations()
    text = message(messenger)
    assert "Set 2 of 4" in text
    assert "1 refused by Salesforce: FIELD_CUSTOM_VALIDATION_EXCEPTION: locked" in text
    assert "1 in another state (Cancelled)" in text
    assert set(queues.queues[ORDERS].failed) == {"w1", "w2"}


async def test_an_order_whose_new_job_failed_is_told_and_its_old_job_is_gone(
    office, messenger, queues
):
    office.outcomes.ended = {f"new-{order_id(0)}": Ended("failed", "MAPPING_ERROR")}
    await begin(office)
    await office.run_operations()
    assert "3 completed · 1 failed again (another error: MAPPING_ERROR)" in message(messenger)
    assert not queues.queues[ORDERS].failed


async def test_an_old_job_stays_until_a_new_one_exists(
    office, messenger, salesforce, queues, monkeypatch
):
    """Of an order that failed or was cancelled before its job was made, the old job is all left."""
    monkeypatch.setattr("bot.services.operations.salesforce_receipts.WATCH_LIMIT", 0)
    salesforce.flows = False
    fates = {
        0: ("Failed", ""),
        1: ("Cancelled", None),
        2: ("Cancelled", None),
        3: ("activated", None),
    }
    real = salesforce.reactivate

    async def reactivate(seen):
        done = await real(seen)
        for number, (status, error) in fates.items():
            salesforce.put(order_id(number), status, error)
        return done

    salesforce.reactivate = reactivate
    await begin(office)
    await office.run_operations()
    text = message(messenger)
    assert "1 completed \u00b7 1 failed again" in text
    assert "2 orders have no new job: status Cancelled" in text
    assert "1 old job archived" in text
    assert set(queues.queues[ORDERS].failed) == {"w0", "w1", "w2"}
    [receipt] = [entry for entry in await office.history() if entry.action == "receipt"]
    assert "2 orders have no new job: status Cancelled" in receipt.detail


async def test_a_crash_after_the_change_counts_it_all_the_same(
    office, messenger, salesforce, queues
):
    plan = await begin(office)
    real = salesforce.reactivate

    async def killed(seen):
        await real(seen)
        raise KeyboardInterrupt

    salesforce.reactivate = killed
    with pytest.raises(KeyboardInterrupt):
        await office.run_operations()
    salesforce.reactivate = real
    await office.runner.run(plan.id, asyncio.Event())
    assert len(salesforce.activated) == 4, "no order was set twice"
    assert "Set 4 of 4" in message(messenger)


async def test_salesforce_away_ends_it_with_the_reason(office, messenger, salesforce, monkeypatch):
    monkeypatch.setattr("bot.services.operations.runner.PATIENCE", 0.0)
    await begin(office)
    salesforce.go_away()
    await office.run_operations()
    text = message(messenger)
    assert "Changed none of 4" in text
    assert "Ended early: Salesforce did not answer" in text


async def test_while_salesforce_is_away_the_message_says_what_it_waits_for(
    office, messenger, salesforce, monkeypatch
):
    said, real = [], _Run._wait

    async def wait(run, seconds):
        if run._record.operation.notice:
            record, writer = run._record, run._tools.writer
            said.append(writer.progress(record.plan, record.operation, now=START))
            salesforce.away, seconds = None, 0
        await real(run, seconds)

    monkeypatch.setattr(_Run, "_wait", wait)
    await begin(office)
    salesforce.go_away()
    await office.run_operations()
    [shown_then] = [shown(one) for one in said]
    assert "Waiting: Salesforce did not answer. Trying again" in shown_then.text
    assert "Stop" in shown_then.labels
    assert "Set 4 of 4 WHMCS_ERROR to Activating" in message(messenger), "and goes on by itself"
    assert "Waiting" not in message(messenger)


async def test_the_command_takes_the_recommended_way_and_offers_the_other(office):
    card = await office.ask("retry order-provisioning --error WHMCS_ERROR", BOB)
    assert "Retry through Salesforce: 4 jobs" in shown(card.message).text
    other = value_of(card, "Retry by BullMQ instead…")
    assert other == "retry order-provisioning --error WHMCS_ERROR --bullmq"
    again = shown((await office.ask(other, BOB)).message).text
    assert "Best retried through Salesforce (idempotency, audit trail)" in again


@pytest.mark.parametrize("rate", ["20/s", "90/m"])
async def test_the_other_way_keeps_the_pace_that_was_asked_for(office, rate):
    card = await office.ask(f"retry order-provisioning --error WHMCS_ERROR --rate {rate}", BOB)
    other = await office.ask(value_of(card, "Retry by BullMQ instead…"), BOB)
    said = {"20/s": "At most 20 a second", "90/m": "At most 90 a minute"}[rate]
    assert said in shown(card.message).text
    assert said in shown(other.message).text


async def test_one_job_is_retried_through_salesforce_by_a_card_too(office):
    card = await office.ask("retry order-provisioning w1", BOB)
    assert "Retry through Salesforce: failed job `w1`" in shown(card.message).text
    assert office.queues.queues[ORDERS].retried == []


async def test_stuck_orders_are_set_right(office, messenger, salesforce, clock):
    await make_stuck(salesforce, clock)
    card = await office.ask("retry order-provisioning --stuck", BOB)
    await office.toolbox.confirming.confirm(BOB, value_of(card, "Set right 1 now"))
    await office.run_operations()
    assert salesforce.activated == [order_id(9)]
    assert "1 completed" in message(messenger)


async def test_stuck_orders_are_refused_where_not_all_jobs_could_be_looked_at(
    office, salesforce, clock
):
    await make_stuck(salesforce, clock)
    card = await office.ask("retry order-provisioning --stuck", BOB)
    office.queues.queues[ORDERS].contents.complete = False
    said = "1 order is activating .* not all jobs of order-provisioning could be looked at"
    with pytest.raises(RefusedError, match=said):
        await office.ask("retry order-provisioning --stuck", BOB)
    with pytest.raises(RefusedError, match=said):
        await office.toolbox.confirming.confirm(BOB, value_of(card, "Set right 1 now"))
    assert salesforce.activated == []


async def test_an_order_left_half_way_is_set_on_by_the_same_operation(
    office, messenger, salesforce, clock
):
    await make_stuck(salesforce, clock)
    card = await office.ask("retry order-provisioning --stuck", BOB)
    await office.toolbox.confirming.confirm(BOB, value_of(card, "Set right 1 now"))
    real = salesforce.reactivate

    async def half(seen):
        salesforce.put(order_id(9), "Failed")
        salesforce.reactivate = real
        raise SalesforceHalfDoneError("Salesforce did not answer. May be left in Failed.")

    salesforce.reactivate = half
    await office.run_operations()
    assert salesforce.activated == [order_id(9)]
    assert "1 completed" in message(messenger)


async def test_without_a_stuck_order_that_is_said(office):
    with pytest.raises(JobGoneError, match="No order of order-provisioning is activating without"):
        await office.ask("retry order-provisioning --stuck", BOB)


async def make_stuck(salesforce, clock):
    salesforce.put(order_id(9), "Activating")
    clock.forward(3_600_000)


async def full(_archive, _jobs):
    raise ArchiveFullError("The archive is full: it keeps 256 MB. Undo or wait for what is in it.")


async def test_old_jobs_that_the_archive_has_no_room_for_stay_and_that_is_told(
    office, messenger, queues, monkeypatch
):
    monkeypatch.setattr(office.archive, "put", full)
    office.outcomes.ended = {f"new-{order_id(0)}": Ended("failed", "MAPPING_ERROR")}
    await begin(office)
    await office.run_operations()
    assert len(queues.queues[ORDERS].failed) == 4
    text = message(messenger)
    assert "3 completed" in text
    assert "4 old jobs stay failed. The archive is full: it keeps 256 MB." in text
    assert "old jobs archived" not in text
    assert not any(label.startswith("Undo") for label in labels(messenger))


async def test_old_jobs_that_fit_into_the_archive_in_the_end_are_not_told_to_stay(
    office, messenger, queues, monkeypatch
):
    real, answers = office.archive.put, iter([False])

    async def put(*args):
        return await (real if next(answers, True) else full)(*args)

    monkeypatch.setattr(office.archive, "put", put)
    await begin(office)
    await office.run_operations()
    assert not queues.queues[ORDERS].failed
    assert "4 old jobs archived" in message(messenger)
    assert "stay" not in message(messenger)


async def test_a_process_that_is_read_only_removes_no_old_job_and_says_that_they_stay(
    office, messenger, queues
):
    """It was started again so while new jobs were awaited."""
    plan = await begin(office)
    tools = office.runner._tools
    tools.watchers[plan.kind]._catalog = replace(tools.catalog, read_only=True)
    await office.run_operations()
    assert len(queues.queues[ORDERS].failed) == 4
    assert await office.archive.recent() == []
    assert "4 old jobs stay failed. Bullhorn is read-only now" in message(messenger)


def labels(messenger):
    [posted] = messenger.of(screen.KIND)
    return shown(posted.message).labels
