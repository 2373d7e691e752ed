"""The buttons of a plan's card: each acts once, for the one who asked, while the plan is young."""

import asyncio

import pytest

from bot.commands import plan_buttons
from bot.domain.audit import Outcome
from bot.domain.plans import PLAN_LIFETIME
from bot.errors import AccessDeniedError, JobGoneError, RefusedError, StaleError
from bot.services.operations.screen import KIND
from tests.support.fakes import ORDERS, START
from tests.support.toolbox import ALICE, BOB, VERA, labels, said, shown, value_of


@pytest.fixture
def press(office):
    async def pressed(plan_id, actor=BOB, *, button=plan_buttons.confirm):
        return await button(office.toolbox, actor, plan_id)

    return pressed


@pytest.fixture
def carried_out(office, press, messenger):
    """Press, let the worker carry it out, and read what its message says."""

    async def run(plan_id, **how):
        await press(plan_id, **how)
        await office.run_operations()
        [posted] = messenger.of(KIND)
        return shown(posted.message).text.replace("*", "")

    return run


@pytest.fixture
async def card(office):
    """Bob's card for the three WHMCS errors."""
    return await office.ask("retry order-provisioning --error WHMCS_ERROR", BOB)


@pytest.fixture
def plan_id(card):
    return value_of(card, "Retry 3 now")


@pytest.fixture
def retried(queues):
    return queues.queues[ORDERS].retried


def test_all_buttons_of_a_card_carry_the_plans_id_and_nothing_else(card, plan_id):
    assert len(plan_id) == 12
    assert value_of(card, "Cancel") == plan_id
    assert value_of(card, "Retry with fresh attempts") == plan_id


async def test_confirm_replaces_the_card_and_the_worker_moves_the_jobs(
    office, press, plan_id, retried, messenger
):
    reply = await press(plan_id)
    assert reply.replace
    assert "Begun: 3 jobs of order-provisioning" in said(reply)
    assert retried == [], "a press moves nothing itself"
    await office.run_operations()
    assert retried == [("w0", False), ("w1", False), ("w2", False)]
    [posted] = messenger.of(KIND)
    assert posted.ref.channel == BOB.channel
    _, entry = await office.history()
    assert (entry.user, entry.what, entry.outcome) == (
        "U0BOB", "retry 3 × WHMCS_ERROR", Outcome.DONE,
    )  # fmt: skip
    assert (entry.plan, sorted(entry.jobs), entry.job_count) == (plan_id, ["w0", "w1", "w2"], 3)


async def test_the_second_press_only_says_who_did_it_and_what_came_of_it(
    carried_out, press, plan_id, retried
):
    await carried_out(plan_id)
    with pytest.raises(StaleError, match=r"U0BOB did this already at .*: 3 of 3") as caught:
        await press(plan_id)
    assert caught.value.at == START
    assert len(retried) == 3


async def test_two_presses_at_once_act_once(office, press, plan_id, retried):
    ended = await asyncio.gather(press(plan_id), press(plan_id), return_exceptions=True)
    assert sorted(type(one).__name__ for one in ended) == ["Reply", "StaleError"]
    await office.run_operations()
    assert len(retried) == 3


async def test_another_person_must_ask_for_a_plan_of_their_own(press, plan_id, retried):
    with pytest.raises(StaleError, match="made for someone else"):
        await press(plan_id, ALICE)
    assert retried == []


async def test_the_role_is_asked_for_again_and_the_refusal_is_on_record(
    office, press, plan_id, retried
):
    with pytest.raises(AccessDeniedError, match="Retrying needs the operator role"):
        await press(plan_id, VERA)
    [entry] = await office.history()
    assert (entry.user, entry.outcome, entry.plan) == ("U0VERA", Outcome.REFUSED, plan_id)
    assert entry.what == "retry 3 × WHMCS_ERROR"
    with pytest.raises(AccessDeniedError):
        await plan_buttons.cancel(office.toolbox, VERA, plan_id)
    assert (await press(plan_id)).replace, "it is still there for Bob"


async def test_cancel_puts_the_plan_aside_for_good(office, press, plan_id, retried):
    reply = await plan_buttons.cancel(office.toolbox, BOB, plan_id)
    assert reply.replace
    assert "Cancelled: 3 jobs stay failed. Nothing was changed." in said(reply)
    with pytest.raises(StaleError, match="was put aside"):
        await press(plan_id)
    with pytest.raises(StaleError, match="was put aside"):
        await plan_buttons.cancel(office.toolbox, BOB, plan_id)
    assert retried == []


async def test_what_was_carried_out_cannot_be_cancelled(office, carried_out, plan_id):
    await carried_out(plan_id)
    with pytest.raises(StaleError, match="did this already"):
        await plan_buttons.cancel(office.toolbox, BOB, plan_id)


