"""Dialogs: opened in time, kept open until the name is right, answered where they were asked."""

import asyncio
from dataclasses import replace

import pytest

from bot.commands.emergencies import KIND
from bot.demo.localslack.faults import Fault
from bot.demo.localslack.reader import view_text
from bot.domain.plans import PlanStatus
from bot.domain.sample import Counts
from tests.support.fakes import ORDERS
from tests.support.toolbox import POLICY, build_office, shown

ALICE = "U0ALICE"
RIGHT = {"queue_name": "order-provisioning"}


@pytest.fixture
async def office(redis, queues, messenger):
    """Alice and Bob are admins; 32 jobs wait."""
    queues.add(ORDERS).counts = Counts(waiting=12, delayed=20)
    admins = replace(POLICY, admins=frozenset({ALICE, "U0BOB"}))
    office = build_office(redis=redis, queues=queues, messenger=messenger, access=admins)
    await office.tick()
    return office


@pytest.fixture
def slack(floor):
    return floor.slack


async def reaches(condition):
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - the conditions are other people's state
            await asyncio.sleep(0.01)


def requests(messenger):
    return [shown(posted.message) for posted in messenger.of(KIND)]


async def opened(slack, text="drain order-provisioning", user=ALICE):
    await slack.command(f"/queue {text}", user=user)
    return await slack.wait_for_modal(user=user)


async def test_the_command_opens_a_dialog_and_says_nothing_else(floor, slack):
    view = await opened(slack)
    text = view_text(view)
    assert "12 waiting · 0 prioritized · 20 delayed" in text
    assert "Type the queue's name: order-provisioning" in text
    await floor.listeners.drain(5)
    assert await slack.messages(user=ALICE) == []
    assert floor.telemetry.commands == [("drain", "ok")]


@pytest.mark.parametrize("typed", ["sim-management", "Order-Provisioning", "order-provisioning2"])
async def test_a_wrong_name_is_said_under_the_field_and_asks_nobody(slack, messenger, typed):
    await opened(slack)
    answer = await slack.submit({"queue_name": typed}, user=ALICE)
    told = "That is not the queue's name. Type order-provisioning, to the letter."
    assert answer == {"ok": False, "errors": {"queue_name": told}}
    assert await slack.modal(user=ALICE), "it is open still"
    assert requests(messenger) == []


async def test_the_right_name_asks_the_channel_and_tells_the_asker(floor, slack, messenger, office):
    view = await opened(slack)
    await slack.submit({"queue_name": "nonsense"}, user=ALICE)
    assert (await slack.submit(RIGHT, user=ALICE))["ok"]
    assert await slack.modal(user=ALICE) is None
    told = await slack.wait_for("another admin has until", user=ALICE)
    assert told.ephemeral
    [request] = requests(messenger)
    assert "<@U0ALICE> asks to drain order-provisioning (32 jobs)" in request.text
    assert request.labels == ["Approve", "Refuse"]
    plan = await office.toolbox.approving.plan(view["private_metadata"])
    assert plan.status is PlanStatus.ASKED
    assert floor.telemetry.commands[-1] == ("approval_ask", "ok")


async def test_a_blank_around_the_name_does_no_harm(slack, messenger):
    await opened(slack)
    assert (await slack.submit({"queue_name": " order-provisioning "}, user=ALICE))["ok"]
    await reaches(lambda: requests(messenger))


async def test_a_dialog_that_comes_too_late_is_said(floor, slack, queues):
    queues.gate.clear()
    await slack.command("/queue drain order-provisioning", user=ALICE)
    for trigger in floor.server.ctx.tickets._triggers.values():
        trigger.expires = 0
    queues.gate.set()
    await slack.wait_for("Slack allows three seconds for it, and they were over", user=ALICE)
    assert await slack.modal(user=ALICE) is None


async def test_redis_away_while_it_is_submitted_keeps_the_dialog_open(
    slack, redis_server, messenger
):
    await opened(slack)
    redis_server.connected = False
    answer = await slack.submit(RIGHT, user=ALICE)
    redis_server.connected = True
    assert "could not check that now" in answer["errors"]["queue_name"]
    assert (await slack.submit(RIGHT, user=ALICE))["ok"]
    await reaches(lambda: requests(messenger))


async def test_the_role_is_checked_again_when_it_is_submitted(slack, messenger, office):
    await opened(slack)
    lost = replace(office.toolbox.catalog, access=POLICY, read_only=True)
    office.toolbox.access._catalog = lost
    assert (await slack.submit(RIGHT, user=ALICE))["ok"]
    await slack.wait_for("Draining is off. Bullhorn is read-only", user=ALICE)
    assert requests(messenger) == []
    assert (await office.history())[0].detail.startswith("Draining is off")


async def test_an_operator_is_refused_before_any_dialog(slack, office):
    await slack.command("/queue drain order-provisioning", user="U0VERA")
    await slack.wait_for("Draining needs the admin role", user="U0VERA")
    assert await slack.modal(user="U0VERA") is None


async def test_an_answer_where_we_are_no_member_comes_as_a_direct_message(floor, slack):
    await opened(slack)
    fault = Fault(method="chat.postEphemeral", kind="error:not_in_channel")
    floor.server.ctx.faults.rules.append(fault)
    await slack.submit(RIGHT, user=ALICE)
    dm = floor.server.ctx.workspace.open_im(ALICE).id
    await slack.wait_for("another admin has until", user=ALICE, channel=dm)


async def test_a_request_that_slack_does_not_take_asks_nobody(slack, messenger, office):
    view = await opened(slack)
    messenger.faults.append("lost answer")
    await slack.submit(RIGHT, user=ALICE)
    await slack.wait_for("I could not post the request to drain here", user=ALICE)
    plan = await office.toolbox.approving.plan(view["private_metadata"])
    assert plan.status is PlanStatus.CANCELLED


async def test_a_button_opens_the_dialog_too(slack, queues):
    await slack.command("/queue obliterate order-provisioning", user=ALICE)
    told = await slack.wait_for("is not paused. To obliterate it, pause it first", user=ALICE)
    queues.queues[ORDERS].paused = True
    await slack.click("Obliterate…", message=told, user=ALICE)
    text = view_text(await slack.wait_for_modal(user=ALICE))
    assert "This cannot be undone" in text
    assert "0 waiting-children" in text
