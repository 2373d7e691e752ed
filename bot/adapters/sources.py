"""The Redis servers of the config: one bounded pool of connections each.

Nothing here sends a command twice by itself: a lost answer to a change may hide that it was made.
Reads that may be repeated go through `Sources.ask`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Final, TypeVar
from urllib.parse import urlsplit

import redis.exceptions as problems
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from bot.adapters.redis_errors import speaking_to
from bot.domain.queues import QueueId
from bot.errors import ConfigError, RedisUnavailableError

MOST_CONNECTIONS: Final = 16
"""Connections one process holds to one source; further calls wait for a free one."""

_CONNECT_SECONDS: Final = 5.0
_ANSWER_SECONDS: Final = 5.0
_IDLE_SECONDS: Final = 30
_LATER: Final = ("redis+sentinel", "redis+cluster")

T = TypeVar("T")


def connect(name: str, url: str) -> Redis:
    """A client for one address; it connects when it is first used.

    This is the one place that knows which kinds of address there are. Text that is not UTF-8 is
    read with replacement characters instead of failing.

    Raises:
        ConfigError: the address is not one this version can use; its text holds no password.
    """
    scheme = _scheme(name, url)
    if scheme in _LATER:
        raise ConfigError(
            f'Source "{name}": {scheme}:// addresses are not supported yet. '
            "Use redis:// or rediss:// to one server."
        )
    if scheme not in ("redis", "rediss"):
        raise ConfigError(f'Source "{name}": the address must begin with redis:// or rediss://.')
    try:
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=MOST_CONNECTIONS,
            timeout=_ANSWER_SECONDS,
            socket_connect_timeout=_CONNECT_SECONDS,
            socket_timeout=_ANSWER_SECONDS,
            health_check_interval=_IDLE_SECONDS,
            retry=Retry(NoBackoff(), 0),
            decode_responses=True,
            encoding_errors="replace",
            protocol=2,
        )
    except (ValueError, TypeError) as error:
        raise ConfigError(f'Source "{name}": the address cannot be read.') from error
    return Redis.from_pool(pool)


def _scheme(name: str, url: str) -> str:
    try:
        return urlsplit(url).scheme.lower()
    except ValueError as error:
        raise ConfigError(f'Source "{name}": the address cannot be read.') from error


class Sources:
    """The clients by source name. `addresses` holds (url, BullMQ prefix) by name.

    Raises:
        ConfigError: an address is not one this version can use.
    """

    def __init__(self, addresses: Mapping[str, tuple[str, str]]) -> None:
        self._clients = {name: connect(name, url) for name, (url, _) in addresses.items()}
        self.prefixes: Mapping[str, str] = MappingProxyType(
            {name: prefix for name, (_, prefix) in addresses.items()}
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The sources, in the config's order."""
        return tuple(self._clients)

    def client(self, source: str | QueueId) -> Redis:
        """The client of a source, or of a queue's source.

        Raises:
            RedisUnavailableError: there is no such source (any more).
        """
        name = source.source if isinstance(source, QueueId) else source
        try:
            return self._clients[name]
        except KeyError:
            raise RedisUnavailableError(f'There is no source "{name}" in the config.') from None

    async def ask(self, source: str | QueueId, question: Callable[[Redis], Awaitable[T]]) -> T:
        """Ask something that changes nothing; once more where the connection had gone stale.

        Raises:
            RedisUnavailableError: the source does not answer.
        """
        client = self.client(source)
        name = source.source if isinstance(source, QueueId) else source
        with speaking_to(name):
            try:
                return await question(client)
            except problems.AuthenticationError:
                raise
            except problems.ConnectionError:
                return await question(client)

    async def aclose(self) -> None:
        """Close every connection."""
        await asyncio.gather(*(client.aclose() for client in self._clients.values()))