async def test_an_expired_card_is_replaced_by_a_way_to_ask_again(
    office, press, plan_id, retried, clock
):
    clock.forward(PLAN_LIFETIME)
    reply = await press(plan_id)
    assert reply.replace
    assert "This plan has expired" in said(reply)
    assert retried == []
    again = value_of(reply, "Ask again")
    assert again == "retry order-provisioning --error WHMCS_ERROR"
    assert "Retry 3 now" in labels(await office.ask(again, BOB))


async def test_a_card_is_still_good_just_before_it_expires(carried_out, plan_id, retried, clock):
    clock.forward(PLAN_LIFETIME - 1)
    await carried_out(plan_id)
    assert len(retried) == 3


async def test_fresh_attempts_by_their_own_button(carried_out, plan_id, retried, office):
    await carried_out(plan_id, button=plan_buttons.confirm_fresh)
    assert (await office.history())[-1].what == "retry 3 × WHMCS_ERROR with fresh attempts"
    assert {fresh for _, fresh in retried} == {True}


async def test_fresh_attempts_are_not_offered_where_they_do_nothing(office, queues, press):
    queues.queues[ORDERS].version = "bullmq:4.18.0"
    card = await office.ask("retry order-provisioning --error WHMCS_ERROR", BOB)
    assert not any("fresh" in label for label in labels(card))
    with pytest.raises(RefusedError, match="Fresh attempts do nothing on BullMQ 4"):
        await press(value_of(card, "Retry 3 now"), button=plan_buttons.confirm_fresh)


async def test_a_card_that_asks_for_fresh_attempts_gives_them(office, carried_out, retried):
    card = await office.ask("retry order-provisioning w0 w1 --fresh", BOB)
    assert not any("Retry with fresh" in label for label in labels(card))
    await carried_out(value_of(card, "Retry 2"))
    assert retried == [("w0", True), ("w1", True)]


async def test_a_pause_on_the_way_stops_it_and_all_are_told_how_far_it_came(
    office, queues, carried_out, plan_id
):
    queues.queues[ORDERS].version = "bullmq:5.81.0"
    queues.queues[ORDERS].pause_after = 2
    text = await carried_out(plan_id)
    assert "Moved 2 of 3 WHMCS_ERROR back to waiting in order-provisioning" in text
    assert "Ended early: The queue is paused" in text
    entry = next(one for one in await office.history() if one.action == "retry")
    assert (entry.outcome, entry.job_count) == (Outcome.FAILED, 2)
    assert entry.detail.startswith("2 of 3; The queue is paused")


async def test_what_matches_nothing_any_more_is_not_begun(office, queues, press, plan_id):
    queues.queues[ORDERS].failed.clear()
    with pytest.raises(JobGoneError, match="Nothing was changed"):
        await press(plan_id)
    assert not office.submitted.waiting


async def test_other_failures_than_were_shown_draw_the_card_again(queues, press, plan_id):
    queues.queues[ORDERS].fail("w3", "WHMCS_ERROR: once more", START + 5)
    reply = await press(plan_id)
    assert reply.replace
    assert "Retry 4 now" in labels(reply)


async def test_those_gone_are_counted(office, queues, press, messenger):
    card = await office.ask("retry order-provisioning w0 w1 w2", BOB)
    await press(value_of(card, "Retry 3"))
    queues.queues[ORDERS].emptied.add("w0")
    await office.run_operations()
    text = messenger.of(KIND)[0].message.text.replace("*", "")
    assert "Moved 2 of 3 back to waiting in order-provisioning. 1 had vanished." in text


@pytest.mark.parametrize("forged", ["", "no-such-plan", "*", "x" * 3000])
async def test_a_forged_id_does_nothing(office, press, retried, forged):
    with pytest.raises(StaleError, match="not known any more"):
        await press(forged)
    with pytest.raises(StaleError, match="not known any more"):
        await plan_buttons.cancel(office.toolbox, BOB, forged)
    assert retried == []


@pytest.mark.parametrize(
    ("button", "doing", "what"),
    [
        (plan_buttons.stop, "Stopping", "stop: retry 3 × WHMCS_ERROR"),
        (plan_buttons.cancel, "Cancelling", "cancel: retry 3 × WHMCS_ERROR"),
        (plan_buttons.confirm, "Retrying", "retry 3 × WHMCS_ERROR"),
    ],
)
async def test_who_may_not_press_hears_what_it_was_that_they_may_not(
    office, press, plan_id, button, doing, what
):
    with pytest.raises(AccessDeniedError, match=f"^{doing} needs the operator role"):
        await press(plan_id, VERA, button=button)
    refused = (await office.history())[0]
    assert (refused.action, refused.what, refused.word) == (
        what.split()[0].strip(":"),
        what,
        "not allowed",
    )


async def test_a_stop_that_is_not_allowed_does_not_hide_that_it_was_begun(office, press, plan_id):
    await press(plan_id)
    with pytest.raises(AccessDeniedError):
        await press(plan_id, VERA, button=plan_buttons.stop)
    refused, begun = (await office.history())[:2]
    assert (refused.outcome, begun.outcome) == (Outcome.REFUSED, Outcome.STARTED)
