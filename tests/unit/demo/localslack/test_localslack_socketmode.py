import asyncio

import pytest

from bot.demo.localslack.fixtures import BOT, INCIDENTS, SLACKBOT


async def test_hello_tells_how_many_are_connected(connect, server):
    first, second = await connect(), await connect()
    hello = await first.hello()
    assert hello["type"] == "hello"
    assert hello["num_connections"] == 1
    assert hello["connection_info"] == {"app_id": "A0BULLHORN"}
    assert (await second.hello())["num_connections"] == 2
    for app in (first, second):
        await app.ws.close()


async def test_a_ticket_opens_one_connection(http):
    headers = {"Authorization": "Bearer xapp-demo"}
    async with http.post("/api/apps.connections.open", headers=headers) as response:
        url = (await response.json())["url"]
    ws = await http.ws_connect(url)
    await ws.close()
    async with http.get(url.replace("ws://", "http://")) as response:
        assert response.status == 403


async def test_a_command_arrives_whole_and_its_answer_is_shown(app, slack):
    typing = asyncio.create_task(slack.command("/queue status  mail "))
    envelope = await app.event()
    assert envelope["type"] == "slash_commands"
    assert envelope["accepts_response_payload"] is True
    payload = envelope["payload"]
    assert payload["command"] == "/queue"
    assert payload["text"] == "status  mail"
    assert payload["user_id"] == "U0ALICE"
    assert payload["channel_name"] == "incidents"
    assert payload["response_url"].startswith(slack.url)
    await app.ack(envelope, {"text": "2 queues"})
    assert await typing == {"ok": True}
    shown = await slack.wait_for("2 queues")
    assert shown.ephemeral
    assert not any("2 queues" in m.text for m in await slack.messages(user="U0BOB"))


async def test_an_answer_for_the_channel_shows_what_was_typed(app, slack):
    typing = asyncio.create_task(slack.command("/queue public"))
    envelope = await app.event()
    await app.ack(envelope, {"response_type": "in_channel", "text": "for all"})
    await typing
    texts = [m.text for m in await slack.messages(user="U0BOB")]
    assert texts == ["/queue public", "for all"]


async def test_without_an_ack_the_person_is_told(app, slack):
    assert (await slack.command("/queue"))["error"] == "operation_timeout"
    note = await slack.wait_for('/queue failed with the error "operation_timeout"')
    assert note.ephemeral
    assert note.raw["user"] == SLACKBOT


async def test_without_a_connection_the_person_is_told(slack):
    assert (await slack.command("/queue"))["error"] == "dispatch_failed"
    await slack.wait_for("dispatch_failed")


@pytest.mark.parametrize(
    ("text", "thread", "words"),
    [("/nope", False, "is not a valid command"), ("/queue", True, "not supported in threads")],
)
async def test_commands_that_slack_does_not_pass_on(app, slack, web, text, thread, words):
    parent = (await web.chat_postMessage(channel=INCIDENTS, text="alert"))["ts"]
    await slack.say(text, thread_ts=parent if thread else "")
    assert (await slack.wait_for(words)).ephemeral


async def test_an_event_without_an_ack_comes_again(app, connect, slack):
    second = await connect()
    await second.hello()
    telling = asyncio.create_task(slack.say(f"<@{BOT}> hello"))
    one, two = await asyncio.gather(app.event(), second.event())
    first, again = sorted((one, two), key=lambda e: e["retry_attempt"])
    assert first["payload"]["event"]["type"] == "app_mention"
    assert first["payload"]["event_id"] == again["payload"]["event_id"]
    assert again["retry_attempt"] == 1
    assert again["retry_reason"] == "timeout"
    await (app if again is one else second).ack(again)
    await telling
    await second.ws.close()


async def test_events_go_to_any_of_the_connections(app, connect, slack):
    second = await connect()
    await second.hello()
    seen = {"first": 0, "second": 0}

    async def serve(name, connection):
        while True:
            envelope = await connection.event()
            seen[name] += 1
            await connection.ack(envelope)

    tasks = [asyncio.create_task(serve("first", app))]
    tasks.append(asyncio.create_task(serve("second", second)))
    for _ in range(30):
        assert (await slack.command("/queue"))["ok"]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert min(seen.values()) > 0
    await second.ws.close()


async def test_refresh_warning_disconnect_and_drop(connect, slack):
    app = await connect()
    await app.hello()
    await slack.socket("warning")
    assert (await app.event())["reason"] == "warning"
    await slack.socket("refresh")
    goodbye = await app.event()
    assert goodbye["type"] == "disconnect"
    assert goodbye["reason"] == "refresh_requested"
    assert (await slack.state())["connections"] == 0
    await app.ws.close()
    for action in ("disconnect", "drop"):
        app = await connect()
        await app.hello()
        await slack.socket(action)
        message = await app.ws.receive(timeout=3)
        assert message.type.name in {"CLOSE", "CLOSED", "CLOSING", "ERROR"}
        await app.ws.close()
    assert (await slack.post("/local/socket", {"action": "dance"}))["ok"] is False


async def test_home_opened(app, slack, web):
    opening = asyncio.create_task(slack.open_home())
    envelope = await app.event()
    assert envelope["type"] == "events_api"
    event = envelope["payload"]["event"]
    assert (event["type"], event["tab"], event["user"]) == ("app_home_opened", "home", "U0ALICE")
    await app.ack(envelope)
    assert (await opening)["ok"]
    block = {"type": "section", "text": {"type": "plain_text", "text": "welcome"}}
    await web.views_publish(user_id="U0ALICE", view={"type": "home", "blocks": [block]})
    home = await slack.home()
    assert home["blocks"][0]["text"]["text"] == "welcome"
    assert await slack.home(user="U0BOB") is None


async def test_ping_is_answered(app):
    await app.ws.ping(b"sdk-ping-pong:1")
    assert not app.ws.closed
