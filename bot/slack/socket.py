"""Socket Mode: keeps a connection to Slack, from the first moment Slack answers."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

import structlog
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp

_log = structlog.get_logger(__name__)
_LOOK_EVERY: Final = 2.0


def _brief(record: logging.LogRecord) -> bool:
    """While Slack is away slack_sdk says so every few seconds: a line each will do."""
    record.exc_info = None
    return True


class SocketFront:
    """Connects, and stays connected: slack_sdk tries for ever, this gives it fresh addresses.

    An address from Slack is good for one use and a short time, but slack_sdk tries the same one
    again and again after a failed handshake.
    """

    def __init__(self, *, app: AsyncApp, app_token: str) -> None:
        logger = logging.getLogger("slack_bolt.socket")
        logger.addFilter(_brief)
        self._handler = AsyncSocketModeHandler(app, app_token, logger=logger, web_client=app.client)
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def connected(self) -> bool:
        """Whether Slack can reach us now."""
        session = self._handler.client.current_session
        return session is not None and not session.closed

    async def start(self) -> None:
        """Begin to connect, in the background: the rest of the bot does not wait for Slack."""
        self._tasks = [
            asyncio.create_task(self._connect(), name="slack-connect"),
            asyncio.create_task(self._refresh(), name="slack-refresh"),
        ]

    async def stop(self) -> None:
        """Close the connection."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._handler.close_async()  # type: ignore[no-untyped-call]

    async def _connect(self) -> None:
        await self._handler.connect_async()  # type: ignore[no-untyped-call]
        _log.info("connected to Slack")

    async def _refresh(self) -> None:
        was_connected = True
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            if not self.connected and not was_connected:
                self._handler.client.wss_uri = None
            was_connected = self.connected
