"""What Messenger and Directory promise, asked of the fakes and of Slack's adapters alike."""

import time

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.adapters.slack_budget import SlackBudget
from bot.adapters.slack_calls import SlackCalls
from bot.adapters.slack_directory import SlackDirectory
from bot.adapters.slack_messenger import SlackMessenger
from bot.demo.localslack.faults import Fault
from bot.demo.localslack.server import LocalSlack
from bot.domain.access import Membership
from bot.domain.message import Message, MessageRef, Tag
from bot.errors import SlackRefusedError, SlackUnavailableError, StaleError
from tests.support.fakes import FakeClock, FakeDirectory, FakeMessenger

INCIDENTS, ORDERS = "C0INCIDENTS", "C0ORDERS"
TAG, OTHER = Tag("bullhorn_incident", "7:1"), Tag("bullhorn_incident", "8:1")
ENTRY = Tag("bullhorn_entry", "7:1:0")
ALERT, WORSE = Message(text="backlog 12"), Message(text="backlog 60")


class Pretend:
    """The fakes."""

    def __init__(self):
        self.clock = FakeClock()
        self.clock.now = int(time.time() * 1000)
        self.messenger = FakeMessenger(self.clock, names={"#incidents": INCIDENTS})
        self.messenger.missing.add("C0NOWHERE")
        self.directory = FakeDirectory({"S0ONCALL": frozenset({"U0ALICE", "U0BOB"})})

    def later(self, seconds):
        self.clock.forward(seconds * 1000)

    def now(self):
        return self.clock.now

    def trouble(self, kind):
        self.messenger.faults.append(kind)

    async def away(self):
        self.messenger.faults.append("unreachable")
        self.directory.down = True

    def texts(self, channel=INCIDENTS):
        return [p.message.text for p in self.messenger.posted if p.ref.channel == channel]


FAULTS = {
    "lost answer": "reset_after_effect",
    "lost call": "reset",
    "refused:is_archived": "error:is_archived",
}


class Real:
    """The adapters, and the local Slack with a clock that can be moved."""

    def __init__(self, session):
        self.offset = 0
        self.slack = LocalSlack(clock=lambda: time.time() + self.offset)
        self.session = session

    async def start(self):
        await self.slack.start()
        client = AsyncWebClient(
            token="xoxb-demo", base_url=self.slack.api_url, session=self.session, retry_handlers=[]
        )
        calls = SlackCalls(count=lambda method, result: None)
        self.budget = SlackBudget(post_gap=0.01, edit_gap=0.01)
        self.messenger = SlackMessenger(client=client, calls=calls, budget=self.budget)
        self.directory = SlackDirectory(client=client, calls=calls)

    def later(self, seconds):
        self.offset += seconds

    def now(self):
        return int((time.time() + self.offset) * 1000)

    def trouble(self, kind):
        for method in ("chat.postMessage", "chat.update"):
            self.slack.ctx.faults.rules.append(Fault(method=method, kind=FAULTS[kind]))

    async def away(self):
        await self.slack.stop()

    def texts(self, channel=INCIDENTS):
        return [message.text for message in self.slack.ctx.workspace.shared(channel)]


@pytest.fixture(params=["fake", "real"])
async def world(request):
    if request.param == "fake":
        yield Pretend()
        return
    async with aiohttp.ClientSession() as session:
        real = Real(session)
        await real.start()
        yield real
        await real.budget.aclose()
        await real.slack.stop()


@pytest.fixture
def messenger(world):
    return world.messenger


async def test_a_post_is_found_by_its_tag_and_no_other(messenger):
    ref = await messenger.post(ALERT, channel=INCIDENTS, tag=TAG)
    assert ref.channel == INCIDENTS
    assert await messenger.find(channel=INCIDENTS, tag=TAG, since=0) == ref
    assert await messenger.find(channel=INCIDENTS, tag=OTHER, since=0) is None
    assert await messenger.find(channel=ORDERS, tag=TAG, since=0) is None


async def test_what_was_posted_before_is_not_found(world, messenger):
    await messenger.post(ALERT, channel=INCIDENTS, tag=TAG)
    world.later(60)
    assert await messenger.find(channel=INCIDENTS, tag=TAG, since=world.now() - 30_000) is None
    ref = await messenger.post(ALERT, channel=INCIDENTS, tag=TAG)
    assert await messenger.find(channel=INCIDENTS, tag=TAG, since=world.now() - 30_000) == ref


async def test_of_two_with_the_same_tag_the_older_is_found_and_the_other_can_be_removed(
    world, messenger
):
    first = await messenger.post(ALERT, channel=INCIDENTS, tag=TAG)
    world.later(5)
    second = await messenger.post(WORSE, channel=INCIDENTS, tag=TAG)
    assert await messenger.find(channel=INCIDENTS, tag=TAG, since=0) == first
    await messenger.remove(second)
    assert world.texts() == ["backlog 12"]


async def test_a_message_may_be_made_when_its_turn_has_come(world, messenger):
    async def fresh():
        return WORSE

    ref = await messenger.post(fresh, channel=INCIDENTS, tag=TAG)
    assert world.texts() == ["backlog 60"]

    async def fresher():
        return ALERT

    await messenger.update(fresher, ref)
    assert world.texts() == ["backlog 12"]


