"""The app as Bolt runs it, for payloads of any kind, and what they may be made of."""

import asyncio
import copy
import logging
import traceback
from contextlib import contextmanager
from pathlib import Path

import fakeredis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.web.async_client import AsyncWebClient
from structlog.testing import capture_logs

import bot as package
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
from tests.support.toolbox import BOB, build_office, value_of

BOT = Path(package.__file__).parent
FORGED_PLANS = (
    "", " ", "*", "0" * 12, "../audit", "audit", "}:audit", "plan:1", "{bullhorn}:audit",
    "nul\x00", "<!channel>", "x" * 3_000, "🔥", "\u202e",
)  # fmt: skip
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


async def changes_nothing(door, body):
    """Deliver it, and see that all is as before; returns what was answered."""
    before, sent = await door.state(), len(door.mail.sent)
    with quiet():
        status = await door.deliver(body)
    assert await door.state() == before
    return status, door.mail.sent[sent:]


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
