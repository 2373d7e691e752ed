"""The messenger against the local Slack: posts, edits, finding again, and every kind of failure."""

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.adapters.slack_budget import SlackBudget
from bot.adapters.slack_calls import SlackCalls
from bot.adapters.slack_messenger import SlackMessenger
from bot.demo.localslack.faults import Fault
from bot.demo.localslack.server import LocalSlack
from bot.domain.message import Message, Tag
from bot.errors import SlackRefusedError, SlackUnavailableError

SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "63 waiting"}}
ALERT = Message(text="Critical: backlog 63", blocks=(SECTION,), color="#cc0000")
TAG = Tag("bullhorn_incident", "7:1")


@pytest.fixture
async def slack():
    server = LocalSlack()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def counted():
    return []


@pytest.fixture
def client(slack):
    return AsyncWebClient(token="xoxb-demo", base_url=slack.api_url, timeout=1, retry_handlers=[])


@pytest.fixture
def calls(counted):
    return SlackCalls(count=lambda method, result: counted.append((method, result)))


@pytest.fixture
async def messenger(client, calls):
    budget = SlackBudget(post_gap=0.01, edit_gap=0.01)
    yield SlackMessenger(client=client, calls=calls, budget=budget)
    await budget.aclose()


def fault(slack, method, kind, **more):
    slack.ctx.faults.rules.append(Fault(method=method, kind=kind, **more))


def made(slack, method):
    return [call for call in slack.ctx.calls.select(method=method) if call["ok"]]


async def test_a_post_is_found_again_by_its_tag(messenger):
    ref = await messenger.post(ALERT, channel="C0INCIDENTS", tag=TAG)
    assert await messenger.find(channel="C0INCIDENTS", tag=TAG, since=0) == ref
    assert await messenger.find(channel="#incidents", tag=TAG, since=0) == ref
    other = Tag("bullhorn_incident", "8:1")
    assert await messenger.find(channel="C0INCIDENTS", tag=other, since=0) is None


async def test_a_thread_reply_is_found_in_its_thread_only(messenger):
    ref = await messenger.post(ALERT, channel="C0INCIDENTS", tag=TAG)
    entry = Tag("bullhorn_entry", "7:1:1")
    reply = await messenger.post(
        Message(text="acknowledged"), channel="C0INCIDENTS", tag=entry, thread=ref.ts
    )
    found = await messenger.find(channel="C0INCIDENTS", tag=entry, since=0, thread=ref.ts)
    assert found == reply
    assert await messenger.find(channel="C0INCIDENTS", tag=entry, since=0) is None


async def test_an_edit_replaces_text_and_blocks(messenger, slack):
    ref = await messenger.post(ALERT, channel="C0INCIDENTS", tag=TAG)
    await messenger.update(Message(text="Resolved", color="#00aa00", blocks=(SECTION,)), ref)
    call = made(slack, "chat.update")[0]
    assert call["ts"] == ref.ts


@pytest.mark.parametrize("kind", ["timeout_after_effect", "reset_after_effect"])
async def test_a_lost_answer_is_unclear_and_the_post_is_not_made_again(messenger, slack, kind):
    fault(slack, "chat.postMessage", kind)
    with pytest.raises(SlackUnavailableError) as caught:
        await messenger.post(ALERT, channel="C0INCIDENTS", tag=TAG)
    assert caught.value.unclear
    assert len(slack.ctx.calls.select(method="chat.postMessage")) == 1
    assert await messenger.find(channel="C0INCIDENTS", tag=TAG, since=0) is not None


@pytest.mark.parametrize("kind", ["http500", "timeout_before_effect", "reset", "error:fatal_error"])
async def test_a_failure_on_the_way_is_unclear_too(messenger, slack, kind):
    fault(slack, "chat.postMessage", kind)
    with pytest.raises(SlackUnavailableError) as caught:
        await messenger.post(ALERT, channel="C0INCIDENTS", tag=TAG)
    assert caught.value.unclear
    assert await messenger.find(channel="C0INCIDENTS", tag=TAG, since=0) is None


async def test_slack_out_of_reach_is_a_clear_no(messenger, slack):
    await slack.stop()
    with pytest.raises(SlackUnavailableError) as caught:
        await messenger.post(ALERT, channel="C0INCIDENTS", tag=TAG)
    assert not caught.value.unclear


async def test_a_429_is_waited_out_and_the_post_made_once(messenger, slack, counted):
    fault(slack, "chat.postMessage", "ratelimited", retry_after=1)
    await messenger.post(ALERT, channel="C0INCIDENTS", tag=TAG)
    assert counted == [("chat.postMessage", "ratelimited"), ("chat.postMessage", "ok")]
    assert len(made(slack, "chat.postMessage")) == 1


async def test_a_final_no_names_slacks_error(messenger):
    with pytest.raises(SlackRefusedError) as caught:
        await messenger.post(ALERT, channel="C0NOWHERE", tag=TAG)
    assert caught.value.code == "channel_not_found"


async def test_blocks_that_slack_refuses_are_sent_as_text(messenger, slack):
    bad = Message(text="Critical: backlog 63", blocks=({"type": "no such block"},), color="#cc0000")
    ref = await messenger.post(bad, channel="C0INCIDENTS", tag=TAG)
    assert ref.ts
    assert len(made(slack, "chat.postMessage")) == 1


async def test_an_unreadable_history_finds_nothing_instead_of_failing(messenger, slack):
    fault(slack, "conversations.history", "error:not_in_channel")
    assert await messenger.find(channel="C0INCIDENTS", tag=TAG, since=0) is None