async def test_what_cannot_be_made_is_not_sent_and_the_reason_is_told(world, messenger):
    async def withdrawn():
        raise StaleError("It is over.")

    with pytest.raises(StaleError, match="It is over"):
        await messenger.post(withdrawn, channel=INCIDENTS, tag=TAG)
    ref = await messenger.post(ALERT, channel=INCIDENTS, tag=TAG)
    with pytest.raises(StaleError, match="It is over"):
        await messenger.update(withdrawn, ref)
    assert world.texts() == ["backlog 12"]


async def test_a_channel_may_be_given_by_its_name(messenger):
    ref = await messenger.post(ALERT, channel="#incidents", tag=TAG)
    assert ref.channel == INCIDENTS
    assert (await messenger.find(channel="#incidents", tag=TAG, since=0)).ts == ref.ts


async def test_an_update_replaces_the_text_and_keeps_the_tag(world, messenger):
    ref = await messenger.post(ALERT, channel=INCIDENTS, tag=TAG)
    await messenger.update(WORSE, ref)
    assert world.texts() == ["backlog 60"]
    assert await messenger.find(channel=INCIDENTS, tag=TAG, since=0) == ref


async def test_an_update_may_give_another_tag(messenger):
    ref = await messenger.post(ALERT, channel=INCIDENTS, tag=TAG)
    await messenger.update(WORSE, ref, tag=OTHER)
    assert await messenger.find(channel=INCIDENTS, tag=TAG, since=0) is None
    assert await messenger.find(channel=INCIDENTS, tag=OTHER, since=0) == ref


async def test_a_reply_is_found_in_its_thread_only(messenger):
    ref = await messenger.post(ALERT, channel=INCIDENTS, tag=TAG)
    elsewhere = await messenger.post(ALERT, channel=INCIDENTS, tag=OTHER)
    reply = await messenger.post(WORSE, channel=INCIDENTS, tag=ENTRY, thread=ref.ts)
    assert await messenger.find(channel=INCIDENTS, tag=ENTRY, since=0, thread=ref.ts) == reply
    assert await messenger.find(channel=INCIDENTS, tag=ENTRY, since=0, thread=elsewhere.ts) is None
    assert await messenger.find(channel=INCIDENTS, tag=ENTRY, since=0) is None


async def test_a_broadcast_reply_is_in_the_thread_and_in_the_channel(messenger):
    ref = await messenger.post(ALERT, channel=INCIDENTS, tag=TAG)
    reply = await messenger.post(WORSE, channel=INCIDENTS, tag=ENTRY, thread=ref.ts, broadcast=True)
    assert await messenger.find(channel=INCIDENTS, tag=ENTRY, since=0, thread=ref.ts) == reply
    assert await messenger.find(channel=INCIDENTS, tag=ENTRY, since=0) == reply


async def test_a_channel_that_is_not_there_is_a_final_no(messenger):
    with pytest.raises(SlackRefusedError) as caught:
        await messenger.post(ALERT, channel="C0NOWHERE", tag=TAG)
    assert caught.value.code == "channel_not_found"
    assert await messenger.find(channel="C0NOWHERE", tag=TAG, since=0) is None


async def test_a_message_that_is_not_there_cannot_be_edited(messenger):
    with pytest.raises(SlackRefusedError) as caught:
        await messenger.update(WORSE, MessageRef(INCIDENTS, "1700000000.000001"))
    assert caught.value.code == "message_not_found"


@pytest.mark.parametrize(("fault", "there"), [("lost answer", True), ("lost call", False)])
async def test_a_post_without_an_answer_is_unclear_and_can_be_looked_for(
    world, messenger, fault, there
):
    world.trouble(fault)
    with pytest.raises(SlackUnavailableError) as caught:
        await messenger.post(ALERT, channel=INCIDENTS, tag=TAG)
    assert caught.value.unclear
    found = await messenger.find(channel=INCIDENTS, tag=TAG, since=0)
    assert (found is not None) is there


async def test_an_edit_without_an_answer_is_unclear(world, messenger):
    ref = await messenger.post(ALERT, channel=INCIDENTS, tag=TAG)
    world.trouble("lost answer")
    with pytest.raises(SlackUnavailableError) as caught:
        await messenger.update(WORSE, ref)
    assert caught.value.unclear
    assert world.texts() == ["backlog 60"]


async def test_a_final_no_carries_slacks_word(world, messenger):
    world.trouble("refused:is_archived")
    with pytest.raises(SlackRefusedError) as caught:
        await messenger.post(ALERT, channel=INCIDENTS, tag=TAG)
    assert caught.value.code == "is_archived"
    assert world.texts() == []


async def test_slack_out_of_reach_is_a_clear_no(world, messenger):
    await world.away()
    with pytest.raises(SlackUnavailableError) as caught:
        await messenger.post(ALERT, channel=INCIDENTS, tag=TAG)
    assert not caught.value.unclear


async def test_only_the_groups_asked_for_are_told(world):
    members = world.directory.memberships
    assert (await members("U0BOB", frozenset({"S0ONCALL", "S0NOPE"}))).groups == {"S0ONCALL"}
    assert await members("U0VERA", frozenset({"S0ONCALL"})) == Membership()
    assert await members("U0BOB", frozenset()) == Membership()


async def test_groups_cannot_be_told_without_slack(world):
    await world.away()
    oncall = frozenset({"S0ONCALL"})
    assert await world.directory.memberships("U0BOB", oncall) == Membership(away=oncall)
    assert await world.directory.memberships("U0BOB", frozenset()) == Membership()
