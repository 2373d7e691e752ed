"""HTTP mode over real HTTP: what Slack signed is taken, the rest refused, told apart, counted."""

import asyncio
import io
import json
import re
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from urllib.parse import urlencode

import aiohttp
import pytest
from aiohttp import web
from slack_sdk.web.async_client import AsyncWebClient
from structlog.testing import capture_logs

from bot.adapters.prometheus import PrometheusTelemetry
from bot.adapters.slack_budget import SlackBudget
from bot.adapters.slack_calls import SlackCalls
from bot.demo.localslack import Driver, LocalSlack
from bot.demo.localslack.faults import Fault
from bot.demo.localslack.httpdelivery import signed
from bot.slack import bolt
from bot.slack import http as front_module
from bot.slack.answers import Answers
from bot.slack.http import PATH, HttpFront
from bot.slack.listeners import Listeners
from bot.web import health
from tests.support.fakes import FakeTelemetry

SECRET = "demo-signing-secret"
DEADLINE = 10.0
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}
MIB = 1024 * 1024
ZEROS = "v0=" + 64 * "0"


@dataclass(kw_only=True)
class Door:
    """The bot's web side, the local Slack, and a person at the keyboard."""

    server: LocalSlack
    slack: Driver
    session: aiohttp.ClientSession
    front: HttpFront
    telemetry: FakeTelemetry
    url: str

    async def knock(self, body, headers, *, method="POST", path=PATH):
        async with self.session.request(
            method, self.url + path, data=body, headers=headers
        ) as response:
            return response.status, await response.text()

    async def counted(self):
        """How many requests ended how, as the metrics page says."""
        _, page = await self.knock(None, {}, method="GET", path="/metrics")
        row = r'^bullhorn_slack_requests_total\{result="(\w+)"\} (\S+)'
        rows = re.findall(row, page, re.MULTILINE)
        return {result: float(count) for result, count in rows}


@pytest.fixture
async def door(office):
    async with AsyncExitStack() as stack:
        server = LocalSlack()
        await server.start()
        stack.push_async_callback(server.stop)
        session = await stack.enter_async_context(aiohttp.ClientSession())
        slack = await stack.enter_async_context(Driver(server.url, user="U0BOB", timeout=DEADLINE))
        client = AsyncWebClient(
            token="xoxb-demo", base_url=server.api_url, session=session, retry_handlers=[]
        )
        budget = SlackBudget(post_gap=0.01, edit_gap=0.01)
        stack.push_async_callback(budget.aclose)
        telemetry, prometheus = FakeTelemetry(), PrometheusTelemetry()
        calls = SlackCalls(count=prometheus.slack_call)
        heard = Listeners(
            toolbox=office.toolbox,
            answers=Answers(client=client, calls=calls, session=session, budget=budget),
            telemetry=telemetry,
        )
        stack.push_async_callback(heard.drain, DEADLINE)
        app = bolt.build(client=client, token="xoxb-demo", signing_secret=SECRET, listeners=heard)
        front = HttpFront(app=app, count=prometheus.slack_request)
        pages = health.build(
            ready=lambda: {"slack": front.connected}, exposition=prometheus.exposition
        )
        front.add_to(pages)
        runner = web.AppRunner(pages, access_log=None)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        server.deliver_to(url + PATH)
        yield Door(
            server=server, slack=slack, session=session, front=front, telemetry=telemetry, url=url
        )


def command(text="help"):
    return urlencode(
        {"command": "/queue", "text": text, "user_id": "U0BOB", "channel_id": "C0INCIDENTS"}
    )


def now(seconds=0):
    return int(time.time()) + seconds


def drawn(message):
    return message.text.replace("*", "").replace("`", "")


async def test_what_slack_signed_is_acknowledged_answered_and_counted(door):
    assert (await door.slack.command("/queue failed order-provisioning"))["ok"]
    answer = await door.slack.wait_for("3 × WHMCS_ERROR")
    assert answer.ephemeral
    assert (await door.slack.click("Show jobs", message=answer))["ok"]
    await door.slack.wait_for("newest first")
    assert await door.counted() == {"ok": 2}


async def test_the_ack_is_empty_so_that_slack_shows_nothing_of_its_own(door):
    body = command("status")
    assert await door.knock(body, {**FORM, **signed(body, SECRET)}) == (200, "")


STAMP, SIGNATURE = "X-Slack-Request-Timestamp", "X-Slack-Signature"
FORGED = [
    ("bad_signature", lambda body: signed(body, "another-secret")),
    ("bad_signature", lambda body: signed(body + " ", SECRET)),
    ("bad_signature", lambda body: signed(body, SECRET) | {STAMP: str(now(-1))}),
    ("bad_signature", lambda body: {STAMP: str(now())}),
    ("bad_signature", lambda body: {SIGNATURE: ZEROS}),
    ("bad_signature", lambda body: {}),
    ("bad_signature", lambda body: signed(body, SECRET) | {SIGNATURE: ""}),
    ("bad_signature", lambda body: signed(body, SECRET) | {SIGNATURE: "v0=é"}),
    ("bad_signature", lambda body: signed(body, SECRET) | {STAMP: "soon"}),
    ("bad_signature", lambda body: signed(body, SECRET) | {STAMP: "٣"}),
    ("bad_signature", lambda body: signed(body, SECRET) | {STAMP: "-1"}),
    ("bad_signature", lambda body: signed(body, SECRET) | {STAMP: 5000 * "9"}),
    ("stale", lambda body: signed(body, SECRET, at=now(-301))),
    ("stale", lambda body: signed(body, SECRET, at=now(302))),
    ("stale", lambda body: {STAMP: "0", SIGNATURE: ZEROS}),
]


