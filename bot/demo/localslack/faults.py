"""Making the local Slack misbehave on purpose, one Web API call at a time."""

import asyncio
from dataclasses import dataclass, field
from fnmatch import fnmatch

from aiohttp import web

from bot.demo.localslack.errors import Json, SlackError

KINDS = (
    "ratelimited",
    "http500",
    "timeout_after_effect",
    "timeout_before_effect",
    "hang",
    "reset",
    "reset_after_effect",
)


@dataclass(kw_only=True)
class Fault:
    """One rule: the next ``times`` calls whose method matches go wrong like this.

    Attributes:
        method: a Web API method or a pattern such as ``chat.*``; ``response_url`` for those.
        kind: one of KINDS, ``error:NAME``, or ``slow:SECONDS``.
        retry_after: seconds in the Retry-After header of ``ratelimited``.
        channel: only calls for this channel id; empty means any.
    """

    method: str
    kind: str
    times: int = 1
    retry_after: int = 1
    channel: str = ""

    def __post_init__(self) -> None:
        """Refuse kinds that do not exist, so that a typo in a test shows."""
        if self.kind not in KINDS and not self.kind.startswith(("error:", "slow:")):
            raise SlackError("invalid_arguments", problems=[f"no fault kind {self.kind!r}"])


@dataclass(kw_only=True)
class Faults:
    """The rules in force, and how each is carried out."""

    rules: list[Fault] = field(default_factory=list)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, method: str, channel: str) -> Fault | None:
        """The rule for this call, if any; its count goes down by one."""
        for rule in self.rules:
            if not fnmatch(method, rule.method) or (rule.channel and rule.channel != channel):
                continue
            rule.times -= 1
            if rule.times <= 0:
                self.rules.remove(rule)
            return rule
        return None

    async def before(self, fault: Fault, request: web.Request) -> web.StreamResponse | None:
        """Carry out the part of a fault that comes instead of the call's effect.

        Returns:
            The answer to give, or None to go on with the call.
        """
        if fault.kind == "ratelimited":
            body: Json = {"ok": False, "error": "ratelimited"}
            headers = {"Retry-After": str(fault.retry_after)}
            return web.json_response(body, status=429, headers=headers)
        if fault.kind == "http500":
            return web.Response(status=500, text="Internal Server Error")
        if fault.kind.startswith("error:"):
            return web.json_response({"ok": False, "error": fault.kind.removeprefix("error:")})
        if fault.kind in {"timeout_before_effect", "hang"}:
            return await self._never_answer(request)
        if fault.kind == "reset":
            return _reset(request)
        if fault.kind.startswith("slow:"):
            await self._pause(float(fault.kind.removeprefix("slow:")))
        return None

    async def after(self, fault: Fault, request: web.Request) -> web.StreamResponse | None:
        """Carry out the part of a fault that comes after the effect, in place of the answer."""
        if fault.kind == "timeout_after_effect":
            return await self._never_answer(request)
        if fault.kind == "reset_after_effect":
            return _reset(request)
        return None

    async def _never_answer(self, request: web.Request) -> web.StreamResponse:
        while request.transport is not None and not self.stopping.is_set():
            await self._pause(0.25)
        return _reset(request)

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self.stopping.wait(), seconds)
        except TimeoutError:
            return


def _reset(request: web.Request) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
