"""Tries one Redis: what it is, and whether it does what Bullhorn needs."""

from __future__ import annotations

import asyncio
import secrets
import statistics
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeVar, cast

import redis.exceptions as problems
from redis.asyncio import Redis

from bot.adapters.bullmq_discovery import Discovery
from bot.adapters.keys import PREFIX
from bot.adapters.redis_errors import speaking_to
from bot.domain.checkup import QueuesFound, ServerFacts, Trouble
from bot.domain.queues import QueueId
from bot.errors import RedisUnavailableError

_PINGS: Final = 5
_KEY_SECONDS: Final = 60
"""How long the key of the write lives if its removal fails."""

_FIXES: Final[tuple[tuple[type[Exception], str], ...]] = (
    (problems.AuthenticationError, "Check user and password in its address"),
    (problems.AuthorizationError, "Check user and password in its address"),
    (problems.NoPermissionError, "Allow it in the ACL of Bullhorn's user"),
    (problems.ReadOnlyError, "Point the address at the primary"),
    (problems.OutOfMemoryError, "Give it more memory, or raise maxmemory"),
    (problems.BusyLoadingError, "Wait until it has loaded, and run this again"),
)
_UNREACHABLE: Final = "Check host, port and TLS in its address, and that it is up"
_REFUSES: Final = "Look at the server and its log"
_ABSENT: Final = (problems.ConnectionError, problems.TimeoutError, OSError)

T = TypeVar("T")


class RedisProbe:
    """Satisfies `ports_checkup.ServerProbe`.

    `source` and `prefix` are those of the config; None is Bullhorn's own Redis.
    """

    def __init__(self, *, client: Redis, source: str | None, prefix: str | None = None) -> None:
        self._client = client
        self._source = source
        self._prefix = prefix

    async def look(self) -> ServerFacts | Trouble:
        """Ask it PING, INFO and CLIENT LIST; the last two may be forbidden."""

        async def ask() -> ServerFacts:
            latency = await self._latency()
            info = await _permitted(self._client.info) or {}
            clients = await _permitted(self._client.client_list)
            return _facts(info, latency, client_list=clients is not None)

        return await self._tried(ask)

    async def write(self) -> Trouble | None:
        """Write a key under `{bullhorn}:` and remove it."""
        key = f"{PREFIX}check:{secrets.token_hex(8)}"

        async def write() -> None:
            await self._client.set(key, "1", ex=_KEY_SECONDS)
            await self._client.delete(key)

        return await self._tried(write)

    async def queues(self, *, within: float) -> QueuesFound | Trouble:
        """SCAN all keys once, in steps, and stop when time is up."""
        walk = _Walk(self._source or "", self._prefix or "")

        async def scan() -> QueuesFound:
            complete = True
            try:
                async with asyncio.timeout(within):
                    await walk.to_the_end(self._client)
            except TimeoutError:
                complete = False
            return QueuesFound(queues=walk.found, complete=complete)

        return await self._tried(scan)

    async def _latency(self) -> float:
        """The median of a few PINGs, in ms, on a connection that stands."""
        await self._client.ping()
        taken = []
        for _ in range(_PINGS):
            began = time.perf_counter()
            await self._client.ping()
            taken.append((time.perf_counter() - began) * 1000)
        return statistics.median(taken)

    async def _tried(self, probe: Callable[[], Awaitable[T]]) -> T | Trouble:
        try:
            with speaking_to(self._source):
                return await probe()
        except RedisUnavailableError as error:
            return _trouble(error)


class _Walk(Discovery):
    """One pass of the discovery, which may be stopped before its end."""

    async def to_the_end(self, client: Redis) -> None:
        """Go on until all keys were seen."""
        while not self.complete:
            await self.go_on(client)

    @property
    def found(self) -> frozenset[QueueId]:
        """What was found so far, in a step that was cut short too."""
        return self._known | self._passed


async def _permitted(ask: Callable[[], Awaitable[Any]]) -> Any:
    """The answer, None where Bullhorn's user may not ask (or the server has no such command)."""
    try:
        return await ask()
    except problems.ResponseError:
        return None


def _facts(info: Mapping[str, Any], latency: float, *, client_list: bool) -> ServerFacts:
    valkey = _text(info, "valkey_version")
    version = valkey or _text(info, "redis_version")
    product = "Valkey" if valkey or info.get("server_name") == "valkey" else "Redis"
    return ServerFacts(
        product=product if version else None,
        version=version,
        latency=latency,
        replica=info["role"] == "slave" if "role" in info else None,
        eviction=_text(info, "maxmemory_policy"),
        memory_used=cast("int | None", info.get("used_memory")),
        memory_limit=cast("int | None", info.get("maxmemory")),
        client_list=client_list,
    )


def _text(info: Mapping[str, Any], field: str) -> str | None:
    return str(info[field]) if field in info else None


def _trouble(error: RedisUnavailableError) -> Trouble:
    cause = error.__cause__
    found = (fix for kind, fix in _FIXES if isinstance(cause, kind))
    absent = isinstance(cause, _ABSENT) and not isinstance(
        cause, problems.AuthenticationError | problems.AuthorizationError
    )
    fix = next(found, _UNREACHABLE if absent else _REFUSES)
    return Trouble(why=str(error).rstrip("."), fix=fix, absent=absent)
