"""`bullhorn demo`: starts everything in one process tree, says where, and ends it all cleanly."""

from __future__ import annotations

import asyncio
import signal
import sys
import tempfile
from asyncio.subprocess import Process
from contextlib import AsyncExitStack
from pathlib import Path
from typing import IO, Final

from bot.demo.localslack.fixtures import DEFAULT_WORKSPACE
from bot.demo.localslack.server import LocalSlack
from bot.demo.workload import child
from bot.demo.workload.config import DEMO_CONFIG
from bot.demo.workload.ports import free_port
from bot.demo.workload.valkey import EmbeddedValkey
from bot.demo.workload.world import World
from bot.errors import ConfigError

_BOT_STOP: Final = 15.0
"""Seconds the bot gets to end by itself."""
_LOG_TAIL: Final = 20


def run_demo(*, port: int) -> int:
    """Run until Ctrl-C or SIGTERM; returns the exit code.

    Raises:
        ConfigError: the port is taken, or the embedded Valkey cannot start here.
    """
    return asyncio.run(_Demo(port=port).run())


class _Demo:
    """The process tree: Valkey, the portal's workload, Salesforce, the local Slack, the bot."""

    def __init__(self, *, port: int) -> None:
        self._port = port

    async def run(self) -> int:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for sign in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(sign, stop.set)
        async with AsyncExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="bullhorn-demo-"))
            log = stack.enter_context((Path(folder) / "bot.log").open("w+b"))
            try:
                valkey = await stack.enter_async_context(EmbeddedValkey())
            except RuntimeError as error:
                raise ConfigError(str(error)) from error
            world = World(redis_url=valkey.url)
            slack = LocalSlack(world=world)
            await self._listen(slack)
            stack.push_async_callback(slack.stop)
            await stack.enter_async_context(world)
            bot = await self._start_bot(slack, world, valkey.url, log)
            stack.push_async_callback(child.stop, bot, within=_BOT_STOP)
            sys.stdout.write(f"Bullhorn demo: {slack.url} (Ctrl-C ends it)\n")
            sys.stdout.flush()
            return await _until(stop, bot, log)

    async def _listen(self, slack: LocalSlack) -> None:
        try:
            await slack.start(port=self._port)
        except OSError as error:
            raise ConfigError(
                f"port {self._port} cannot be used: {error.strerror}. "
                "Another one: make demo PORT=8081"
            ) from error

    async def _start_bot(
        self, slack: LocalSlack, world: World, redis_url: str, log: IO[bytes]
    ) -> Process:
        environment = {
            "REDIS_URL": redis_url,
            "SLACK_BOT_TOKEN": DEFAULT_WORKSPACE.bot_token,
            "SLACK_APP_TOKEN": DEFAULT_WORKSPACE.app_token,
            "SLACK_API_URL": slack.api_url,
            "BULLHORN_CONFIG": str(DEMO_CONFIG),
            "PORT": str(free_port()),
            "LOG_FORMAT": "console",
            **world.salesforce.environment,
        }
        return await child.spawn("bot.demo.bot_process", stdout=log, env=environment)


async def _until(stop: asyncio.Event, bot: Process, log: IO[bytes]) -> int:
    """Wait for the order to stop; a bot that ends by itself is shown with its last words."""
    ended = asyncio.ensure_future(bot.wait())
    stopped = asyncio.ensure_future(stop.wait())
    await asyncio.wait({ended, stopped}, return_when=asyncio.FIRST_COMPLETED)
    if stop.is_set():
        ended.cancel()
        return 0
    stopped.cancel()
    code = await ended
    log.seek(0)
    lines = log.read().decode(errors="replace").splitlines()[-_LOG_TAIL:]
    sys.stderr.write(
        "\n".join([f"The bot has stopped (exit code {code}). Its last words:", *lines, ""])
    )
    return 1
