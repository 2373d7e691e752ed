"""Puts queues into Redis, as BullMQ 5 keeps them; inside Redis, because it is many."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

from redis import Redis

QUEUES: Final = 1000
BUSY: Final = 200
"""Queues in which something happens between two looks."""
FAILED: Final = 100_000
PREFIX: Final = "bull"
FULL: Final = "orders"
"""The queue with the failed jobs; it lies on a server of its own."""
FIRST_CODE: Final = "WHMCS_ERROR"
_BATCH: Final = 2000


def lua(name: str) -> str:
    """A script of this folder."""
    return (Path(__file__).parent / "lua" / f"{name}.lua").read_text("utf-8")


def names() -> list[str]:
    """The queues; the busy ones come first."""
    return [f"queue-{number:04}" for number in range(QUEUES)]


def fill_queues(redis: Redis) -> None:
    """Put all queues in."""
    fill, now = redis.register_script(lua("queue")), _now()
    for number, name in enumerate(names()):
        fill(keys=[f"{PREFIX}:{name}:"], args=[now, int(number < BUSY)])


def let_time_pass(redis: Redis) -> None:
    """What happens between two looks: two jobs are done in each busy queue."""
    keys = [f"{PREFIX}:{name}:" for name in names()[:BUSY]]
    redis.eval(lua("pass"), len(keys), *keys, _now())


def fill_failures(redis: Redis, *, count: int = FAILED, kinds: int = 6, name: str = FULL) -> int:
    """Put failed jobs in, of so many kinds of error in turn; job `n` failed at the result plus `n`.

    Their ids are numbers from 0 on. The first kind is `FIRST_CODE`.
    """
    fill, now = redis.register_script(lua("failures")), _now()
    for first in range(0, count, _BATCH):
        fill(keys=[f"{PREFIX}:{name}:"], args=[first, min(_BATCH, count - first), now, kinds])
    return now - 86_400_000


def _now() -> int:
    return int(time.time() * 1000)
