"""The bot's Slack side on a real Socket Mode connection to the local Slack; fakes behind it."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.adapters.slack_budget import SlackBudget
from bot.adapters.slack_calls import SlackCalls
from bot.demo.localslack import Driver, LocalSlack, WorkspaceConfig
from bot.slack import bolt, listeners
from bot.slack.answers import Answers
from bot.slack.listeners import Listeners
from bot.slack.socket import SocketFront
from tests.support.fakes import FakeQueues, FakeTelemetry
from tests.support.toolbox import Office

DEADLINE = 10.0
"""Seconds that a test waits for what must come."""


class MoodyQueues(FakeQueues):
    """Queues that answer `sample` when `gate` is open, or break with `failure`."""

    def __init__(self, clock):
        super().__init__(clock)
        self.gate = asyncio.Event()
        self.gate.set()
        self.failure = None
        self.asked = 0

    async def sample(self, requests):
        self.asked += 1
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        return await super().sample(requests)


@pytest.fixture
def queues(clock):
    return MoodyQueues(clock)


@dataclass(kw_only=True)
class Floor:
    """The local Slack, a person at the keyboard, and the bot."""

    server: LocalSlack
    slack: Driver
    office: Office
    listeners: Listeners
    front: SocketFront
    telemetry: FakeTelemetry

    def used_up(self):
        """From now on no response URL that was handed out works."""
        for ticket in self.server.ctx.tickets._responses.values():
            ticket.uses_left = 0

    def called(self, method):
        return [call for call in self.server.ctx.calls.select(method=method) if call["ok"]]


@pytest.fixture
async def floor(office):
    async with AsyncExitStack() as stack:
        server = LocalSlack(WorkspaceConfig(ack_timeout=1.5))
        await server.start()
        stack.push_async_callback(server.stop)
        session = await stack.enter_async_context(aiohttp.ClientSession())
        slack = await stack.enter_async_context(Driver(server.url, user="U0BOB", timeout=DEADLINE))
        client = AsyncWebClient(
            token="xoxb-demo", base_url=server.api_url, session=session, retry_handlers=[]
        )
        calls = SlackCalls(count=lambda method, result: None)
        budget = SlackBudget(post_gap=0.01, edit_gap=0.01)
        stack.push_async_callback(budget.aclose)
        telemetry = FakeTelemetry()
        heard = Listeners(
            toolbox=office.toolbox,
            answers=Answers(client=client, calls=calls, session=session, budget=budget),
            telemetry=telemetry,
        )
        app = bolt.build(client=client, token="xoxb-demo", signing_secret=None, listeners=heard)
        front = SocketFront(app=app, app_token="xapp-demo")
        await front.start()
        stack.push_async_callback(front.stop)
        stack.push_async_callback(heard.drain, DEADLINE)
        stack.callback(office.queues.gate.set)
        await slack.wait_for_connection()
        yield Floor(
            server=server, slack=slack, office=office, listeners=heard, front=front,
            telemetry=telemetry,
        )  # fmt: skip


@pytest.fixture
def impatient(monkeypatch):
    """Whoever waits for longer than a moment is told that it goes on."""
    monkeypatch.setattr(listeners, "PATIENCE", 0.1)
