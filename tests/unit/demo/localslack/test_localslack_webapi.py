import json
import warnings

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError

from bot.demo.localslack import LocalSlack, WorkspaceConfig
from bot.demo.localslack.fixtures import ALICE, GENERAL, INCIDENTS, Room

SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "in blocks"}}


async def api(http, method, token="xoxb-demo", **args):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with http.post(f"/api/{method}", json=args, headers=headers) as response:
        return await response.json()


async def failure(call):
    with pytest.raises(SlackApiError) as refused:
        await call
    return refused.value.response["error"]


async def test_tokens(http):
    assert (await api(http, "auth.test"))["user_id"] == "U0BULLHORN"
    assert (await api(http, "auth.test", token=""))["error"] == "not_authed"
    assert (await api(http, "auth.test", token="xoxb-other"))["error"] == "invalid_auth"
    assert (await api(http, "auth.test", token="xapp-demo"))["error"] == "not_allowed_token_type"
    opened = await api(http, "apps.connections.open")
    assert opened["error"] == "not_allowed_token_type"
    assert (await api(http, "chat.dance"))["error"] == "unknown_method"


async def test_the_token_may_be_a_parameter_and_bodies_may_be_forms(http):
    form = {"token": "xoxb-demo", "channel": "#incidents", "blocks": f"[{_json(SECTION)}]"}
    async with http.post("/api/chat.postMessage", data={**form, "text": "hi"}) as response:
        answer = await response.json()
    assert answer["message"]["blocks"][0]["text"]["text"] == "in blocks"
    assert "token" not in (await _calls(http))[-1]["args"]
    async with http.post("/api/chat.postMessage", data={**form, "blocks": "[{"}) as response:
        assert (await response.json())["error"] == "invalid_blocks_format"


def _json(value):
    return json.dumps(value)


async def _calls(http):
    async with http.get("/local/calls") as response:
        return (await response.json())["calls"]


async def test_scopes_are_checked_when_given():
    server = LocalSlack(WorkspaceConfig(scopes=frozenset({"chat:write"})))
    await server.start()
    try:
        async with aiohttp.ClientSession(base_url=server.url) as http:
            assert (await api(http, "chat.postMessage", channel=INCIDENTS, text="x"))["ok"]
            refused = await api(http, "users.list")
            assert refused["error"] == "missing_scope"
            assert refused["needed"] == "users:read"
    finally:
        await server.stop()


async def test_post_by_id_name_and_person(web):
    by_name = await web.chat_postMessage(channel="#incidents", text="one")
    assert by_name["channel"] == INCIDENTS
    to_person = await web.chat_postMessage(channel=ALICE, text="two")
    assert to_person["channel"].startswith("D")
    assert await failure(web.chat_postMessage(channel="#nowhere", text="x")) == "channel_not_found"
    empty = web.api_call("chat.postMessage", json={"channel": INCIDENTS})
    assert await failure(empty) == "no_text"
    long = web.chat_postMessage(channel=INCIDENTS, text="x" * 40_001)
    assert await failure(long) == "msg_too_long"


async def test_blocks_without_text_are_taken_with_a_warning(web, slack):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        posted = await web.chat_postMessage(channel=INCIDENTS, blocks=[SECTION])
    assert posted["warning"] == "missing_text_in_message"
    assert (await slack.calls("chat.postMessage"))[0]["warnings"] == ["missing_text_in_message"]
    assert (await slack.wait_for("in blocks")).raw["warnings"] == ["missing_text_in_message"]


async def test_attachments_may_carry_the_fallback(web, slack):
    side = {"fallback": "Critical: backlog 63", "blocks": [SECTION]}
    posted = await web.chat_postMessage(channel=INCIDENTS, attachments=[side])
    assert "warning" not in posted
    shown = await slack.wait_for("in blocks")
    assert shown.text == "in blocks"
    assert shown.fallback == "Critical: backlog 63"


async def test_update_with_text_only_removes_blocks_and_keeps_attachments(web):
    posted = await web.chat_postMessage(
        channel=INCIDENTS,
        text="one",
        blocks=[SECTION],
        attachments=[{"color": "danger", "text": "side"}],
        metadata={"event_type": "incident", "event_payload": {"id": 7}},
    )
    updated = await web.chat_update(channel=INCIDENTS, ts=posted["ts"], text="two")
    assert "blocks" not in updated["message"]
    assert updated["message"]["attachments"][0]["text"] == "side"
    assert updated["message"]["metadata"]["event_payload"] == {"id": 7}
    assert updated["message"]["edited"]["user"] == "U0BULLHORN"
    cleared = await web.chat_update(
        channel=INCIDENTS, ts=posted["ts"], text="three", blocks=[SECTION], attachments=[]
    )
    assert "attachments" not in cleared["message"] or not cleared["message"]["attachments"]
    assert cleared["message"]["blocks"]


async def test_updates_that_slack_refuses(web, slack):
    said = await slack.say("hello")
    other = web.chat_update(channel=INCIDENTS, ts=said["ts"], text="mine now")
    assert await failure(other) == "cant_update_message"
    missing = web.chat_update(channel=INCIDENTS, ts="1.000001", text="x")
    assert await failure(missing) == "message_not_found"
    quiet = await web.chat_postEphemeral(channel=INCIDENTS, user=ALICE, text="psst")
    hidden = web.chat_update(channel=INCIDENTS, ts=quiet["message_ts"], text="x")
    assert await failure(hidden) == "message_not_found"
    assert await failure(web.chat_delete(channel=INCIDENTS, ts=said["ts"])) == "cant_delete_message"


