"""Whatever a payload of Slack's holds, it ends in an answer, and changes only what it may."""

import asyncio
import copy
import logging
import traceback
from contextlib import contextmanager
from pathlib import Path

import fakeredis
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.web.async_client import AsyncWebClient
from structlog.testing import capture_logs

import bot as package
from bot.render import action_ids
from bot.slack import bolt
from bot.slack.listeners import Listeners
from tests.support import slack_limits
from tests.support.fakes import (
    ORDERS,
    SIMS,
    START,
    FakeClock,
    FakeMessenger,
    FakeQueues,
    FakeTelemetry,
)
from tests.support.toolbox import ALICE, BOB, EVE, VERA, build_office, said, value_of

BOT = Path(package.__file__).parent
PLAN_FAMILIES = (
    action_ids.PLAN_CONFIRM,
    action_ids.PLAN_CONFIRM_FRESH,
    action_ids.PLAN_CANCEL,
    action_ids.PLAN_CANARY,
    action_ids.PLAN_LATER,
)
OPERATION_FAMILIES = (action_ids.PLAN_REST, action_ids.OPERATION_STOP)
"""Buttons of what all can see: any operator may press them."""
FORGED_PLANS = (
    "", " ", "*", "0" * 12, "../audit", "audit", "}:audit", "plan:1", "{bullhorn}:audit",
    "nul\x00", "<!channel>", "x" * 3_000, "🔥", "\u202e",
)  # fmt: skip
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
JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.just(""),
    st.just("x" * 3_000),
    st.sampled_from(("<!channel>", "U0ALICE", "retry order-provisioning w0", "\x00", "\u202e")),
    st.text(max_size=10),
    st.lists(st.text(max_size=3), max_size=2),
    st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2),
)
OBJECTS = st.one_of(
    st.none(),
    st.just(""),
    st.dictionaries(st.sampled_from(("id", "value", "x")), JUNK, max_size=2),
)
"""In an object's place: Bolt's own parsing raises on other kinds, before a listener is asked."""
UNHURRIED = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])


class Mailbag:
    """Takes the answers instead of Slack."""

    def __init__(self):
        self.sent = []

    async def send(self, origin, reply):
        for message in (reply.message, reply.announcement):
            if message is not None:
                slack_limits.check(message)
        self.sent.append((origin, reply))


class Door:
    """The app as Bolt runs it, with no network before it and fakes behind it."""

    def __init__(self):
        clock = FakeClock()
        self.queues = FakeQueues(clock)
        self.redis = fakeredis.FakeAsyncRedis(decode_responses=True, encoding_errors="replace")
        orders = self.queues.add(ORDERS)
        for number in range(3):
            orders.fail(f"w{number}", "WHMCS_ERROR: connect ETIMEDOUT", START - 60_000 + number)
        self.queues.add(SIMS)
        self.office = build_office(
            redis=self.redis, queues=self.queues, messenger=FakeMessenger(clock)
        )
        self.mail, self.telemetry = Mailbag(), FakeTelemetry()
        self.listeners = Listeners(
            toolbox=self.office.toolbox, answers=self.mail, telemetry=self.telemetry
        )
        client = AsyncWebClient(token="xoxb-demo", base_url="http://127.0.0.1:1/", timeout=1)
        self.app = bolt.build(
            client=client, token="xoxb-demo", signing_secret=None, listeners=self.listeners
        )

    async def open(self):
        await self.office.tick()
        card = await self.office.ask("retry order-provisioning --error WHMCS_ERROR", BOB)
        self.plan = value_of(card, "Retry 3 now")
        return self

    async def state(self):
        keys = [k for k in sorted(await self.redis.keys("*")) if k != "{bullhorn}:audit"]
        return {key: await self.redis.dump(key) for key in keys}, copy.deepcopy(self.queues.queues)

    async def deliver(self, body):
        """Give Bolt a payload, as Socket Mode would; returns the status of the ack."""
        response = await self.app.async_dispatch(AsyncBoltRequest(body=body, mode="socket_mode"))
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(others, timeout=10)
        return response.status


