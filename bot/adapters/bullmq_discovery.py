"""Discovery: the queues of a source by SCAN of their `meta` keys, in bounded steps."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any, Final, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from bot.adapters.redis_cluster import nodes_of
from bot.domain.queues import QueueId

STEPS: Final = 300
"""SCAN calls in one round; a larger key space is walked over several rounds."""

_STEP_KEYS: Final = 1000
_GLOB: Final = re.compile(r"([*?\[\]\\^])")
_OWN: Final = "{bullhorn}:"
_ENDING: Final = ":meta"


class Discovery:
    """What is known of one source's queues.

    A queue joins when it is found; it leaves when a whole pass has not found it. `complete` says
    that a whole pass was made. In a cluster a pass goes over every primary, and a queue leaves when
    two passes have not found it: one may miss a queue that goes from node to node meanwhile.

    After a whole pass the next one begins `gap` seconds later, at once while no queue is known.
    """

    def __init__(
        self,
        source: str,
        prefix: str,
        *,
        gap: float = 0.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._prefix = prefix
        self._gap = gap
        self._monotonic = monotonic
        self._rests_until = float("-inf")
        self._cursors: dict[str, int] = {}
        self._done: set[str] = set()
        self._before: set[QueueId] = set()
        self._passed: set[QueueId] = set()
        self._known: frozenset[QueueId] = frozenset()
        self.complete = False

    @property
    def known(self) -> frozenset[QueueId]:
        """The queues found so far."""
        return self._known

    async def go_on(self, client: Redis) -> frozenset[QueueId]:
        """Take the next steps of the pass, at most to its end, and give what is known then.

        Raises:
            redis.RedisError: the source does not answer; the pass goes on from there next time.
        """
        if self._known and self._monotonic() < self._rests_until:
            return self._known
        nodes = await nodes_of(client)
        problem: Exception | None = None
        for place in nodes.keys() - self._done:
            try:
                await self._walk(place, nodes[place])
            except (RedisError, OSError) as error:  # the other nodes are walked all the same
                problem = error
        if nodes.keys() <= self._done:
            self._end_pass(whole_at_once=len(nodes) == 1)
        else:
            self._known |= self._passed
        if problem is not None:
            raise problem
        return self._known

    async def _walk(self, place: str, node: Redis) -> None:
        pattern = _GLOB.sub(r"\\\1", self._prefix) + ":*" + _ENDING
        for _ in range(STEPS):
            answer = await node.scan(self._cursors.get(place, 0), pattern, _STEP_KEYS, _type="hash")
            cursor, keys = cast("tuple[int | str, list[str]]", answer)
            found = {queue for key in keys if (queue := self._queue(key)) is not None}
            self._passed |= await _real(node, found)
            self._cursors[place] = int(cursor)
            if int(cursor) == 0:
                self._done.add(place)
                return

    def _end_pass(self, *, whole_at_once: bool) -> None:
        self._known = frozenset(self._passed | self._before)
        self._before = set() if whole_at_once else self._passed
        self._passed, self._done, self._cursors = set(), set(), {}
        self.complete = True
        self._rests_until = self._monotonic() + self._gap

    def _queue(self, key: str) -> QueueId | None:
        name = key[len(self._prefix) + 1 : -len(_ENDING)]
        if not name or key.startswith(_OWN) or "\ufffd" in name:
            return None
        return QueueId(self._source, self._prefix, name)


async def _real(client: Redis, found: set[QueueId]) -> set[QueueId]:
    """Without hashes of jobs that a custom id such as `x:meta` makes look like a queue's `meta`."""
    doubtful = [queue for queue in found if ":" in queue.name]
    if not doubtful:
        return found
    async with client.pipeline(transaction=False) as pipe:
        for queue in doubtful:
            pipe.hmget(queue.key("meta"), ["name", "data", "timestamp"])
        answers = cast("list[list[Any]]", await pipe.execute())
    jobs = {queue for queue, fields in zip(doubtful, answers, strict=True) if all(fields)}
    return found - jobs
