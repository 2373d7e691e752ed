"""The Redis servers of the config: one client for each source, and the way to ask it.

Nothing here sends a command twice by itself: a lost answer to a change may hide that it was made.
Reads that may be repeated go through `Sources.ask`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import TypeVar

import redis.exceptions as problems
from redis.asyncio import Redis

from bot.adapters import redis_cluster as cluster
from bot.adapters.redis_connect import MOST_CONNECTIONS, connect
from bot.adapters.redis_errors import speaking_to
from bot.domain.queues import QueueId
from bot.errors import RedisUnavailableError

__all__ = ["MOST_CONNECTIONS", "Sources", "connect"]

T = TypeVar("T")


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
        """The client of a source (in a cluster a `ClusterRedis`), or of the slot of a queue.

        All keys of a queue are in one slot, so that its pipelines, transactions and scripts are
        those of one server.

        Raises:
            RedisUnavailableError: there is no such source (any more).
        """
        name = source.source if isinstance(source, QueueId) else source
        try:
            client = self._clients[name]
        except KeyError:
            raise RedisUnavailableError(f'There is no source "{name}" in the config.') from None
        return cluster.at(client, source.key("meta")) if isinstance(source, QueueId) else client

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
                cluster.lost(client)
                return await question(client)

    async def aclose(self) -> None:
        """Close every connection."""
        await asyncio.gather(*(client.aclose() for client in self._clients.values()))
