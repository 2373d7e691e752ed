"""Whatever a payload of Slack's holds, it ends in an answer, and changes only what it may."""

import asyncio
import copy

import pytest
from slack_bolt.request.async_request import AsyncBoltRequest

from bot.render import action_ids
from tests.support.fakes import (
    ORDERS,
)
from tests.support.toolbox import ALICE, EVE, VERA, said
from tests.unit.hostile.door import FORGED_PLANS, Door, changes_nothing, press, quiet, slash

PLAN_FAMILIES = (
    action_ids.PLAN_CONFIRM,
    action_ids.PLAN_CONFIRM_FRESH,
    action_ids.PLAN_CANCEL,
    action_ids.PLAN_CANARY,
    action_ids.PLAN_LATER,
)
OPERATION_FAMILIES = (action_ids.PLAN_REST, action_ids.OPERATION_STOP)
"""Buttons of what all can see: any operator may press them."""


FORGED_VALUES = (
    "x" * 3_000,
    "retry " * 500,
    "retry order-provisioning --all " + "w0 " * 900,
    '"' * 3_000,
    "status " + "<!channel> " * 250,
    "\x00\x01",
    "{}",
    '{"user": "U0ALICE"}',
)
MUTATING_LINES = (
    "retry order-provisioning w0",
    "retry order-provisioning --all",
    "pause order-provisioning",
    "resume order-provisioning",
    "silence order-provisioning 1h",
    "silence all 1h",
    "unsilence a1b2c3",
    "ack 1",
)


@pytest.mark.parametrize("family", PLAN_FAMILIES + OPERATION_FAMILIES)
def test_a_forged_plan_is_a_sentence(runner, door, family):
    for forged in FORGED_PLANS:
        status, [(_, reply)] = runner.run(changes_nothing(door, press(family, forged)))
        assert status == 200
        assert "This plan is not known any more" in said(reply)


@pytest.mark.parametrize("family", PLAN_FAMILIES)
@pytest.mark.parametrize(
    ("user", "told"),
    [
        (ALICE.user, "made for someone else"),
        (VERA.user, "needs the operator role"),
        (EVE.user, "needs the operator role"),
        ("", "needs the operator role"),
        ("U0BOB ", "needs the operator role"),
        ("u0bob", "needs the operator role"),
        ("U0BOB\x00", "needs the operator role"),
        ("<@U0BOB>", "needs the operator role"),
        ("U0BOB,U0ALICE", "needs the operator role"),
        ("*", "needs the operator role"),
    ],
)
def test_a_plan_acts_for_the_one_who_asked_only(runner, door, family, user, told):
    body = press(family, door.plan, user)
    status, [(_, reply)] = runner.run(changes_nothing(door, body))
    assert status == 200
    assert told in said(reply)


@pytest.mark.parametrize("menu", [False, True], ids=["button", "menu"])
@pytest.mark.parametrize("line", MUTATING_LINES)
@pytest.mark.parametrize("user", [VERA.user, EVE.user, "", "u0alice"])
def test_a_button_of_others_does_no_more_than_typing_would(runner, door, menu, line, user):
    family = action_ids.COMMAND_MENU if menu else action_ids.COMMAND
    body = press(f"{family}:retry", line, user, menu=menu)
    status, [(origin, reply)] = runner.run(changes_nothing(door, body))
    assert status == 200
    assert origin.actor.user == user
    assert "needs the" in said(reply)


@pytest.mark.parametrize("value", FORGED_VALUES)
def test_a_value_that_no_button_of_ours_carries_is_a_sentence(runner, door, value):
    for body in (
        press("command:x", value, VERA.user),
        press("command_menu", value, VERA.user, menu=True),
        slash(value, VERA.user),
    ):
        status, answers = runner.run(changes_nothing(door, body))
        assert (status, len(answers)) == (200, 1)


@pytest.mark.parametrize(
    "action_id",
    [
        "", "plan", "plan_confirm_", "plan_confirm ", "PLAN_CONFIRM",
        "plan_confirm:\n", "plan_confirm:1:2:3", "commander", "command\x00", "x" * 3_000, ".*",
    ],
)  # fmt: skip
def test_an_action_that_is_not_ours_does_nothing(runner, door, action_id):
    """Not even with a plan that is there, pressed by the one who asked for it."""
    status, answers = runner.run(changes_nothing(door, press(action_id, door.plan)))
    assert (status, answers) == (404, [])


@pytest.mark.parametrize("command", ["/other", "", "queue", "/queue2", "/QUEUE"])
def test_another_command_is_not_ours(runner, door, command):
    body = {**slash("pause order-provisioning"), "command": command}
    status, answers = runner.run(changes_nothing(door, body))
    assert (status, answers) == (404, [])


@pytest.mark.parametrize("kind", ["view_submission", "shortcut", "event_callback", "", None, 7])
def test_a_payload_of_another_kind_is_not_ours(runner, door, kind):
    body = {**press("plan_confirm", door.plan), "type": kind}
    status, answers = runner.run(changes_nothing(door, body))
    assert (status, answers) == (404, [])


def test_two_actions_in_one_payload_are_not_two_retries(runner):
    """Slack sends one; of two the first counts."""

    async def deliver():
        door = await Door().open()
        body = press("command", "retry order-provisioning w0")
        body["actions"] *= 2
        with quiet():
            await door.deliver(body)
        assert [job for job, _ in door.queues.queues[ORDERS].retried] == ["w0"]
        await door.redis.aclose()

    runner.run(deliver())


def test_a_confirmation_delivered_ten_times_retries_once(runner):
    """Slack delivers again what it thinks was not acknowledged."""

    async def deliver():
        door = await Door().open()
        body = press("plan_confirm", door.plan)
        with quiet():
            await asyncio.gather(
                *(
                    door.app.async_dispatch(
                        AsyncBoltRequest(body=copy.deepcopy(body), mode="socket_mode")
                    )
                    for _ in range(10)
                )
            )
            while others := asyncio.all_tasks() - {asyncio.current_task()}:
                await asyncio.wait(others, timeout=10)
        assert len(door.office.submitted.waiting) == 1
        assert sum("Begun: 3" in said(reply) for _, reply in door.mail.sent) == 1
        assert len(door.mail.sent) == 10
        await door.redis.aclose()

    runner.run(deliver())
