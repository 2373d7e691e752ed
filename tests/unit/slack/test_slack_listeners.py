"""What Slack sends is acknowledged at once and answered after, whatever happens in between."""

import asyncio
import re

import pytest
from structlog.testing import capture_logs

from bot.demo.localslack.faults import Fault
from tests.support.fakes import ORDERS

CARD = "Retry 3 jobs of order-provisioning that failed with WHMCS_ERROR?"


@pytest.fixture
def slack(floor):
    return floor.slack


def plain(message):
    return message.text.replace("*", "").replace("`", "")


def only_mine(text):
    return lambda message: message.ephemeral and text in plain(message)


def for_all(text):
    return lambda message: not message.ephemeral and text in plain(message)


async def reaches(condition):
    """Wait until a plain condition holds."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - the conditions are other people's state
            await asyncio.sleep(0.01)


async def test_a_command_is_answered_to_the_one_who_asked(floor, slack):
    assert (await slack.command("/queue failed order-provisioning"))["ok"]
    answer = await slack.wait_for(only_mine("3 × WHMCS_ERROR"))
    assert "Retry these 3…" in answer.labels
    assert not [m for m in await slack.messages(user="U0VERA") if "WHMCS_ERROR" in m.text]
    assert floor.telemetry.commands == [("failed", "ok")]


async def test_what_changes_something_is_told_to_all(slack):
    await slack.command("/queue retry order-provisioning w0")
    await slack.wait_for(for_all("retried job w0 of order-provisioning"), user="U0VERA")


async def test_a_button_does_what_typing_its_command_would(floor, slack):
    await slack.command("/queue failed order-provisioning")
    await slack.wait_for("WHMCS_ERROR")
    await slack.click("Show jobs")
    listed = await slack.wait_for("newest first")
    assert all(job in listed.text for job in ("w0", "w1", "w2"))
    assert floor.telemetry.commands == [("failed", "ok"), ("failed", "ok")]


async def test_a_menu_does_it_too(slack):
    await slack.command("/queue failed order-provisioning --jobs")
    listed = await slack.wait_for("newest first")
    menu = next(control for control in listed.controls if "Details" in control.options)
    await slack.click(menu.action_id, option="Details")
    await slack.wait_for(only_mine("no mapping of 1"))


async def test_a_button_on_a_message_of_all_answers_only_who_pressed_it(slack):
    await slack.command("/queue silence sim-management 1h")
    await slack.wait_for(for_all("silenced sim-management"), user="U0VERA")
    await slack.click("End silence", user="U0VERA")
    answer = await slack.wait_for(only_mine("needs the operator role"), user="U0VERA")
    assert "<@U0ALICE>" in answer.text
    assert await slack.wait_for(for_all("silenced sim-management")), "it stays for the others"


async def test_a_confirmed_plan_takes_the_place_of_its_card(floor, slack, queues):
    await slack.command("/queue retry order-provisioning --error WHMCS_ERROR")
    card = await slack.wait_for(CARD)
    await slack.click("Retry 3 now")
    done = await slack.wait_for(only_mine("Begun: 3 jobs"))
    assert done.ts == card.ts
    assert "Retry 3 now" not in done.labels
    assert len(floor.office.submitted.waiting) == 1
    assert floor.telemetry.commands[-1] == ("plan_confirm", "ok")


async def test_a_cancelled_plan_takes_the_place_of_its_card(slack, queues):
    await slack.command("/queue retry order-provisioning --error WHMCS_ERROR")
    card = await slack.wait_for(CARD)
    await slack.click("Cancel")
    assert (await slack.wait_for("Cancelled: 3 jobs stay failed")).ts == card.ts
    assert queues.queues[ORDERS].retried == []


async def test_fresh_attempts_have_a_button_of_their_own(floor, slack, queues):
    await slack.command("/queue retry order-provisioning --error WHMCS_ERROR")
    await slack.wait_for(CARD)
    await slack.click("Retry with fresh")
    await slack.wait_for(only_mine("Begun: 3 jobs"))
    await floor.office.run_operations()
    assert {fresh for _, fresh in queues.queues[ORDERS].retried} == {True}


@pytest.mark.parametrize(
    ("text", "told", "outcome"),
    [
        ("retyr x", "Did you mean retry?", ("unknown", "refused")),
        ("status nowhere", 'No queue "nowhere"', ("status", "refused")),
        ("job order-provisioning 4711", "Job 4711 is not in order-prov", ("job", "refused")),
        ("ack 9", "Alert #9 is not firing any more", ("ack", "refused")),
    ],
)
async def test_our_own_errors_are_one_sentence_without_a_reference(
    floor, slack, text, told, outcome
):
    await slack.command(f"/queue {text}")
    answer = await slack.wait_for(only_mine(told))
    assert "\n" not in answer.text
    assert "(ref" not in answer.text
    assert floor.telemetry.commands == [outcome]


async def test_who_may_not_is_told_who_may(slack):
    await slack.command("/queue retry order-provisioning w0", user="U0VERA")
    answer = await slack.wait_for("Retrying needs the operator role", user="U0VERA")
    assert "Ask anyone in <!subteam^S0ONCALL> or <@U0ALICE>." in answer.text


def reference(text):
    return re.search(r"\(ref ([0-9a-f]{4})\)", text)[1]


async def test_something_outside_that_is_away_gets_a_reference_that_is_in_the_log(
    slack, queues, floor
):
    queues.down["main"] = 'Redis "main" cannot be reached.'
    with capture_logs() as log:
        await slack.command("/queue failed order-provisioning")
        answer = await slack.wait_for("cannot be reached")
    [entry] = [one for one in log if one["event"] == "unavailable"]
    assert (entry["ref"], entry["command"]) == (reference(answer.text), "failed")
    assert floor.telemetry.commands == [("failed", "refused")]


async def test_a_surprise_is_a_sentence_with_a_reference_that_is_in_the_log_with_the_stack(
    slack, queues, floor
):
    queues.failure = ZeroDivisionError("hunter2")
    with capture_logs() as log:
        assert (await slack.command("/queue status"))["ok"]
        answer = await slack.wait_for("something unexpected went wrong")
    assert answer.ephemeral
    assert "hunter2" not in answer.text
    [entry] = [one for one in log if one["event"] == "command failed"]
    assert (entry["ref"], entry["log_level"]) == (reference(answer.text), "error")
    assert entry["exc_info"]
    assert floor.telemetry.commands == [("status", "error")]


async def test_the_ack_does_not_wait_for_the_work(slack, queues):
    queues.gate.clear()
    assert (await slack.command("/queue status"))["ok"], "within Slack's time, with nothing done"
    await reaches(lambda: queues.asked == 2)  # the first was the leader's tick
    assert await slack.messages() == []
    queues.gate.set()
    await slack.wait_for("all healthy")


async def test_slow_work_is_said_to_go_on_and_is_answered_once(slack, queues, impatient, floor):
    queues.gate.clear()
    await slack.command("/queue status")
    await slack.wait_for(only_mine("Still working on it"))
    queues.gate.set()
    await slack.wait_for("all healthy")
    await floor.listeners.drain(5)
    assert len(await slack.messages()) == 2


async def test_a_press_that_takes_long_is_never_cut_off(floor, slack, queues, impatient):
    await slack.command("/queue retry order-provisioning --error WHMCS_ERROR")
    await slack.wait_for(CARD)
    queues.gate.clear()
    await slack.click("Retry 3 now")
    await slack.wait_for("Still working on it")
    assert not floor.office.submitted.waiting
    queues.gate.set()
    await slack.wait_for("Begun: 3 jobs")
    assert len(floor.office.submitted.waiting) == 1


@pytest.mark.parametrize(
    ("text", "told"), [("status", "all healthy"), ("silence sim-management 1h", "silenced sim-m")]
)
async def test_a_used_up_response_url_is_not_the_end(floor, slack, queues, text, told):
    mutates = text.startswith("silence")
    queues.gate.clear()
    real_now = queues.now

    async def gated_now():
        await queues.gate.wait()
        return await real_now()

    queues.now = gated_now
    await slack.command(f"/queue {text}")
    floor.used_up()
    queues.gate.set()
    answer = await slack.wait_for(lambda m: told in plain(m))
    assert answer.ephemeral is not mutates
    method = "chat.postMessage" if mutates else "chat.postEphemeral"
    assert len(floor.called(method)) == 1
    assert floor.called("response_url") == []


async def test_an_answer_that_cannot_be_delivered_is_in_the_log(floor, slack, queues):
    queues.gate.clear()
    with capture_logs() as log:
        await slack.command("/queue status")
        floor.used_up()
        fault = Fault(method="chat.postEphemeral", kind="error:user_not_in_channel")
        floor.server.ctx.faults.rules.append(fault)
        queues.gate.set()
        await reaches(lambda: floor.telemetry.commands)
    [entry] = [one for one in log if "could not be delivered" in one["event"]]
    assert "user_not_in_channel" in entry["reason"]
    assert await slack.messages() == []


async def test_a_429_on_the_way_back_does_not_swallow_the_answer(floor, slack, queues):
    queues.gate.clear()
    await slack.command("/queue status")
    floor.used_up()
    fault = Fault(method="chat.postEphemeral", kind="ratelimited", retry_after=1)
    floor.server.ctx.faults.rules.append(fault)
    queues.gate.set()
    await slack.wait_for("all healthy")


async def test_what_is_under_way_at_the_end_gets_its_time(floor, slack, queues):
    queues.gate.clear()
    await slack.command("/queue status")
    await reaches(lambda: queues.asked == 2)
    draining = asyncio.create_task(floor.listeners.drain(10))
    await asyncio.sleep(0)
    assert not draining.done()
    queues.gate.set()
    await draining
    assert floor.telemetry.commands == [("status", "ok")]


async def test_two_people_are_answered_at_the_same_time(slack, queues):
    queues.gate.clear()
    await slack.command("/queue status")
    await slack.command("/queue help", user="U0VERA")
    await slack.wait_for("What you can ask", user="U0VERA")
    queues.gate.set()
    await slack.wait_for("all healthy")


@pytest.mark.parametrize("action", ["disconnect", "refresh"])
async def test_a_lost_connection_is_made_anew(floor, slack, action):
    assert floor.front.connected
    await slack.socket(action)
    await slack.wait_for_calls("apps.connections.open", 2)
    await slack.wait_for_connection()
    assert (await slack.command("/queue help"))["ok"]
    await slack.wait_for("What you can ask")


async def test_an_address_of_socket_mode_that_is_refused_is_asked_for_anew(floor, slack):
    """slack_sdk by itself would try the same one-time address for ever."""
    good, handed = floor.server.ctx.socket_ticket, []

    def ticket():
        handed.append(good())
        return handed[0].replace("ticket=", "ticket=stale-") if len(handed) == 1 else handed[-1]

    floor.server.ctx.socket_ticket = ticket
    floor.front._handler.client.ping_interval = 0.1  # 10 s between its tries otherwise
    await slack.socket("disconnect")
    await reaches(lambda: len(handed) >= 2)
    await slack.wait_for_connection()
    assert (await slack.command("/queue help"))["ok"]
    await slack.wait_for("What you can ask")