async def test_delete(web, slack):
    posted = await web.chat_postMessage(channel=INCIDENTS, text="gone soon")
    await web.chat_delete(channel=INCIDENTS, ts=posted["ts"])
    await slack.wait_until_gone("gone soon")


async def test_history_is_newest_first_pages_and_knows_metadata(web):
    sent = []
    for n in range(5):
        posted = await web.chat_postMessage(
            channel=INCIDENTS,
            text=f"m{n}",
            metadata={"event_type": "e", "event_payload": {"n": n}},
        )
        sent.append(posted["ts"])
    first = await web.conversations_history(channel=INCIDENTS, limit=2)
    assert [m["text"] for m in first["messages"]] == ["m4", "m3"]
    assert first["has_more"]
    assert "metadata" not in first["messages"][0]
    cursor = first["response_metadata"]["next_cursor"]
    second = await web.conversations_history(
        channel=INCIDENTS, limit=2, cursor=cursor, include_all_metadata=True
    )
    assert [m["metadata"]["event_payload"]["n"] for m in second["messages"]] == [2, 1]
    between = await web.conversations_history(channel=INCIDENTS, oldest=sent[1], latest=sent[3])
    assert [m["text"] for m in between["messages"]] == ["m2"]
    closed = await web.conversations_history(
        channel=INCIDENTS, oldest=sent[1], latest=sent[3], inclusive=True
    )
    assert [m["text"] for m in closed["messages"]] == ["m3", "m2", "m1"]


async def test_threads(web):
    parent = (await web.chat_postMessage(channel=INCIDENTS, text="alert"))["ts"]
    await web.chat_postMessage(channel=INCIDENTS, text="first", thread_ts=parent)
    await web.chat_postMessage(channel=INCIDENTS, text="second", thread_ts=parent)
    history = await web.conversations_history(channel=INCIDENTS)
    assert [(m["text"], m["reply_count"]) for m in history["messages"]] == [("alert", 2)]
    replies = await web.conversations_replies(channel=INCIDENTS, ts=parent)
    assert [m["text"] for m in replies["messages"]] == ["alert", "first", "second"]
    orphan = web.chat_postMessage(channel=INCIDENTS, text="x", thread_ts="1.000001")
    assert await failure(orphan) == "thread_not_found"


@pytest.mark.parametrize(
    ("metadata", "error"),
    [
        ({"event_type": "x"}, "invalid_metadata_format"),
        ({"event_type": "x", "event_payload": {"a": "y" * 17_000}}, "metadata_too_large"),
    ],
)
async def test_bad_metadata(web, metadata, error):
    call = web.chat_postMessage(channel=INCIDENTS, text="x", metadata=metadata)
    assert await failure(call) == error


async def test_people_groups_and_channels(web):
    assert (await web.users_info(user=ALICE))["user"]["real_name"] == "Alice"
    assert len((await web.users_list())["members"]) == 6
    assert await failure(web.users_info(user="U404")) == "user_not_found"
    assert (await web.usergroups_list())["usergroups"][0]["handle"] == "oncall"
    members = await web.usergroups_users_list(usergroup="S0ONCALL")
    assert members["users"] == ["U0ALICE", "U0BOB"]
    assert (await web.conversations_open(users=[ALICE]))["channel"]["id"] == "D0ALICE"
    names = [c["name"] for c in (await web.conversations_list())["channels"]]
    assert names == ["incidents", "orders", "general"]
    assert (await web.conversations_info(channel=GENERAL))["channel"]["is_member"]
    assert ALICE in (await web.conversations_members(channel=GENERAL))["members"]
    link = await web.chat_postMessage(channel=INCIDENTS, text="x")
    found = await web.chat_getPermalink(channel=INCIDENTS, message_ts=link["ts"])
    assert found["permalink"].endswith(f"archives/{INCIDENTS}/p{link['ts'].replace('.', '')}")


async def test_channels_without_the_bot():
    rooms = (
        Room(id="C1", name="open", bot_is_member=False),
        Room(id="C2", name="shut", bot_is_member=False, is_private=True),
    )
    server = LocalSlack(WorkspaceConfig(rooms=rooms))
    await server.start()
    try:
        async with aiohttp.ClientSession(base_url=server.url) as http:
            assert (await api(http, "chat.postMessage", channel="C1", text="x"))["ok"]
            history = await api(http, "conversations.history", channel="C1")
            assert history["error"] == "not_in_channel"
            shut = await api(http, "chat.postMessage", channel="C2", text="x")
            assert shut["error"] == "channel_not_found"
            assert (await api(http, "conversations.join", channel="C1"))["ok"]
            assert (await api(http, "conversations.history", channel="C1"))["ok"]
    finally:
        await server.stop()


async def test_the_call_log_tells_how_fast_posts_came(web, slack, clock):
    for n in range(3):
        posted = await web.chat_postMessage(channel=INCIDENTS, text=f"{n}")
        clock.forward(2)
    for n in range(4):
        await web.chat_update(channel=INCIDENTS, ts=posted["ts"], text=f"edit {n}")
    rates = (await slack.rates())[INCIDENTS]
    assert rates["posts"] == 3
    assert rates["max_posts_per_second"] == 1
    assert rates["max_edits_per_minute"] == 4
