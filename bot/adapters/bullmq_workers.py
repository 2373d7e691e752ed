"""Workers by their connections' names in CLIENT LIST: one call a source, kept for a while.

Node names a worker's blocking connection `prefix:base64(queue)` or `prefix:base64(queue):w:name`;
the Python package uses the queue's plain name and names both of a worker's connections. Managed
Redis may forbid CLIENT LIST: then the workers are unknown, not absent. In a cluster every primary
is asked, and one that does not tell makes the workers unknown; a worker has a connection to each
node, so the most that one node sees are counted.
"""

from __future__ import annotations

import base64
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from bot.adapters.redis_cluster import nodes_of
from bot.domain.queues import QueueId

KEPT_SECONDS: Final = 10.0
"""How long one CLIENT LIST serves."""

_NAMED: Final = ":w:"


class Workers:
    """How many workers each queue of one source has. `clock` gives monotonic seconds."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._asked_at: float | None = None
        self._names: Counter[str] | None = None

    async def count(self, client: Redis, queues: Iterable[QueueId]) -> Mapping[QueueId, int] | None:
        """Workers by queue, None when CLIENT LIST may not be asked.

        Raises:
            redis.RedisError: the source does not answer.
        """
        now = self._clock()
        if self._asked_at is None or now - self._asked_at > KEPT_SECONDS:
            self._names = await _names(client)
            self._asked_at = now
        if self._names is None:
            return None
        return {queue: workers_of(queue, self._names) for queue in queues}


def workers_of(queue: QueueId, names: Mapping[str, int]) -> int:
    """The workers of a queue among connection names (without `:w:name`) and how many have each."""
    encoded = base64.b64encode(queue.name.encode("utf-8", "replace")).decode()
    node = names.get(f"{queue.prefix}:{encoded}", 0)
    python = names.get(f"{queue.prefix}:{queue.name}", 0)
    return node + (python + 1) // 2


async def _names(client: Redis) -> Counter[str] | None:
    nodes = (await nodes_of(client)).values()
    seen: Counter[str] = Counter()
    for node in nodes:
        try:
            clients = cast("list[dict[str, Any]]", await node.client_list())
        except ResponseError:
            return None
        except (RedisError, OSError):
            if len(nodes) == 1:
                raise
            return None
        # `|` keeps the larger of two counts.
        seen |= Counter(name.split(_NAMED, 1)[0] for one in clients if (name := one.get("name")))
    return seen
