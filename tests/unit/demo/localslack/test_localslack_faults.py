import asyncio
import time

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError

from bot.demo.localslack import Driver, LocalSlack
from bot.demo.localslack.fixtures import INCIDENTS, ORDERS


async def post(http, text="hi", channel=INCIDENTS, seconds=0.3):
    headers = {"Authorization": "Bearer xoxb-demo"}
    timeout = aiohttp.ClientTimeout(total=seconds)
    body = {"channel": channel, "text": text}
    async with http.post(
        "/api/chat.postMessage", json=body, headers=headers, timeout=timeout
    ) as response:
        return response.status, dict(response.headers), await response.text()


async def texts(slack):
    return [m.text for m in await slack.messages()]


async def test_rate_limit(slack, http):
    await slack.fault("chat.*", "ratelimited", times=2, retry_after=7)
    for _ in range(2):
        status, headers, body = await post(http)
        assert status == 429
        assert headers["Retry-After"] == "7"
        assert "ratelimited" in body
    assert (await post(http))[0] == 200
    assert await texts(slack) == ["hi"]
    assert [c["fault"] for c in await slack.calls()] == ["ratelimited", "ratelimited", ""]


async def test_errors_by_name_and_only_for_a_channel(slack, web):
    await slack.fault("chat.postMessage", "error:fatal_error", channel=ORDERS)
    await web.chat_postMessage(channel=INCIDENTS, text="fine")
    with pytest.raises(SlackApiError, match="fatal_error"):
        await web.chat_postMessage(channel=ORDERS, text="x")
    await web.chat_postMessage(channel=ORDERS, text="fine again")


async def test_http_500(slack, http):
    await slack.fault("chat.postMessage", "http500")
    assert (await post(http))[0] == 500
    assert await texts(slack) == []


@pytest.mark.parametrize(
    ("kind", "error", "effect"),
    [
        ("timeout_after_effect", TimeoutError, ["hi"]),
        ("timeout_before_effect", TimeoutError, []),
        ("hang", TimeoutError, []),
        ("reset", aiohttp.ClientError, []),
        ("reset_after_effect", aiohttp.ClientError, ["hi"]),
    ],
)
async def test_lost_answers(slack, http, kind, error, effect):
    await slack.fault("chat.postMessage", kind)
    with pytest.raises(error):
        await post(http)
    assert await texts(slack) == effect


async def test_slow(slack, http):
    await slack.fault("chat.postMessage", "slow:0.1")
    before = time.monotonic()
    assert (await post(http, seconds=2))[0] == 200
    assert time.monotonic() - before >= 0.1


async def test_a_typo_in_a_fault_shows(slack):
    assert (await slack.fault("chat.postMessage", "ratelimit"))["error"] == "invalid_arguments"


async def test_stop_does_not_wait_for_what_hangs():
    server = LocalSlack()
    await server.start()
    async with Driver(server.url) as slack, aiohttp.ClientSession(base_url=server.url) as http:
        await slack.fault("chat.postMessage", "hang")
        hanging = asyncio.create_task(post(http, seconds=30))
        await slack.wait_for_calls("chat.postMessage")
        stream = await http.ws_connect("/local/stream?user=U0ALICE")
        before = time.monotonic()
        await server.stop()
        assert time.monotonic() - before < 2
        await stream.close()
        with pytest.raises(aiohttp.ClientError):
            await hanging
    await server.stop()
