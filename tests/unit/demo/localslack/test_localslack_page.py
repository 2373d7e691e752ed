import asyncio
import io

import aiohttp
import pytest

from bot.demo.localslack import Driver, LocalSlack
from bot.demo.localslack.fixtures import ALICE, INCIDENTS
from bot.demo.localslack.shown import Shown


class FakeWorld:
    def __init__(self):
        self.down = False

    async def snapshot(self):
        return {"queues": [], "systems": [], "switches": [{"id": "down", "on": self.down}]}

    async def switch(self, switch_id, on):
        if switch_id != "down":
            raise ValueError(f"no switch {switch_id!r}")
        self.down = on
        return await self.snapshot()


async def test_the_page_and_its_parts_are_served(http):
    async with http.get("/") as response:
        page = await response.text()
        assert response.status == 200
        assert "default-src 'self'" in response.headers["Content-Security-Policy"]
    for path in ("/static/app.js", "/static/base.css", "/static/bullhorn.svg"):
        assert path in page
        async with http.get(path) as response:
            assert response.status == 200
    async with http.get(f"/archives/{INCIDENTS}/p1700000000000001") as response:
        assert response.status == 200


async def test_nothing_comes_from_another_host(http):
    async with http.get("/") as response:
        assert "//" not in (await response.text()).replace("<!doctype html>", "")


async def test_other_sites_cannot_press_buttons(http):
    for site in ("cross-site", "same-site"):
        headers = {"Sec-Fetch-Site": site}
        async with http.post("/local/reset", json={}, headers=headers) as response:
            assert response.status == 403
    async with http.post("/local/reset", json={}) as response:
        assert response.status == 200


async def test_the_world_behind_the_page():
    server = LocalSlack(world=FakeWorld())
    await server.start()
    try:
        async with Driver(server.url) as slack:
            assert (await slack.state())["has_world"] is True
            flipped = await slack.post("/world/switch", {"id": "down", "on": True})
            assert flipped["switches"][0]["on"] is True
            assert (await slack.get("/world"))["switches"][0]["on"] is True
            unknown = await slack.post("/world/switch", {"id": "up", "on": True})
            assert "no switch" in unknown["detail"]
    finally:
        await server.stop()


async def test_without_a_world(slack):
    assert (await slack.state())["has_world"] is False
    assert (await slack.get("/world"))["error"] == "no_world"
    assert (await slack.post("/world/switch", {"id": "x", "on": True}))["error"] == "no_world"


async def test_the_stream_tells_each_person_what_is_theirs(http, web):
    alice = await http.ws_connect(f"/local/stream?user={ALICE}")
    bob = await http.ws_connect("/local/stream?user=U0BOB")
    await web.chat_postEphemeral(channel=INCIDENTS, user=ALICE, text="only Alice")
    posted = await web.chat_postMessage(channel=INCIDENTS, text="everyone")
    await web.chat_delete(channel=INCIDENTS, ts=posted["ts"])
    assert (await alice.receive_json(timeout=3))["message"]["text"] == "only Alice"
    for person in (alice, bob):
        assert (await person.receive_json(timeout=3))["message"]["text"] == "everyone"
        removed = await person.receive_json(timeout=3)
        assert removed == {"type": "removed", "channel": INCIDENTS, "ts": posted["ts"]}
        await person.close()


async def test_waiting_fails_with_what_was_on_the_screen(slack, web):
    await web.chat_postMessage(channel=INCIDENTS, text="all is well")
    with pytest.raises(AssertionError, match=r"'fire' did not appear[\s\S]*all is well"):
        await slack.wait_for("fire", timeout=0.1)
    with pytest.raises(AssertionError, match="still there"):
        await slack.wait_until_gone("all is well", timeout=0.1)
    with pytest.raises(AssertionError, match="no modal is open"):
        await slack.wait_for_modal("Retry", timeout=0.1)
    with pytest.raises(AssertionError, match="has not opened 1"):
        await slack.wait_for_connection(timeout=0.1)


async def test_waiting_ends_as_soon_as_it_is_there(slack, web):
    waiting = asyncio.create_task(slack.wait_for(lambda m: m.color == "#2eb67d"))
    await web.chat_postMessage(
        channel=INCIDENTS, text="up", attachments=[{"color": "good", "text": "well"}]
    )
    assert "well" in (await waiting).text


async def test_reset_forgets_everything(slack, web):
    await web.chat_postMessage(channel=INCIDENTS, text="old")
    await slack.reset()
    assert await slack.messages() == []
    assert await slack.calls() == []


async def test_after_a_stop_it_goes_on_with_what_it_had(server, slack, web):
    await web.chat_postMessage(channel=INCIDENTS, text="before the outage")
    port = int(server.url.rsplit(":", 1)[1].strip("/"))
    await server.stop()
    with pytest.raises(aiohttp.ClientError):
        await slack.state()
    await server.start(port=port)
    await slack.wait_for("before the outage")


async def test_names_become_mentions(slack):
    await slack.say("ask @Bob or @nobody, mail a@bob")
    assert (await slack.last()).raw["text"] == "ask <@U0BOB> or @nobody, mail a@bob"


async def test_a_taken_port_is_reported(server):
    second = LocalSlack()
    with pytest.raises(OSError):
        await second.start(port=int(server.url.rsplit(":", 1)[1].strip("/")))
    await second.stop()


async def test_large_bodies_are_refused(http):
    body = io.BytesIO(b"x" * 9_000_000)
    async with http.post("/response/T/none", data=body) as response:
        assert response.status == 413


def test_text_reads_like_the_screen():
    section = {
        "type": "section",
        "text": {
            "type": "mrkdwn",
            "text": "since <!date^1^{time}|03:01> &lt;b&gt; <https://e.com|Runbook>",
        },
        "accessory": {
            "type": "button",
            "action_id": "a",
            "text": {"type": "plain_text", "text": "Go"},
        },
    }
    table = {
        "type": "data_table",
        "caption": "Queues",
        "rows": [
            [{"type": "raw_text", "text": "mail"}, {"type": "raw_number", "value": 3}],
        ],
    }
    raw = {"ts": "1.000001", "ephemeral": False, "text": "fallback", "blocks": [section, table]}
    shown = Shown(raw)
    assert shown.text == "since 03:01 <b> Runbook\nQueues\nmail | 3"
    assert shown.labels == ["Go"]
    assert shown.fallback == "fallback"
