"""A process whose calls to Redis may go wrong at one of them: it dies, or an answer is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

OUTAGE: Final = 25
"""Calls that an outage lasts."""


class Killed(BaseException):
    """The process has ended: nothing of ours may catch it."""


class Fault(StrEnum):
    """What happens at a call.

    A call that is "before" has no effect; of one that is "after" only the answer is lost. During
    an outage no call reaches the server. "meanwhile" something else is done just before the call.
    """

    KILLED_BEFORE = "killed before"
    KILLED_AFTER = "killed after"
    LOST_BEFORE = "lost before"
    LOST_AFTER = "lost after"
    OUTAGE = "outage"
    MEANWHILE = "meanwhile"


_READS: Final = frozenset(
    {"TIME", "GET", "HGET", "HGETALL", "HKEYS", "SMEMBERS", "SCARD", "SSCAN", "ZCARD", "ZCOUNT"}
    | {"HMGET", "EXISTS", "PTTL", "XRANGE", "XREVRANGE", "CLIENT", "INFO", "LLEN", "ZSCORE"}
)
"""Whether a process dies at one of these or at the next call is the same: they are not counted, and
neither are pipelines, which only read here."""


class Faults:
    """The calls of one process that may change something, over all of its clients, from 0."""

    def __init__(self) -> None:
        self.dead = False
        self._calls = 0
        self._at = -1
        self._fault = Fault.KILLED_BEFORE
        self._meanwhile: Callable[[], Awaitable[None]] | None = None
        self._away = 0
        self._under_way = 0
        self._go_on = asyncio.Event()
        self._go_on.set()

    def plan(
        self, fault: Fault, at: int, meanwhile: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        """Count from 0 again, and let that happen at call `at`; nothing where it is negative."""
        self._calls, self._at, self._fault, self._meanwhile = 0, at, fault, meanwhile
        self._away = 0

    def watch(self, client: Redis) -> None:
        """Let all that this client sends pass here."""
        any_client: Any = client
        make = client.pipeline

        def pipeline(*args: Any, **kwargs: Any) -> Any:
            pipe: Any = make(*args, **kwargs)
            pipe.execute = self._around(pipe.execute)
            return pipe

        any_client.execute_command = self._around(any_client.execute_command)
        any_client.pipeline = pipeline

    async def call(self, method: Callable[..., Awaitable[Any]], *args: Any, counts: bool) -> Any:
        """A call to another system; raises redis' ConnectionError where it is lost."""
        return await self._around(method, counts=counts)(*args)

    def _around(
        self, method: Callable[..., Awaitable[Any]], *, counts: bool | None = None
    ) -> Callable[..., Awaitable[Any]]:
        async def wrapped(*args: Any, **kwargs: Any) -> Any:
            writes = bool(args) and args[0] not in _READS if counts is None else counts
            fault = await self._before(counts=writes)
            self._under_way += 1
            try:
                answer = await method(*args, **kwargs)
            finally:
                self._under_way -= 1
            if fault is Fault.KILLED_AFTER:
                self.dead = True
            if self.dead:
                raise Killed
            if fault is Fault.LOST_AFTER:
                raise RedisConnectionError("lost")
            return answer

        return wrapped

    async def _before(self, *, counts: bool) -> Fault | None:
        """Come to the next call; what will happen to its answer."""
        await self._go_on.wait()
        fault = self._fault if counts and self._calls == self._at else None
        self._calls += counts
        if fault is Fault.MEANWHILE:
            await self._stand_still()
        self.dead = self.dead or fault is Fault.KILLED_BEFORE
        if self.dead:
            raise Killed
        if fault is Fault.OUTAGE:
            self._away = OUTAGE
        self._away -= 1
        if self._away >= 0 or fault is Fault.LOST_BEFORE:
            raise RedisConnectionError("lost")
        return fault

    async def _stand_still(self) -> None:
        """Let the calls under way end and no other begin, while someone else is at work."""
        if self._meanwhile is None:
            return
        self._go_on.clear()
        while self._under_way:  # noqa: ASYNC110 - until the answers that are on their way are here
            await asyncio.sleep(0)
        try:
            await self._meanwhile()
        finally:
            self._go_on.set()
