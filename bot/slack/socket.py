"""Socket Mode: keeps a connection to Slack, from the first moment Slack answers.

HTTP mode will stand beside this file and take the same Bolt app.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

import aiohttp
import structlog
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError

_log = structlog.get_logger(__name__)
_FIRST_WAIT: Final = 1.0
_LONGEST_WAIT: Final = 30.0


class SocketFront:
    """Connects, and stays connected: slack_sdk renews the connection, this makes the first one."""

    def __init__(self, *, app: AsyncApp, app_token: str) -> None:
        self._handler = AsyncSocketModeHandler(app, app_token, web_client=app.client)
        self._connecting: asyncio.Task[None] | None = None

    @property
    def connected(self) -> bool:
        """Whether Slack can reach us now."""
        session = self._handler.client.current_session
        return session is not None and not session.closed

    async def start(self) -> None:
        """Begin to connect, in the background: the rest of the bot does not wait for Slack."""
        self._connecting = asyncio.create_task(self._connect(), name="slack-connect")

    async def stop(self) -> None:
        """Close the connection."""
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.gather(self._connecting, return_exceptions=True)
        await self._handler.close_async()  # type: ignore[no-untyped-call]

    async def _connect(self) -> None:
        wait = _FIRST_WAIT
        while True:
            try:
                await self._handler.connect_async()  # type: ignore[no-untyped-call]
            except (SlackApiError, aiohttp.ClientError, TimeoutError, OSError) as error:
                _log.warning("Slack does not let us connect", reason=_reason(error), again_in=wait)
                await asyncio.sleep(wait)
                wait = min(wait * 2, _LONGEST_WAIT)
            else:
                _log.info("connected to Slack")
                return


def _reason(error: BaseException) -> Any:
    if isinstance(error, SlackApiError):
        return error.response.get("error") or error.response.status_code
    return type(error).__name__
