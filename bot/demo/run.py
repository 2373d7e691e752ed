"""`bullhorn demo`: starts everything in one process tree, says where, and ends it all cleanly."""

from __future__ import annotations

import asyncio
import signal
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from bot.demo.bots import Bots, WithBots
from bot.demo.localslack.fixtures import DEFAULT_WORKSPACE
from bot.demo.localslack.server import LocalSlack
from bot.demo.workload.config import DEMO_CONFIG
from bot.demo.workload.valkey import EmbeddedValkey
from bot.demo.workload.world import World
from bot.errors import ConfigError


def run_demo(*, port: int) -> int:
    """Run until Ctrl-C or SIGTERM; returns the exit code.

    Raises:
        ConfigError: the port is taken, or the embedded Valkey cannot start here.
    """
    return asyncio.run(_Demo(port=port).run())


class _Demo:
    """The process tree: Valkey, the portal's workload, Salesforce, the local Slack, the bots."""

    def __init__(self, *, port: int) -> None:
        self._port = port

    async def run(self) -> int:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for sign in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(sign, stop.set)
        async with AsyncExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="bullhorn-demo-"))
            try:
                valkey = await stack.enter_async_context(EmbeddedValkey())
            except RuntimeError as error:
                raise ConfigError(str(error)) from error
            world = World(redis_url=valkey.url)
            panel = WithBots(world)
            slack = LocalSlack(world=panel)
            await self._listen(slack)
            stack.push_async_callback(slack.stop)
            await stack.enter_async_context(world)
            environment = environment_of(slack_api=slack.api_url, redis_url=valkey.url)
            panel.bots = bots = Bots(
                folder=Path(folder), environment={**environment, **world.salesforce.environment}
            )
            stack.push_async_callback(bots.stop)
            await bots.start()
            sys.stdout.write(f"Bullhorn demo: {slack.url} (Ctrl-C ends it)\n")
            sys.stdout.flush()
            return await _until(stop, bots)

    async def _listen(self, slack: LocalSlack) -> None:
        try:
            await slack.start(port=self._port)
        except OSError as error:
            raise ConfigError(
                f"port {self._port} cannot be used: {error.strerror}. "
                "Another one: make demo PORT=8081"
            ) from error


def environment_of(*, slack_api: str, redis_url: str) -> dict[str, str]:
    """What each Bullhorn is told, but for Salesforce."""
    return {
        "REDIS_URL": redis_url,
        "SLACK_BOT_TOKEN": DEFAULT_WORKSPACE.bot_token,
        "SLACK_APP_TOKEN": DEFAULT_WORKSPACE.app_token,
        "SLACK_API_URL": slack_api,
        "BULLHORN_CONFIG": str(DEMO_CONFIG),
        "LOG_FORMAT": "console",
    }


async def _until(stop: asyncio.Event, bots: Bots) -> int:
    """Wait for the order to stop; a bot that ends by itself is shown with its last words."""
    stopped = asyncio.ensure_future(stop.wait())
    either: set[asyncio.Future[Any]] = {bots.ended, stopped}
    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    if stop.is_set():
        return 0
    stopped.cancel()
    sys.stderr.write(bots.ended.result())
    return 1