def slash(text, user="U0BOB", **more):
    return {
        "command": "/queue", "text": text, "user_id": user, "user_name": "bob", "team_id": "T1",
        "channel_id": "C0INCIDENTS", "channel_name": "incidents", "trigger_id": "1.2.3",
        "api_app_id": "A1", "response_url": "https://hooks.example/1", **more,
    }  # fmt: skip


def press(action_id, value, user="U0BOB", *, menu=False, **more):
    action = {"type": "button", "action_id": action_id, "block_id": "b", "action_ts": "1.2"}
    if menu:
        option = {"text": {"type": "plain_text", "text": "x"}, "value": value}
        action |= {"type": "overflow", "selected_option": option}
    else:
        action["value"] = value
    return {
        "type": "block_actions", "user": {"id": user, "username": "bob", "team_id": "T1"},
        "api_app_id": "A1", "team": {"id": "T1", "domain": "d"}, "trigger_id": "1.2.3",
        "container": {
            "type": "message", "message_ts": "1.2", "channel_id": "C0INCIDENTS",
            "is_ephemeral": True,
        },
        "channel": {"id": "C0INCIDENTS", "name": "incidents"},
        "response_url": "https://hooks.example/1", "actions": [action], **more,
    }  # fmt: skip


def is_ours(record):
    """Whether an error that was logged went through our code."""
    trace = record.exc_info[2] if record.exc_info else None
    files = [frame.filename for frame in traceback.extract_tb(trace)]
    return not files or any(Path(file).is_relative_to(BOT) for file in files)


@contextmanager
def quiet():
    """Nothing of ours went wrong unseen: neither in our log nor in Bolt's.

    What Bolt itself cannot read, such as no action at all, never comes as far as to us.
    """
    records = []
    handler = logging.Handler(logging.ERROR)
    handler.emit = lambda record: records.append(record) if is_ours(record) else None
    logging.getLogger().addHandler(handler)
    try:
        with capture_logs() as log:
            yield
    finally:
        logging.getLogger().removeHandler(handler)
    assert [one for one in log if one["event"] in {"command failed", "answer failed"}] == []
    assert [record.getMessage() for record in records] == []


@pytest.fixture(scope="module")
def runner():
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def door(runner):
    """For all tests in which nothing changes."""
    door = runner.run(Door().open())
    yield door
    runner.run(door.redis.aclose())


async def changes_nothing(door, body):
    """Deliver it, and see that all is as before; returns what was answered."""
    before, sent = await door.state(), len(door.mail.sent)
    with quiet():
        status = await door.deliver(body)
    assert await door.state() == before
    return status, door.mail.sent[sent:]


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


def places(value, path=()):
    """The path to each value of a payload, and the value."""
    if path:
        yield path, value
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from places(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from places(inner, (*path, index))


def without(body, path):
    damaged = copy.deepcopy(body)
    holder = damaged
    for step in path[:-1]:
        holder = holder[step]
    del holder[path[-1]]
    return damaged


def replaced(body, path, value):
    damaged = copy.deepcopy(body)
    holder = damaged
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = value
    return damaged


SAMPLES = {
    "command": slash("status", VERA.user),
    "button": press("command:status", "failed order-provisioning", VERA.user),
    "menu": press("command_menu:job", "job order-provisioning w0", VERA.user, menu=True),
    "plan": press("plan_confirm", "0" * 12, VERA.user),
    "link": press("link", "", VERA.user),
}


@pytest.mark.parametrize("sample", SAMPLES)
def test_any_field_may_be_missing(runner, door, sample):
    for path, _ in places(SAMPLES[sample]):
        status, answers = runner.run(changes_nothing(door, without(SAMPLES[sample], path)))
        assert len(answers) == (status == 200 and sample != "link"), path


@UNHURRIED
@given(st.sampled_from(sorted(SAMPLES)), st.data())
def test_any_field_may_be_of_any_kind(runner, door, sample, data):
    body = SAMPLES[sample]
    path, was = data.draw(st.sampled_from(list(places(body))), label="place")
    junk = data.draw(OBJECTS if isinstance(was, dict) else JUNK, label="junk")
    _, answers = runner.run(changes_nothing(door, replaced(body, path, junk)))
    assert len(answers) <= 1
