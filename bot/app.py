"""Starts and stops the parts; signals."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import structlog
from aiohttp import web

from bot.errors import ConfigError

_log = structlog.get_logger(__name__)
_DRAIN: Final = 8.0
"""Seconds that answers under way get at the end."""


class Front(Protocol):
    """The connection to Slack."""

    async def start(self) -> None:
        """Begin; must not wait for Slack."""

    async def stop(self) -> None:
        """End."""


class Clock(Protocol):
    """The scheduled jobs."""

    def start(self) -> None:
        """Begin."""

    async def stop(self) -> None:
        """Let what runs finish, then end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What wiring put together. `closers` run at the end, in order."""

    schedule: Clock
    front: Front
    pages: web.Application
    port: int
    drain: Callable[[float], Awaitable[None]]
    closers: Sequence[Callable[[], Awaitable[None]]]


async def serve(parts: Parts) -> None:
    """Run until SIGTERM or SIGINT, then end in an order that loses nothing.

    Raises:
        ConfigError: the port is taken.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, stop.set)
    runner = web.AppRunner(parts.pages, access_log=None)
    try:
        await runner.setup()
        await _listen(runner, parts.port)
        parts.schedule.start()
        await parts.front.start()
        _log.info("running", port=parts.port)
        await stop.wait()
    finally:
        _log.info("stopping")
        await parts.front.stop()
        await parts.drain(_DRAIN)
        await parts.schedule.stop()
        for close in parts.closers:
            await close()
        await runner.cleanup()
        _log.info("stopped")


async def _listen(runner: web.AppRunner, port: int) -> None:
    try:
        await web.TCPSite(runner, port=port).start()
    except OSError as error:
        raise ConfigError(f"PORT {port} cannot be listened on: {error.strerror}.") from error
