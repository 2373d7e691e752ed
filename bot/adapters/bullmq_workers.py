"""Workers by their connections' names in CLIENT LIST: one call a source, kept for a while.

Node names one connection of a worker, the one it waits on, `prefix:base64(queue)` or
`prefix:base64(queue):w:name`, whatever its concurrency. The Python package names every connection
of a worker `prefix:queue`: one to wait on, one for its commands, and as many for pipelines as it
ever needed at once. Only the first tells workers apart: all it ever does is BZPOPMIN. In a cluster
a Python worker has one pool for everything, so that there only "some" is known.

Managed Redis may forbid CLIENT LIST: then the workers are unknown, not absent. In a cluster every
primary is asked, and one that does not tell makes the workers unknown; a worker has a connection to
each node, so the most that one node sees are counted.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from bot.adapters.redis_cluster import nodes_of
from bot.domain.queues import QueueId
from bot.domain.sample import Crew

KEPT_SECONDS: Final = 10.0
"""How long one CLIENT LIST serves."""

ANEW_SECONDS: Final = 1.0
"""How long it serves those who want it asked anew: an answer to a person, an alert's first post."""

_NAMED: Final = ":w:"
_WAITS: Final = "bzpopmin"
_BEGINS: Final = frozenset({"client", "hello", "auth", "select"})
"""What a connection does before its first command; older servers tell no sub-command."""
_BEGUN_SECONDS: Final = 2
"""A connection that has done nothing else for so long is one that a worker has yet to wait on."""


@dataclass(slots=True)
class Named:
    """The connections of one name on one server: all, those to wait on, and those just begun."""

    all: int = 0
    waits: int = 0
    begins: int = 0

    def add(self, client: Mapping[str, Any]) -> None:
        """Count one connection in, as CLIENT LIST tells it."""
        command = str(client.get("cmd", "")).partition("|")[0]
        self.all += 1
        if command == _WAITS:
            self.waits += 1
        elif command in _BEGINS:
            settled = int(client.get("idle", 0)) >= _BEGUN_SECONDS
            self.waits += settled
            self.begins += not settled


Names: TypeAlias = Mapping[str, Named]
"""The connections of one server by their names, without `:w:name`."""


class Workers:
    """How many workers each queue of one source has. `clock` gives monotonic seconds."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._asked_at: float | None = None
        self._seen: list[Names] | None = None

    async def count(
        self, client: Redis, queues: Iterable[QueueId], *, anew: bool = False
    ) -> Mapping[QueueId, Crew] | None:
        """Workers by queue, None when CLIENT LIST may not be asked.

        What was seen up to 10 s ago serves too, with `anew` up to one second: a list may be long.

        Raises:
            redis.RedisError: the source does not answer.
        """
        now = self._clock()
        serves = ANEW_SECONDS if anew else KEPT_SECONDS
        if self._asked_at is None or now - self._asked_at > serves:
            self._seen = await _look(client)
            self._asked_at = now
        if self._seen is None:
            return None
        return {queue: crew_of(queue, self._seen) for queue in queues}


def crew_of(queue: QueueId, seen: Sequence[Names]) -> Crew:
    """The workers of a queue among the connections that each node of its source sees."""
    encoded = base64.b64encode(queue.name.encode("utf-8", "replace")).decode()
    of_node, of_python = f"{queue.prefix}:{encoded}", f"{queue.prefix}:{queue.name}"
    node, python = 0, None
    for names in seen:  # plain, as a tick asks this of a thousand queues
        if found := names.get(of_node):
            node = max(node, found.all)
        python = names.get(of_python, python)
    if python is None:
        return Crew(node)
    return Crew(node + 1, at_least=True) if len(seen) > 1 else _python(python, node)


def _python(named: Named, others: int) -> Crew:
    """A worker has one connection to wait on, and one more at least."""
    most = named.all // 2
    sure = not named.begins and 1 <= named.waits <= most
    return Crew(others + max(1, min(named.waits, most)), at_least=not sure)


async def _look(client: Redis) -> list[Names] | None:
    nodes = (await nodes_of(client)).values()
    seen: list[Names] = []
    for node in nodes:
        try:
            clients = cast("list[dict[str, Any]]", await node.client_list())
        except ResponseError:
            return None
        except (RedisError, OSError):
            if len(nodes) == 1:
                raise
            return None
        seen.append(by_name(clients))
    return seen


def by_name(clients: Iterable[Mapping[str, Any]]) -> Names:
    """One server's CLIENT LIST by the connections' names; those without a name are left out."""
    names: dict[str, Named] = {}
    for one in clients:
        if name := one.get("name"):
            names.setdefault(str(name).split(_NAMED, 1)[0], Named()).add(one)
    return names
