"""Starts and stops the parts; signals."""

from __future__ import annotations

import asyncio
import signal
from typing import Final

import structlog
from aiohttp import web

from bot.errors import ConfigError
from bot.wiring import Parts

_log = structlog.get_logger(__name__)
_DRAIN: Final = 8.0
"""Seconds that answers under way get at the end."""


async def serve(parts: Parts) -> None:
    """Run until SIGTERM or SIGINT, then end in an order that loses nothing.

    Raises:
        ConfigError: Slack refuses a token, or the port is taken.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, stop.set)
    runner = web.AppRunner(parts.pages, access_log=None)
    try:
        await runner.setup()
        await _listen(runner, parts.host, parts.port)
        await parts.preflight()
        await _run(parts, stop)
    finally:
        for close in parts.closers:
            await close()
        await runner.cleanup()


async def _run(parts: Parts, stop: asyncio.Event) -> None:
    parts.schedule.start()
    parts.work()
    await parts.front.start()
    _log.info("running", port=parts.port)
    try:
        await stop.wait()
    finally:
        _log.info("stopping")
        await parts.front.stop()
        await parts.drain(_DRAIN)
        await parts.schedule.stop()
        _log.info("stopped")


async def _listen(runner: web.AppRunner, host: str | None, port: int) -> None:
    try:
        await web.TCPSite(runner, host=host, port=port).start()
    except OSError as error:
        raise ConfigError(f"PORT {port} cannot be listened on: {error.strerror}.") from error
