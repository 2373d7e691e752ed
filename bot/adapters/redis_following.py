"""Connections that ask where to go: to the primary of a service, to the node that holds a slot.

A server that has lost its role refuses before it does anything: a replica with READONLY, a node of
a cluster with MOVED, ASK or TRYAGAIN. Only such a refusal is repeated here, on a connection to
where the guide then leads. Nothing else is: after a lost answer nobody knows what was done.

ASK is waited out, not followed. It comes while a slot's keys are on the way from node to node, one
by one, and Bullhorn's scripts reach keys that they do not declare: at the new node they would take
for gone what has not arrived.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol, TypeVar

from redis.asyncio import BlockingConnectionPool
from redis.asyncio.connection import Connection, SSLConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AskError,
    MovedError,
    ReadOnlyError,
    ResponseError,
    TimeoutError,  # noqa: A004 - redis-py's own
    TryAgainError,
)
from redis.exceptions import ConnectionError as ConnectionLostError

from bot.adapters.redis_address import Host

PAUSES: Final = (0.0, 0.05, 0.1, 0.2, 0.4)
"""Seconds before each repetition: three quarters of a second in all for a role to settle."""

T = TypeVar("T")


class Guide(Protocol):
    """Knows where the server is that is in charge now."""

    async def find(self) -> Host:
        """Where to connect to.

        Raises:
            redis.ConnectionError, TimeoutError: nobody can tell.
        """
        ...

    def lost(self) -> None:
        """What `find` said was no good (any more)."""
        ...

    async def aclose(self) -> None:
        """Close what it asks through."""
        ...


class RelocatedError(ConnectionLostError):
    """The server has refused because another one is in charge now; nothing was done."""

    def __init__(self, refusal: ResponseError) -> None:
        super().__init__(type(refusal).__name__)
        self.refusal = refusal


class FollowRetry(Retry):
    """Repeats what was refused with RelocatedError, and nothing else.

    A pipeline is repeated as a whole. So one that changes anything must be a transaction (MULTI):
    in another, what came before the refusal was done.
    """

    def __init__(self) -> None:
        super().__init__(NoBackoff(), 0)

    async def call_with_retry(
        self, do: Callable[[], Awaitable[T]], fail: Callable[..., Any], *args: Any, **options: Any
    ) -> T:
        """As redis-py's, which calls `fail`, and so disconnects, after each error."""
        for pause in PAUSES:
            try:
                return await super().call_with_retry(do, fail, *args, **options)
            except RelocatedError:
                await asyncio.sleep(pause)
        try:
            return await super().call_with_retry(do, fail, *args, **options)
        except RelocatedError as error:
            refusal = error.refusal
        raise refusal


class FollowingConnection(Connection):
    """A connection of a `FollowingPool`."""

    def __init__(self, *, pool: FollowingPool, **options: Any) -> None:
        self._pool = pool
        super().__init__(**options)

    async def connect_check_health(self, *args: Any, **options: Any) -> None:
        """Connect, if it is not, to where the guide leads."""
        if self.is_connected:
            return
        self.host, self.port = await self._pool.whereabouts()
        try:
            await super().connect_check_health(*args, **options)
        except (ConnectionLostError, TimeoutError):
            self._pool.guide.lost()
            raise

    async def read_response(self, *args: Any, **options: Any) -> Any:
        """Read an answer; a refusal by a server that is not in charge is a RelocatedError."""
        try:
            return await super().read_response(*args, **options)
        except (MovedError, AskError, TryAgainError, ReadOnlyError) as error:
            self._pool.guide.lost()
            raise RelocatedError(error) from error
        except (ConnectionLostError, TimeoutError):
            self._pool.guide.lost()
            raise


class FollowingSSLConnection(FollowingConnection, SSLConnection):
    """The same with TLS."""


class FollowingPool(BlockingConnectionPool):
    """A bounded pool whose connections go where `guide` leads; it closes the guide too."""

    def __init__(self, guide: Guide, *, tls: bool, **options: Any) -> None:
        self.guide = guide
        self._address: Host | None = None
        self._kind = FollowingSSLConnection if tls else FollowingConnection
        super().__init__(connection_class=self._kind, **options)

    def make_connection(self) -> Connection:
        """A new connection, which knows the pool it asks."""
        return self._kind(pool=self, **self.connection_kwargs)

    async def whereabouts(self) -> Host:
        """Where to connect to; idle connections to elsewhere are closed first."""
        address = await self.guide.find()
        if self._address not in (None, address):
            # A replica that was the primary goes on answering reads, with what was.
            await self.disconnect(inuse_connections=False)
        self._address = address
        return address

    async def aclose(self) -> None:
        """Close the connections and the guide."""
        await super().aclose()
        await self.guide.aclose()
