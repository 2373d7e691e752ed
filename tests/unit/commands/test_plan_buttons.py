"""The buttons of a plan's card: each acts once, for the one who asked, while the plan is young."""

import asyncio

import pytest

from bot.commands import plan_buttons
from bot.domain.audit import Outcome
from bot.domain.plans import PLAN_LIFETIME
from bot.errors import AccessDeniedError, RefusedError, StaleError
from tests.support.fakes import ORDERS, START
from tests.support.toolbox import ALICE, BOB, VERA, labels, said, value_of


@pytest.fixture
def press(office):
    async def pressed(plan_id, actor=BOB, *, fresh=False):
        return await plan_buttons.confirm(office.toolbox, actor, plan_id, fresh=fresh)

    return pressed


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


async def test_confirm_moves_the_jobs_replaces_the_card_and_tells_the_channel(
    office, press, plan_id, retried
):
    reply = await press(plan_id)
    assert reply.replace
    assert "Moved 3 back to waiting in order-provisioning" in said(reply)
    assert "<@U0BOB> retried 3 WHMCS_ERROR jobs of order-provisioning." in said(reply)
    assert retried == [("w0", False), ("w1", False), ("w2", False)]
    [entry] = await office.history()
    assert (entry.user, entry.what, entry.outcome) == (
        "U0BOB", "retry 3 × WHMCS_ERROR", Outcome.DONE,
    )  # fmt: skip
    assert (entry.plan, entry.jobs, entry.job_count) == (plan_id, ("w0", "w1", "w2"), 3)


async def test_the_second_press_only_says_who_did_it_and_what_came_of_it(press, plan_id, retried):
    await press(plan_id)
    with pytest.raises(StaleError, match=r"U0BOB did this already at .*: moved 3 of 3") as caught:
        await press(plan_id)
    assert caught.value.at == START
    assert len(retried) == 3


async def test_two_presses_at_once_act_once(press, plan_id, retried):
    ended = await asyncio.gather(press(plan_id), press(plan_id), return_exceptions=True)
    assert sorted(type(one).__name__ for one in ended) == ["Reply", "StaleError"]
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
    with pytest.raises(AccessDeniedError):
        await plan_buttons.cancel(office.toolbox, VERA, plan_id)
    assert (await press(plan_id)).replace, "it is still there for Bob"


async def test_cancel_puts_the_plan_aside_for_good(office, press, plan_id, retried):
    reply = await plan_buttons.cancel(office.toolbox, BOB, plan_id)
    assert reply.replace
    assert "Cancelled: 3 jobs stay failed. Nothing was changed." in said(reply)
    with pytest.raises(StaleError, match="was cancelled"):
        await press(plan_id)
    with pytest.raises(StaleError, match="was cancelled"):
        await plan_buttons.cancel(office.toolbox, BOB, plan_id)
    assert retried == []


async def test_what_was_carried_out_cannot_be_cancelled(office, press, plan_id):
    await press(plan_id)
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


async def test_a_card_is_still_good_just_before_it_expires(press, plan_id, retried, clock):
    clock.forward(PLAN_LIFETIME - 1)
    await press(plan_id)
    assert len(retried) == 3


async def test_fresh_attempts_by_their_own_button(press, plan_id, retried):
    reply = await press(plan_id, fresh=True)
    assert "with fresh attempts" in said(reply)
    assert {fresh for _, fresh in retried} == {True}


async def test_fresh_attempts_are_not_offered_where_they_do_nothing(office, queues, press):
    queues.queues[ORDERS].version = "bullmq:4.18.0"
    card = await office.ask("retry order-provisioning --error WHMCS_ERROR", BOB)
    assert not any("fresh" in label for label in labels(card))
    with pytest.raises(RefusedError, match="Fresh attempts do nothing on BullMQ 4"):
        await press(value_of(card, "Retry 3 now"), fresh=True)


async def test_a_card_that_asks_for_fresh_attempts_gives_them(office, press, retried):
    card = await office.ask("retry order-provisioning w0 w1 --fresh", BOB)
    assert not any("Retry with fresh" in label for label in labels(card))
    await press(value_of(card, "Retry 2"))
    assert retried == [("w0", True), ("w1", True)]


async def test_a_pause_on_the_way_stops_it_and_both_are_told_how_far_it_came(
    office, queues, press, plan_id
):
    queues.queues[ORDERS].version = "bullmq:5.81.0"
    queues.queues[ORDERS].pause_after = 2
    reply = await press(plan_id)
    assert "Moved 2 back to waiting" in said(reply)
    assert "Stopped before the end: The queue is paused" in said(reply)
    assert "<@U0BOB> retried 2 WHMCS_ERROR jobs" in said(reply)
    [entry] = await office.history()
    assert (entry.outcome, entry.job_count) == (Outcome.FAILED, 2)
    assert entry.detail.startswith("moved 2 of 3; The queue is paused")


async def test_nothing_moved_is_not_announced(queues, press, plan_id):
    queues.queues[ORDERS].failed.clear()
    reply = await press(plan_id)
    assert "Moved nothing in order-provisioning" in said(reply)
    assert reply.announcement is None


async def test_those_no_longer_failed_and_those_gone_are_counted(office, queues, press):
    card = await office.ask("retry order-provisioning w0 w1 w2", BOB)
    queues.queues[ORDERS].emptied.add("w0")
    queues.queues[ORDERS].fail("w1", "WHMCS_ERROR: once more", START + 5)
    reply = await press(value_of(card, "Retry 3"))
    assert "Moved 1 back to waiting" in said(reply)
    assert "1 was no longer failed, 1 had vanished." in said(reply)


@pytest.mark.parametrize("forged", ["", "no-such-plan", "*", "x" * 3000])
async def test_a_forged_id_does_nothing(office, press, retried, forged):
    with pytest.raises(StaleError, match="not known any more"):
        await press(forged)
    with pytest.raises(StaleError, match="not known any more"):
        await plan_buttons.cancel(office.toolbox, BOB, forged)
    assert retried == []
