"""Keys as BullMQ writes them, written straight into Redis where thousands are needed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from typing import Any, Final, cast

from redis import Redis

from bot.domain.queues import QueueId

ORDERS: Final = QueueId("main", "bull", "orders")
"""The queue most tests use."""

_AT_ONCE: Final = 2000


def now_ms() -> int:
    """This machine's clock, which the server shares."""
    return int(time.time() * 1000)


def write_meta(redis: Redis, queue: QueueId, version: str = "bullmq:5.81.5") -> None:
    """Write what a Node queue writes when it is made."""
    redis.hset(queue.key("meta"), mapping={"version": version, "opts.maxLenEvents": 10_000})


def write_failed(
    redis: Redis,
    queue: QueueId,
    rows: Iterable[tuple[str, int, str, str]],
    *,
    options: dict[str, Any] | None = None,
) -> None:
    """Write failed jobs; a row is (id, failed at, reason, name)."""
    pipe = redis.pipeline(transaction=False)
    for place, (id_, at, reason, name) in enumerate(rows):
        job: dict[str, str | int] = {
            "name": name,
            "data": "{}",
            "opts": json.dumps(options or {"attempts": 3}),
            "timestamp": at - 5000,
            "processedOn": at - 100,
            "finishedOn": at,
            "failedReason": reason,
            "atm": 3,
            "priority": 0,
        }
        pipe.hset(queue.key(id_), mapping=cast("dict[Any, Any]", job))
        pipe.zadd(queue.key("failed"), {id_: at})
        if place % _AT_ONCE == 0:
            pipe.execute()
    pipe.execute()


def contents(redis: Redis) -> dict[str, Any]:
    """All keys with their contents, to show that nothing was written."""
    with Redis.from_url(_address(redis)) as raw:
        return {str(key): raw.dump(key) for key in sorted(raw.scan_iter(count=1000))}


def _address(redis: Redis) -> str:
    where = redis.get_connection_kwargs()
    return f"redis://{where['host']}:{where['port']}/0"
