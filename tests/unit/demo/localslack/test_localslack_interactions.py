import asyncio

import pytest
from slack_sdk.errors import SlackApiError

from bot.demo.localslack.fixtures import ALICE, INCIDENTS

MODAL = {
    "type": "modal",
    "callback_id": "retry",
    "title": {"type": "plain_text", "text": "Retry"},
    "submit": {"type": "plain_text", "text": "Retry 8"},
    "notify_on_close": True,
    "private_metadata": "plan-1",
    "blocks": [
        {
            "type": "input",
            "block_id": "why",
            "label": {"type": "plain_text", "text": "Reason"},
            "element": {"type": "plain_text_input", "action_id": "text"},
        },
        {
            "type": "input",
            "block_id": "how",
            "optional": True,
            "label": {"type": "plain_text", "text": "How"},
            "element": {
                "type": "checkboxes",
                "action_id": "boxes",
                "options": [{"text": {"type": "plain_text", "text": "Fresh"}, "value": "f"}],
            },
        },
    ],
}


def actions(*elements):
    return [{"type": "actions", "block_id": "row", "elements": list(elements)}]


def button(text="Acknowledge", action_id="ack", value="inc-1"):
    words = {"type": "plain_text", "text": text}
    return {"type": "button", "text": words, "action_id": action_id, "value": value}


def menu():
    options = [
        {"text": {"type": "plain_text", "text": t}, "value": v}
        for t, v in (("1 hour", "1h"), ("4 hours", "4h"))
    ]
    words = {"type": "plain_text", "text": "Silence"}
    return {
        "type": "static_select",
        "action_id": "silence",
        "placeholder": words,
        "options": options,
    }


async def answered(app, doing, payload=None):
    task = asyncio.create_task(doing)
    envelope = await app.event()
    await app.ack(envelope, payload)
    return envelope["payload"], await task


async def respond(http, payload, **body):
    path = "/" + payload["response_url"].split("/", 3)[3]
    async with http.post(path, json=body) as response:
        return response.status, await response.text()


async def test_a_click_in_a_message(app, slack, web):
    await web.chat_postMessage(channel=INCIDENTS, text="alert", blocks=actions(button(), menu()))
    payload, result = await answered(app, slack.click("Acknowledge", user="U0BOB"))
    assert result == {"ok": True}
    assert payload["type"] == "block_actions"
    assert payload["user"]["id"] == "U0BOB"
    assert payload["message"]["text"] == "alert"
    assert payload["container"]["type"] == "message"
    action = payload["actions"][0]
    assert (action["action_id"], action["value"], action["block_id"]) == ("ack", "inc-1", "row")
    payload, _ = await answered(app, slack.click("Silence", option="4 hours"))
    assert payload["actions"][0]["selected_option"]["value"] == "4h"
    chosen = payload["state"]["values"]["row"]["silence"]["selected_option"]
    assert chosen["value"] == "4h"


async def test_a_click_in_an_attachment(app, slack, web):
    attachment = {"color": "#E01E5A", "blocks": actions(button())}
    await web.chat_postMessage(channel=INCIDENTS, text="alert", attachments=[attachment])
    shown = await slack.wait_for("alert")
    assert shown.color == "#E01E5A"
    payload, _ = await answered(app, slack.click("ack", message=shown))
    assert payload["container"]["type"] == "message_attachment"
    assert payload["container"]["attachment_id"] == 1


async def test_a_click_without_an_ack_leaves_a_warning_until_the_next(app, slack, web):
    await web.chat_postMessage(channel=INCIDENTS, text="alert", blocks=actions(button()))
    assert (await slack.click("ack"))["error"] == "operation_timeout"
    await app.event()
    assert (await slack.wait_for("alert")).raw["action_error"] == "operation_timeout"
    assert (await slack.wait_for("alert", user="U0BOB")).raw["action_error"] == ""
    await answered(app, slack.click("ack"))
    assert (await slack.wait_for("alert")).raw["action_error"] == ""


async def test_clicks_that_cannot_be(app, slack, web):
    await web.chat_postMessage(channel=INCIDENTS, text="alert", blocks=actions(menu()))
    with pytest.raises(AssertionError, match=r"no control 'Nope'[\s\S]*alert|Silence"):
        await slack.click("Nope")
    assert (await slack.click("silence", option="9h"))["error"] == "invalid_option"


async def test_trigger_ids_live_three_seconds_and_work_once(app, slack, web, clock):
    payload, _ = await answered(app, slack.command("/queue"))
    await web.views_open(trigger_id=payload["trigger_id"], view=MODAL)
    for trigger, error in (
        (payload["trigger_id"], "exchanged_trigger_id"),
        ("1.2.3", "invalid_trigger_id"),
    ):
        with pytest.raises(SlackApiError) as refused:
            await web.views_open(trigger_id=trigger, view=MODAL)
        assert refused.value.response["error"] == error
    payload, _ = await answered(app, slack.command("/queue"))
    clock.forward(3.1)
    with pytest.raises(SlackApiError) as refused:
        await web.views_open(trigger_id=payload["trigger_id"], view=MODAL)
    assert refused.value.response["error"] == "expired_trigger_id"


