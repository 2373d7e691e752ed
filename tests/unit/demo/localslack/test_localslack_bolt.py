import pytest
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

PLAN = [
    {
        "type": "actions",
        "elements": [
            {
                "type": "button",
                "action_id": "retry",
                "text": {"type": "plain_text", "text": "Retry 8"},
            }
        ],
    }
]
MODAL = {
    "type": "modal",
    "callback_id": "why",
    "title": {"type": "plain_text", "text": "Why?"},
    "submit": {"type": "plain_text", "text": "Go"},
    "blocks": [
        {
            "type": "input",
            "block_id": "reason",
            "label": {"type": "plain_text", "text": "Reason"},
            "element": {"type": "plain_text_input", "action_id": "text"},
        }
    ],
}


def make_bolt(client):
    bolt = AsyncApp(client=client)

    @bolt.command("/queue")
    async def command(ack, respond):
        await ack()
        await respond(text="plan", blocks=PLAN)

    @bolt.action("retry")
    async def retry(ack, body, client):
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=MODAL)

    @bolt.view("why")
    async def why(ack, view, client, body):
        reason = view["state"]["values"]["reason"]["text"]["value"]
        if reason == "no":
            await ack(response_action="errors", errors={"reason": "Not a reason."})
            return
        await ack()
        words = f"<@{body['user']['id']}> retried 8: {reason}"
        await client.chat_postMessage(channel="#incidents", text=words)

    return bolt


@pytest.fixture
async def handler(server):
    client = AsyncWebClient(token="xoxb-demo", base_url=server.api_url)
    running = AsyncSocketModeHandler(make_bolt(client), "xapp-demo")
    await running.connect_async()
    yield running
    await running.close_async()


async def test_a_bolt_app_notices_no_difference(handler, slack):
    assert (await slack.command("/queue retry"))["ok"]
    assert (await slack.wait_for("plan", timeout=3)).ephemeral
    assert (await slack.click("Retry"))["ok"]
    await slack.wait_for_modal("Why?")
    assert (await slack.submit({"reason": "no"}))["errors"] == {"reason": "Not a reason."}
    assert (await slack.submit({"reason": "fixed"}))["ok"]
    shown = await slack.wait_for("retried 8: fixed", user="U0VERA")
    assert not shown.ephemeral


@pytest.mark.parametrize("action", ["refresh", "disconnect"])
async def test_a_bolt_app_comes_back(handler, slack, action):
    await slack.wait_for_connection()
    await slack.socket(action)
    await slack.wait_for_calls("apps.connections.open", 2)
    await slack.wait_for_connection()
    assert (await slack.command("/queue"))["ok"]
