"""Redis Cluster: which node holds which slot, and a client for each way to ask.

redis-py's own cluster client is not used: it opens a thread and an event loop for each command of a
transaction, fails instead of waiting when its pool is full, sends ASKING on another connection than
the command, and reads all of COMMAND whenever a connection is lost. What Bullhorn asks is about one
slot (a queue, or its own state) or about every node, so plain clients do: see `ClusterRedis`.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections import OrderedDict, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

from redis.asyncio import ConnectionPool, Redis
from redis.crc import key_slot
from redis.exceptions import (
    AuthenticationError,
    ClusterDownError,
    MovedError,
    RedisError,
    TimeoutError,  # noqa: A004 - redis-py's own
)
from redis.exceptions import ConnectionError as ConnectionLostError

from bot.adapters.redis_address import Host

MOST_SLOTS: Final = 32
"""Slots that have a client of their own at a time; with one prefix like `{bull}` it is one."""

_MAP_SECONDS: Final = 5.0
_NODE_SECONDS: Final = 1.5
"""How long all nodes, and one of them, may take to tell the map."""

_ROUNDS: Final = 2
LOST: Final = (ConnectionLostError, TimeoutError, OSError)
"""What a node that is gone raises."""

T = TypeVar("T")


class SlotMap:
    """Which node is the primary of which slot, as the nodes say. `open_node` makes a client."""

    def __init__(self, seeds: Iterable[Host], open_node: Callable[[Host], Redis]) -> None:
        self._seeds = tuple(seeds)
        self._open = open_node
        self._clients: dict[Host, Redis] = {}
        self._ranges: list[tuple[int, int, Host]] = []
        self._fresh = False
        self._teller: tuple[Host, ...] = ()
        self._lock = asyncio.Lock()

    async def owner(self, slot: int) -> Host:
        """The primary of a slot.

        Raises:
            redis.RedisError, TimeoutError: no node tells the map, or no node holds the slot.
        """
        await self._refresh()
        place = bisect_right(self._ranges, (slot, 1 << 14, ("", 0))) - 1
        if place < 0 or not self._ranges[place][0] <= slot <= self._ranges[place][1]:
            self.lost()
            raise ClusterDownError("a slot has no node")
        return self._ranges[place][2]

    async def primaries(self) -> Mapping[Host, Redis]:
        """A client for each primary that holds slots."""
        await self._refresh()
        return {host: self.client(host) for _, _, host in self._ranges}

    def client(self, host: Host) -> Redis:
        """The client of one node."""
        if host not in self._clients:
            self._clients[host] = self._open(host)
        return self._clients[host]

    def lost(self) -> None:
        """The map is no good (any more): ask again before it is used."""
        self._fresh = False

    async def aclose(self) -> None:
        """Close all clients of nodes."""
        await asyncio.gather(*(client.aclose() for client in self._clients.values()))

    async def _refresh(self) -> None:
        async with self._lock:
            if self._fresh:
                return
            async with asyncio.timeout(_MAP_SECONDS):
                rows, asked = await self._ask()
            self._ranges = sorted(_read(rows, asked))
            self._fresh = True
        held = {host for _, _, host in self._ranges}
        for host, client in self._clients.items():
            if host not in held:  # kept: it may come back
                await client.connection_pool.disconnect(inuse_connections=False)

    async def _ask(self) -> tuple[Any, Host]:
        """The map of the first node that tells it; the one that told it last is asked first."""
        problem: BaseException = ClusterDownError("no node")
        known = (host for _, _, host in self._ranges)
        for host in dict.fromkeys([*self._teller, *known, *self._seeds]):
            try:
                async with asyncio.timeout(_NODE_SECONDS):
                    client: Any = self.client(host)
                    rows = await client.execute_command("CLUSTER", "SLOTS")
            except (RedisError, OSError) as error:  # builtin TimeoutError is an OSError
                # A refused login tells more than a node that is down.
                if not isinstance(problem, AuthenticationError):
                    problem = error
            else:
                self._teller = (host,)
                return rows, host
        raise problem


def _read(rows: Any, asked: Host) -> Iterable[tuple[int, int, Host]]:
    """Rows of CLUSTER SLOTS; a node that does not know its name is where it was asked."""
    for first, last, primary, *_ in rows:
        yield int(first), int(last), (primary[0] or asked[0], int(primary[1]))


class SlotGuide:
    """Leads to the primary of one slot."""

    def __init__(self, slots: SlotMap, slot: int) -> None:
        self._slots = slots
        self._slot = slot

    async def find(self) -> Host:
        """The primary of the slot."""
        return await self._slots.owner(self._slot)

    def lost(self) -> None:
        """It is no longer, or does not answer."""
        self._slots.lost()

    async def aclose(self) -> None:
        """Nothing: the map is closed by the client it belongs to."""


class ClusterRedis(Redis):
    """A cluster, and as a client that of one slot: the slot of the key `own`.

    `time` and the like are asked there too. `at` gives the client of another key, `nodes` one for
    each primary, and `spread` asks each node what concerns it. `open_slot` makes a pool that
    follows a slot.
    """

    def __init__(
        self, *, slots: SlotMap, open_slot: Callable[[int], ConnectionPool], own: str
    ) -> None:
        super().__init__(connection_pool=open_slot(_slot(own)))
        self.auto_close_connection_pool = True
        self.slots = slots
        self._open_slot = open_slot
        self._others: OrderedDict[int, Redis] = OrderedDict()
        self._evicted: list[Redis] = []

    def at(self, key: str) -> Redis:
        """The client of a key's slot; it follows the slot wherever it goes."""
        slot = _slot(key)
        if slot not in self._others:
            self._others[slot] = Redis.from_pool(self._open_slot(slot))
        self._others.move_to_end(slot)
        if len(self._others) > MOST_SLOTS:
            self._evicted.append(self._others.popitem(last=False)[1])
        return self._others[slot]

    async def nodes(self) -> Mapping[str, Redis]:
        """A client for each primary, by its address."""
        await self._tidy()
        primaries = await self.slots.primaries()
        return {f"{host}:{port}": client for (host, port), client in primaries.items()}

    async def spread(
        self,
        items: Sequence[T],
        *,
        key: Callable[[T], str],
        ask: Callable[[Redis, list[T]], Awaitable[list[Any]]],
    ) -> list[Any]:
        """Ask each node about the items whose key it holds, all nodes at once.

        An item's answer is an exception where its node does not answer. What was asked of the wrong
        node, or on a connection that was lost, is asked once more: it must change nothing.

        Raises:
            redis.RedisError, OSError: no node answers.
        """
        answers: list[Any] = [None] * len(items)
        left: Sequence[int] = range(len(items))
        for _ in range(_ROUNDS):
            parts: dict[Host, list[int]] = defaultdict(list)
            for place in left:
                parts[await self.slots.owner(_slot(key(items[place])))].append(place)
            told = await asyncio.gather(
                *(self._told(host, [items[p] for p in part], ask) for host, part in parts.items())
            )
            for part, some in zip(parts.values(), told, strict=True):
                for place, answer in zip(part, some, strict=True):
                    answers[place] = answer
            left = [p for p in left if isinstance(answers[p], MovedError | ConnectionLostError)]
            if not left:
                break
            self.slots.lost()
        if answers and all(isinstance(answer, LOST) for answer in answers):
            raise answers[0]
        return answers

    async def _told(
        self, host: Host, items: list[T], ask: Callable[[Redis, list[T]], Awaitable[list[Any]]]
    ) -> list[Any]:
        try:
            return await ask(self.slots.client(host), items)
        except AuthenticationError:
            raise
        except LOST as error:
            return [error] * len(items)

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        """Close every connection to every node."""
        await super().aclose(close_connection_pool)
        clients = [*self._others.values(), *self._evicted]
        await asyncio.gather(*(client.aclose() for client in clients))
        await self.slots.aclose()

    async def _tidy(self) -> None:
        """Close the idle connections of slots that nobody asked about for long."""
        for client in self._evicted:
            await client.connection_pool.disconnect(inuse_connections=False)
        self._evicted = [c for c in self._evicted if c.connection_pool._in_use_connections]  # noqa: SLF001


def _slot(key: str) -> int:
    return key_slot(key.encode())


def at(client: Redis, key: str) -> Redis:
    """The client of a key: in a cluster that of its slot."""
    return client.at(key) if isinstance(client, ClusterRedis) else client


async def nodes_of(client: Redis) -> Mapping[str, Redis]:
    """The servers behind a client by address: each primary of a cluster, or the one itself."""
    return await client.nodes() if isinstance(client, ClusterRedis) else {"": client}


def lost(client: Redis) -> None:
    """A connection failed: a cluster's map is read again before it is used."""
    if isinstance(client, ClusterRedis):
        client.slots.lost()
