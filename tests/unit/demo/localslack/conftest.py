"""A local Slack on a free port, a web client of the bot, and a clock that tests can move."""

import time

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.demo.localslack import Driver, LocalSlack, WorkspaceConfig


class Clock:
    def __init__(self):
        self.offset = 0.0

    def __call__(self):
        return time.time() + self.offset

    def forward(self, seconds):
        self.offset += seconds


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
async def server(clock):
    running = LocalSlack(WorkspaceConfig(ack_timeout=0.4), clock=clock)
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
async def http(server):
    async with aiohttp.ClientSession(base_url=server.url) as session:
        yield session


@pytest.fixture
async def web(server, http):
    return AsyncWebClient(token="xoxb-demo", base_url=server.api_url, retry_handlers=[])


@pytest.fixture
async def slack(server):
    async with Driver(server.url, timeout=3) as driver:
        yield driver


class App:
    """The smallest app there can be: one socket, events in a list, answers on request."""

    def __init__(self, ws):
        self.ws = ws

    async def hello(self):
        return await self.ws.receive_json(timeout=3)

    async def event(self):
        return await self.ws.receive_json(timeout=3)

    async def ack(self, envelope, payload=None):
        answer = {"envelope_id": envelope["envelope_id"]}
        if payload is not None:
            answer["payload"] = payload
        await self.ws.send_json(answer)


@pytest.fixture
async def connect(http):
    async def open_socket():
        headers = {"Authorization": "Bearer xapp-demo"}
        async with http.post("/api/apps.connections.open", headers=headers) as response:
            url = (await response.json())["url"]
        return App(await http.ws_connect(url))

    return open_socket


@pytest.fixture
async def app(connect):
    connected = await connect()
    await connected.hello()
    yield connected
    await connected.ws.close()
