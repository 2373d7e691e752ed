"""Starting and stopping whole apps: `bullhorn run` and what stands beside it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiohttp

from bot.demo.localslack.server import LocalSlack
from tests.bench.peers import ROOT, environment
from tests.support.ports import free_port

PATIENCE: Final = 60.0
_LOOK_EVERY: Final = 0.005


@dataclass(frozen=True)
class App:
    """A running process, and where its web side listens."""

    process: Process
    port: int
    log: Path


@asynccontextmanager
async def app(
    module: str, *more: str, slack: LocalSlack, redis: str, log: Path
) -> AsyncIterator[App]:
    """Start a Python module as an app of that Slack; it ends with the block."""
    port = free_port()
    env = {
        **environment(),
        "REDIS_URL": redis,
        "SLACK_BOT_TOKEN": slack.config.bot_token,
        "SLACK_APP_TOKEN": slack.config.app_token,
        "SLACK_API_URL": slack.api_url,
        "PORT": str(port),
    }
    env.pop("BULLHORN_CONFIG", None)
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", module, *more, stdout=out, stderr=out, env=env, cwd=ROOT
        )
    try:
        yield App(process, port, log)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def until_ready(one: App) -> None:
    """Wait until /readyz answers 200.

    Raises:
        RuntimeError: it does not; with what the app logged.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + PATIENCE
    async with aiohttp.ClientSession() as session:
        while loop.time() < deadline and one.process.returncode is None:
            if await _is_ready(session, one.port):
                return
            await asyncio.sleep(_LOOK_EVERY)
    raise RuntimeError(f"not ready:\n{one.log.read_text('utf-8')}")


async def _is_ready(session: aiohttp.ClientSession, port: int) -> bool:
    try:
        async with session.get(f"http://127.0.0.1:{port}/readyz") as response:
            return response.status == 200
    except aiohttp.ClientError:
        return False


async def until_connected(slack: LocalSlack) -> None:
    """Wait until an app has opened its socket."""
    async with asyncio.timeout(PATIENCE):
        while not slack.sockets.ready:  # noqa: ASYNC110 - it is another process that does it
            await asyncio.sleep(_LOOK_EVERY)


def python(code: str) -> str:
    """Run a few lines in a fresh interpreter and give what they print."""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout
