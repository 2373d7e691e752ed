"""Making the local Salesforce misbehave on purpose, one request at a time."""

import asyncio
import contextlib
from dataclasses import dataclass, field

from aiohttp import web

KINDS = (
    "unavailable",
    "too_many",
    "day_used_up",
    "forbidden",
    "expired",
    "not_json",
    "odd_json",
    "hang",
    "reset_after_effect",
)

_ERRORS = {
    "too_many": (429, "TOO_MANY_REQUESTS", "slow down"),
    "day_used_up": (403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."),
    "forbidden": (403, "INSUFFICIENT_ACCESS", "insufficient access rights on object"),
}


def error(status: int, code: str, message: str) -> web.Response:
    """An answer in Salesforce's form."""
    return web.json_response([{"errorCode": code, "message": message}], status=status)


@dataclass(kw_only=True)
class Faults:
    """What goes wrong with the next requests. `down` is for all of them."""

    down: bool = False
    queued: list[tuple[str, str]] = field(default_factory=list)
    hanging: int = 0
    most_hanging: int = 0
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, kind: str, part: str = "", *, times: int = 1) -> None:
        """The next `times` requests with `part` in their "METHOD /path" go wrong like this.

        Raises:
            ValueError: there is no such kind, so that a typo in a test shows.
        """
        if kind not in KINDS:
            raise ValueError(f"no fault kind {kind!r}")
        self.queued += [(kind, part)] * times

    def take(self, line: str) -> str:
        """The fault of this request, "" for none."""
        if self.down:
            return "unavailable"
        for place, (kind, part) in enumerate(self.queued):
            if part in line:
                del self.queued[place]
                return kind
        return ""

    async def instead(self, kind: str, request: web.Request) -> web.StreamResponse | None:
        """The answer that comes instead of the call's effect, None for none."""
        if kind == "hang":
            return await self._never_answer(request)
        if kind == "not_json":
            return web.Response(text="<html>maintenance</html>", content_type="text/html")
        if kind == "odd_json":
            return web.json_response({"surprise": [None]})
        if kind == "unavailable":
            return web.Response(status=503, text="<html>Service Unavailable</html>")
        return error(*_ERRORS[kind]) if kind in _ERRORS else None

    async def _never_answer(self, request: web.Request) -> web.StreamResponse:
        self.hanging += 1
        self.most_hanging = max(self.most_hanging, self.hanging)
        while request.transport is not None and not self.stopping.is_set():
            await self._pause()
        self.hanging -= 1
        return reset(request)

    async def _pause(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.stopping.wait(), 0.05)


def reset(request: web.Request) -> web.StreamResponse:
    """Drop the connection."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
