"""HTTP mode: Slack posts commands and buttons to `/slack/events`; Bolt checks the signature."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

import aiohttp
import structlog
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError

PATH: Final = "/slack/events"
_STALE_AFTER: Final = 300
"""Seconds after which Slack's own library takes a signed request for a replay."""
_REFUSED: Final = 401
_FIRST_WAIT: Final = 1.0
_LONGEST_WAIT: Final = 30.0
_log = structlog.get_logger(__name__)


class HttpFront:
    """Takes Slack's requests. `count` gets the result of each: ok, stale, bad_signature."""

    def __init__(self, *, app: AsyncApp, count: Callable[[str], None]) -> None:
        self._app = app
        self._count = count
        self._greeting: asyncio.Task[None] | None = None
        self.connected = False

    def add_to(self, pages: web.Application) -> None:
        """Put the endpoint beside the health pages."""
        pages.router.add_post(PATH, self._handle)

    async def start(self) -> None:
        """Ask Slack, in the background and until it answers, whether it knows our token."""
        self._greeting = asyncio.create_task(self._greet(), name="slack-greet")

    async def stop(self) -> None:
        """Nothing is held open; requests under way are drained by the server."""
        if self._greeting is not None:
            self._greeting.cancel()
            await asyncio.gather(self._greeting, return_exceptions=True)

    async def _handle(self, request: web.Request) -> web.Response:
        try:
            bolt_request = await to_bolt_request(request)
        except UnicodeDecodeError:
            self._count("bad_signature")
            return web.Response(status=400, text="not UTF-8")
        response = await self._app.async_dispatch(bolt_request)
        self._count(_result(request, response.status))
        return await to_aiohttp_response(response)

    async def _greet(self) -> None:
        wait = _FIRST_WAIT
        while not self.connected:
            try:
                await self._app.client.auth_test()
                self.connected = True
                _log.info("Slack knows us")
            except (SlackApiError, aiohttp.ClientError, TimeoutError, OSError) as error:
                _log.warning("Slack does not answer yet", reason=type(error).__name__)
                await asyncio.sleep(wait)
                wait = min(wait * 2, _LONGEST_WAIT)


def _result(request: web.Request, status: int) -> str:
    if status != _REFUSED:
        return "ok"
    sent = request.headers.get("X-Slack-Request-Timestamp", "")
    is_old = sent.isascii() and sent.isdigit() and abs(time.time() - int(sent)) > _STALE_AFTER
    return "stale" if is_old else "bad_signature"
