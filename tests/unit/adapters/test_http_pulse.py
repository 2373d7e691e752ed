"""The heartbeat over HTTP: whatever happens, it never raises and never tells its address."""

import asyncio

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from structlog.testing import capture_logs

from bot.adapters import http_pulse
from bot.adapters.http_pulse import HttpPulse, NoPulse

PATH = "/ping/hunter2"


class Switch:
    """An outside dead-man's switch that answers with `status`."""

    def __init__(self):
        self.beats = []
        self.status = 200
        self.hang = asyncio.Event()
        self.hang.set()
        app = web.Application()
        app.router.add_route("*", PATH, self._beat)
        self.server = TestServer(app)

    async def _beat(self, request):
        self.beats.append(request.method)
        await self.hang.wait()
        return web.Response(status=self.status)


@pytest.fixture
async def switch():
    switch = Switch()
    await switch.server.start_server()
    yield switch
    switch.hang.set()
    await switch.server.close()


@pytest.fixture
async def session():
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def pulse(switch, session):
    return HttpPulse(url=str(switch.server.make_url(PATH)), session=session)


async def test_a_beat_is_one_get(pulse, switch):
    with capture_logs() as log:
        await pulse.beat()
        await pulse.beat()
    assert switch.beats == ["GET", "GET"]
    assert log == []


@pytest.mark.parametrize("status", [404, 500])
async def test_a_beat_that_is_not_taken_is_in_the_log(pulse, switch, status):
    switch.status = status
    with capture_logs() as log:
        await pulse.beat()
    [entry] = log
    assert (entry["log_level"], entry["status"]) == ("warning", status)
    assert "hunter2" not in str(log)


async def test_a_switch_that_is_away_is_in_the_log_without_its_address(pulse, switch):
    await switch.server.close()
    with capture_logs() as log:
        await pulse.beat()
    assert [entry["event"] for entry in log] == ["heartbeat failed"]
    assert "hunter2" not in str(log)


async def test_a_switch_that_never_answers_is_given_up(pulse, switch, monkeypatch):
    monkeypatch.setattr(http_pulse, "_TIMEOUT", aiohttp.ClientTimeout(total=0.1))
    switch.hang.clear()
    with capture_logs() as log:
        await pulse.beat()
    assert len(switch.beats) == 1
    assert "Timeout" in log[0]["reason"]


@pytest.mark.parametrize("url", ["no address at all", "http://", "http://[hunter2", "ftp://h/x"])
async def test_an_address_that_is_none_does_no_harm(session, url):
    with capture_logs() as log:
        await HttpPulse(url=url, session=session).beat()
    assert [entry["event"] for entry in log] == ["heartbeat failed"]
    assert "hunter2" not in str(log)


async def test_without_a_heartbeat_nothing_is_called():
    assert await NoPulse().beat() is None
