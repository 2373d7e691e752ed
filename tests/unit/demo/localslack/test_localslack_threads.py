"""Replies that are also sent to the channel."""

from slack_sdk.web.async_client import AsyncWebClient

from bot.demo.localslack import DEFAULT_WORKSPACE, LocalSlack


async def test_a_broadcast_reply_is_in_the_thread_and_in_the_channel():
    server = LocalSlack()
    await server.start()
    client = AsyncWebClient(token=DEFAULT_WORKSPACE.bot_token, base_url=server.api_url)
    first = await client.chat_postMessage(channel="C0INCIDENTS", text="alert")
    await client.chat_postMessage(channel="C0INCIDENTS", text="quiet", thread_ts=first["ts"])
    await client.chat_postMessage(
        channel="C0INCIDENTS", text="loud", thread_ts=first["ts"], reply_broadcast=True
    )
    history = await client.conversations_history(channel="C0INCIDENTS")
    replies = await client.conversations_replies(channel="C0INCIDENTS", ts=first["ts"])
    await server.stop()
    assert [m["text"] for m in history["messages"]] == ["loud", "alert"]
    assert history["messages"][0]["subtype"] == "thread_broadcast"
    assert [m["text"] for m in replies["messages"]] == ["alert", "quiet", "loud"]