async def open_modal(app, slack, web):
    payload, _ = await answered(app, slack.command("/queue"))
    return (await web.views_open(trigger_id=payload["trigger_id"], view=MODAL))["view"]


async def test_submitting_a_modal(app, slack, web):
    await open_modal(app, slack, web)
    missing = await slack.submit({"how": ["Fresh"]})
    assert missing["errors"] == {"why": "Please complete this required field."}
    payload, result = await answered(app, slack.submit({"why": "fixed", "how": ["Fresh"]}))
    assert result == {"ok": True}
    assert payload["type"] == "view_submission"
    assert payload["view"]["private_metadata"] == "plan-1"
    values = payload["view"]["state"]["values"]
    assert values["why"]["text"] == {"type": "plain_text_input", "value": "fixed"}
    assert values["how"]["boxes"]["selected_options"][0]["value"] == "f"
    assert await slack.modal() is None


async def test_errors_update_push_and_clear(app, slack, web):
    await open_modal(app, slack, web)
    errors = {"response_action": "errors", "errors": {"why": "Say more."}}
    _, result = await answered(app, slack.submit({"why": "x"}), errors)
    assert result["errors"] == {"why": "Say more."}
    step = {**MODAL, "title": {"type": "plain_text", "text": "Step 2"}}
    await answered(app, slack.submit({"why": "x"}), {"response_action": "update", "view": step})
    assert (await slack.wait_for_modal("Step 2"))["callback_id"] == "retry"
    step = {**MODAL, "title": {"type": "plain_text", "text": "Step 3"}}
    await answered(app, slack.submit({"why": "x"}), {"response_action": "push", "view": step})
    top = await slack.wait_for_modal("Step 3")
    assert top["previous_view_id"]
    await answered(app, slack.submit({"why": "x"}), {"response_action": "clear"})
    assert await slack.modal() is None


async def test_closing_tells_the_app_if_it_asked(app, slack, web):
    await open_modal(app, slack, web)
    payload, _ = await answered(app, slack.close_modal())
    assert payload["type"] == "view_closed"
    assert payload["is_cleared"] is False


async def test_update_by_hash(app, slack, web):
    view = await open_modal(app, slack, web)
    await web.views_update(view_id=view["id"], view=MODAL, hash=view["hash"])
    with pytest.raises(SlackApiError, match="hash_conflict"):
        await web.views_update(view_id=view["id"], view=MODAL, hash="1.stale")
    with pytest.raises(SlackApiError, match="not_found"):
        await web.views_update(view_id="V404", view=MODAL)


async def test_response_url_works_five_times(app, slack, http):
    payload, _ = await answered(app, slack.command("/queue"))
    for n in range(5):
        assert await respond(http, payload, text=f"answer {n}") == (200, "ok")
    status, body = await respond(http, payload, text="one more")
    assert status == 404
    assert "used_url" in body
    assert [m.text for m in await slack.messages()] == [f"answer {n}" for n in range(5)]
    assert all(m.ephemeral for m in await slack.messages())


async def test_response_url_lives_thirty_minutes(app, slack, http, clock):
    payload, _ = await answered(app, slack.command("/queue"))
    clock.forward(29 * 60)
    assert (await respond(http, payload, text="late"))[0] == 200
    clock.forward(61)
    status, body = await respond(http, payload, text="too late")
    assert status == 404
    assert "expired_url" in body


async def test_response_url_in_channel_replace_and_delete(app, slack, http):
    payload, _ = await answered(app, slack.command("/queue"))
    await respond(http, payload, text="for all", response_type="in_channel")
    assert not (await slack.wait_for("for all", user="U0BOB")).ephemeral
    await respond(http, payload, text="plan", blocks=actions(button("Retry")))
    payload, _ = await answered(app, slack.click("Retry"))
    assert payload["container"]["is_ephemeral"] is True
    assert "message" not in payload
    await respond(http, payload, replace_original=True, text="working")
    shown = await slack.wait_for("working")
    assert shown.ephemeral
    assert shown.labels == []
    await respond(http, payload, delete_original=True)
    await slack.wait_until_gone("working")


async def test_response_url_refuses_bad_content(app, slack, http):
    payload, _ = await answered(app, slack.command("/queue"))
    status, body = await respond(http, payload, text="x", blocks=[{"type": "nope"}])
    assert status == 400
    assert "invalid_blocks" in body


async def test_only_its_reader_can_dismiss_an_ephemeral(slack, web):
    await web.chat_postEphemeral(channel=INCIDENTS, user=ALICE, text="psst")
    shown = await slack.wait_for("psst")
    assert (await slack.dismiss(shown, user="U0BOB"))["ok"] is False
    await slack.dismiss(shown)
    await slack.wait_until_gone("psst")
