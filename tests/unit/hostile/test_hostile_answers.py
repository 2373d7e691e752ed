"""A response URL that is none is no reason to fall over: the log has what could not be said."""

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient
from structlog.testing import capture_logs

from bot.adapters.slack_budget import SlackBudget
from bot.adapters.slack_calls import SlackCalls
from bot.domain.access import Actor
from bot.domain.message import Message, Reply
from bot.slack.answers import Answers, Origin

NOBODY = "http://127.0.0.1:1/"
"""Where nobody listens, on this machine."""
FORGED = (
    "", "x", "//", "http://", "http://[", "http://[::1", "http://:99999/", "http://a b/", "http://\x00/",
    "ftp://127.0.0.1/", "file:///etc/passwd", "javascript:alert(1)", "unix:/run/x", "None",
    "http://127.0.0.1:99999/", "http://user:pass@127.0.0.1:1/", NOBODY, f"{NOBODY}{'x' * 3_000}",
    f"{NOBODY}\r\nHost: evil", "http://127.0.0.1:1\r\n/",
)  # fmt: skip
REPLY = Reply(message=Message(text="hello"), announcement=Message(text="all"), replace=True)


@pytest.fixture
async def answers():
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as session:
        client = AsyncWebClient(
            token="xoxb-demo", base_url=NOBODY, session=session, retry_handlers=[]
        )
        budget = SlackBudget(post_gap=0.001, edit_gap=0.001)
        calls = SlackCalls(count=lambda method, result: None)
        yield Answers(client=client, calls=calls, session=session, budget=budget)
        await budget.aclose()


@pytest.mark.parametrize("url", FORGED)
async def test_a_forged_response_url(answers, url):
    origin = Origin(actor=Actor(user="U0BOB", channel="C0INCIDENTS"), response_url=url)
    with capture_logs() as log:
        await answers.send(origin, REPLY)
    lost = [one["text"] for one in log if one["event"] == "an answer could not be delivered"]
    assert lost == ["hello", "all"]


@pytest.mark.parametrize("user", ["", "<@U0BOB>", "\x00", "x" * 3_000])
@pytest.mark.parametrize("channel", ["", "<!channel>", "x" * 3_000])
async def test_a_forged_person_and_place(answers, user, channel):
    origin = Origin(actor=Actor(user=user, channel=channel), response_url="")
    with capture_logs() as log:
        await answers.send(origin, REPLY)
    assert [one["event"] for one in log] == ["an answer could not be delivered"] * 2