@pytest.mark.parametrize(("result", "headers"), FORGED)
async def test_what_slack_did_not_sign_just_now_is_refused_and_does_nothing(door, result, headers):
    body = command("retry order-provisioning w0")
    with capture_logs() as log:
        status, _ = await door.knock(body, {**FORM, **headers(body)})
    assert status == 401
    assert await door.counted() == {result: 1}
    assert door.telemetry.commands == []
    assert [one["result"] for one in log if one["event"] == "a request was not taken"] == [result]


async def test_a_request_of_five_minutes_ago_is_just_young_enough(door):
    body = command()
    assert (await door.knock(body, {**FORM, **signed(body, SECRET, at=now(-295))}))[0] == 200
    assert await door.counted() == {"ok": 1}


MALFORMED = [
    (b"\xff\xfe=1", FORM),
    (b"{", JSON),
    (b"[]", JSON),
    (b"null", JSON),
    (b'{"a":' * 20_000, JSON),
    (b"payload=%7B", FORM),
    (b"payload=1", FORM),
    (b"not gzip", {**JSON, "Content-Encoding": "gzip"}),
]


@pytest.mark.parametrize(("body", "headers"), MALFORMED)
async def test_what_cannot_be_read_is_refused_before_anything_is_made_of_it(door, body, headers):
    assert (await door.knock(body, headers))[0] == 400
    assert await door.counted() == {"malformed": 1}


async def test_a_charset_that_does_not_exist_changes_nothing(door):
    body = command()
    headers = {"Content-Type": f"{FORM['Content-Type']}; charset=klingon", **signed(body, SECRET)}
    assert (await door.knock(body, headers))[0] == 200
    assert await door.counted() == {"ok": 1}


@pytest.mark.parametrize("has_length", [True, False])
async def test_a_huge_body_is_not_read_to_its_end(door, has_length):
    async def chunks():
        for _ in range(3):
            yield b"x" * MIB

    body = io.BytesIO(b"x" * 3 * MIB) if has_length else chunks()
    assert (await door.knock(body, FORM))[0] == 413
    assert await door.counted() == {"too_large": 1}


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD"])
async def test_slack_only_posts(door, method):
    async with door.session.request(method, door.url + PATH) as response:
        assert (response.status, response.headers["Allow"]) == (405, "POST")
    assert await door.counted() == {"not_post": 1}


async def test_the_challenge_of_a_new_address_is_answered_when_it_is_signed(door):
    body = json.dumps({"type": "url_verification", "challenge": "3eZbrw1a"})
    status, answer = await door.knock(body, {**JSON, **signed(body, SECRET)})
    assert (status, json.loads(answer)) == (200, {"challenge": "3eZbrw1a"})
    status, answer = await door.knock(body, JSON)
    assert status == 401
    assert "3eZbrw1a" not in answer
    assert await door.counted() == {"ok": 1, "bad_signature": 1}


async def test_slacks_check_of_the_certificate_needs_no_signature(door):
    assert await door.knock("ssl_check=1&token=anything", FORM) == (200, "")
    assert await door.counted() == {"ok": 1}


async def test_what_nobody_listens_to_is_counted_as_such(door):
    body = urlencode({"command": "/other", "text": ""})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(door.front._app._framework_logger, "disabled", True)
        assert (await door.knock(body, {**FORM, **signed(body, SECRET)}))[0] == 404
    assert await door.counted() == {"unhandled": 1}


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(front_module, "_FIRST_WAIT", 0.02)
    monkeypatch.setattr(front_module, "_LONGEST_WAIT", 0.05)


@pytest.mark.parametrize("kind", ["http500", "ratelimited", "reset", "error:fatal_error"])
async def test_it_is_ready_once_slack_knows_the_token_and_not_before(door, quick, kind):
    faults = door.server.ctx.faults.rules
    faults.append(Fault(method="auth.test", kind=kind, times=1_000))
    assert await ready(door) == 503
    await door.front.start()
    await door.slack.wait_for_calls("auth.test", 2)
    assert await ready(door) == 503
    faults.clear()
    async with asyncio.timeout(DEADLINE):
        while await ready(door) != 200:  # noqa: ASYNC110 - asked over HTTP
            await asyncio.sleep(0.01)
    *before, last = [call["ok"] for call in await door.slack.calls("auth.test")]
    assert (any(before), last) == (False, True)
    await door.front.stop()


async def test_it_stops_while_slack_still_does_not_answer(door, quick):
    door.server.ctx.faults.rules.append(Fault(method="auth.test", kind="hang"))
    await door.front.start()
    await door.slack.wait_for_calls("auth.test", 1)
    assert await ready(door) == 503
    async with asyncio.timeout(DEADLINE):
        await door.front.stop()


async def ready(door):
    return (await door.knock(None, {}, method="GET", path="/readyz"))[0]
