"""HTTP mode: Slack posts commands and buttons to `/slack/events`; Bolt checks the signature."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Sequence
from typing import Final

import structlog
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response
from slack_bolt.async_app import AsyncApp, AsyncBoltRequest

PATH: Final = "/slack/events"
_STALE_AFTER: Final = 300
"""Seconds after which Slack's own library takes a signed request for a replay."""
_STAMP: Final = "X-Slack-Request-Timestamp"
_SIGNATURE: Final = "X-Slack-Signature"
_WELL_FORMED: Final = {
    _STAMP: re.compile(r"[0-9]{1,12}"),
    _SIGNATURE: re.compile(r"v0=[0-9a-f]{64}"),
}
_RESULTS: Final = {404: "unhandled", 500: "error"}
_REFUSED: Final = 401
_NOT_POST: Final = 405
_FIRST_WAIT: Final = 1.0
_LONGEST_WAIT: Final = 30.0
_log = structlog.get_logger(__name__)


class _NotTakenError(Exception):
    """A request that does not get as far as Bolt, by what is wrong with it."""

    def __init__(self, result: str, status: int) -> None:
        super().__init__(result)
        self.result = result
        self.status = status


class HttpFront:
    """Takes Slack's requests.

    `count` gets the result of each: ok; stale, bad_signature; not_post, too_large, malformed;
    unhandled (nobody listens to it), error.
    """

    def __init__(self, *, app: AsyncApp, count: Callable[[str], None]) -> None:
        self._app = app
        self._count = count
        self._greeting: asyncio.Task[None] | None = None
        self.connected = False

    def add_to(self, pages: web.Application) -> None:
        """Put the endpoint beside the health pages."""
        pages.router.add_route("*", PATH, self._handle)

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
            taken = await _read(request)
        except _NotTakenError as wrong:
            result, headers = wrong.result, {"Allow": "POST"} if wrong.status == _NOT_POST else None
            answer = web.Response(status=wrong.status, text=result, headers=headers)
        else:
            bolt_response = await self._app.async_dispatch(taken)
            result = _result(request, bolt_response.status)
            answer = await to_aiohttp_response(bolt_response)
        self._count(result)
        if result != "ok":
            _log.warning("a request was not taken", result=result)
        return answer

    async def _greet(self) -> None:
        wait = _FIRST_WAIT
        while not self.connected:
            try:
                await self._app.client.auth_test()
                self.connected = True
                _log.info("Slack knows us")
            except Exception as error:  # noqa: BLE001 - whatever it is: without this, never ready
                _log.warning("Slack does not answer yet", reason=type(error).__name__)
                await asyncio.sleep(wait)
                wait = min(wait * 2, _LONGEST_WAIT)


async def _read(request: web.Request) -> AsyncBoltRequest:
    """The request as Bolt takes it.

    Anyone can send one, and Bolt reads the body before it looks at the signature.
    """
    if request.method != "POST":
        raise _NotTakenError("not_post", _NOT_POST)
    try:
        # Slack's are UTF-8, whatever the request says of itself.
        body = (await request.read()).decode("utf-8")
        return AsyncBoltRequest(body=body, query=request.query_string, headers=_headers(request))
    except web.HTTPRequestEntityTooLarge:
        raise _NotTakenError("too_large", 413) from None
    except Exception:  # noqa: BLE001 - no JSON, no object, nested too deep, cut off, ...
        raise _NotTakenError("malformed", 400) from None


def _headers(request: web.Request) -> dict[str, str | Sequence[str]]:
    """The headers, without a stamp or signature that Slack's library would stumble over."""
    found: dict[str, str | Sequence[str]] = {
        name.lower(): request.headers[name] for name in request.headers
    }
    for name, pattern in _WELL_FORMED.items():
        if not pattern.fullmatch(request.headers.get(name, "")):
            found.pop(name.lower(), None)
    return found


def _result(request: web.Request, status: int) -> str:
    if status != _REFUSED:
        return _RESULTS.get(status, "ok")
    sent = request.headers.get(_STAMP, "")
    well_formed = _WELL_FORMED[_STAMP].fullmatch(sent)
    is_old = well_formed and abs(time.time() - int(sent)) > _STALE_AFTER
    return "stale" if is_old else "bad_signature"
