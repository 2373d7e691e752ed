"""Part 3: 20,000 of 40,000 failed jobs back to waiting, by error."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable
from itertools import count
from statistics import median
from typing import Any, Final

from redis import Redis

from tests.bench.figures import Part, Row, goal
from tests.bench.filling import FIRST_CODE, FULL, PREFIX, fill_failures
from tests.bench.peers import Peer, node_peer, python_peer
from tests.bench.wire import Wire, metered, quietest
from tests.support.valkey import valkey_server

JOBS: Final = 40_000
WANTED: Final = 20_000
ROUNDS: Final = 5
METERED: Final = 3
_FLOOR: Final = 200
"""Microseconds from which a call may be the longest; there are very many shorter ones."""
_BULK: Final = "(a) Node retryJobs, whatever failed first"
_EACH: Final = "(b) Node getJobs, retry of each that matches"
_OURS: Final = "Bullhorn, by error"
_ALL: Final = (_BULK, _EACH, _OURS)
Asking = Callable[[], Awaitable[Any]]


class _Ways:
    """The three ways, each on a queue that is filled anew."""

    def __init__(self, redis: Redis, node: Peer, python: Peer) -> None:
        self._redis, self._node, self._python = redis, node, python
        self._plans = count()

    def prepared(self, way: str) -> Asking:
        """Fill the queue; what is given then does the work."""
        self._redis.flushall()
        began = fill_failures(self._redis, count=JOBS, kinds=JOBS // WANTED)
        if way == _BULK:
            return lambda: self._node.ask("bulk_retry", name=FULL, until=began + WANTED - 1)
        if way == _EACH:
            return lambda: self._node.ask("each_retry", name=FULL, code=FIRST_CODE)
        plan = f"plan{next(self._plans)}"
        return lambda: self._python.ask(
            "retry", name=FULL, plan=plan, code=FIRST_CODE, until=began + JOBS
        )

    def check(self) -> None:
        """That the work was done, whoever did it."""
        assert self._redis.zcard(f"{PREFIX}:{FULL}:failed") == JOBS - WANTED
        assert self._redis.llen(f"{PREFIX}:{FULL}:wait") == WANTED


async def retrying() -> Part:
    """All ways in turn, round by round, so that what disturbs one disturbs all."""
    times: dict[str, list[float]] = defaultdict(list)
    wires: dict[str, list[Wire]] = defaultdict(list)
    with valkey_server() as valkey, valkey.client() as redis:
        async with python_peer(valkey) as python, node_peer(valkey) as node:
            ways = _Ways(redis, node, python)
            for number in range(1 + ROUNDS):
                for way in _ALL:
                    found = await ways.prepared(way)()
                    ways.check()
                    if number:
                        times[way].append(found["ms"])
            for _ in range(METERED):
                for way in _ALL:
                    work = ways.prepared(way)
                    wires[way].append(await metered(redis, work, floor=_FLOOR))
                    ways.check()
    return Part(
        title=f"3. Repair: {WANTED:,} of {JOBS:,} failed jobs retried (ratio to (a))",
        rows=[Row(what=way, values=times[way], wire=quietest(wires[way])) for way in _ALL],
        remarks=_goals(times, wires),
    )


def _goals(times: dict[str, list[float]], wires: dict[str, list[Wire]]) -> list[str]:
    typical = {way: median(taken) for way, taken in times.items()}
    least = {way: quietest(some) for way, some in wires.items()}
    ours = least[_OURS]
    return [
        goal("as long as (a)", typical[_OURS] / typical[_BULK], " times", at_most=4),
        goal("quicker than (b)", typical[_EACH] / typical[_OURS], " times", at_least=3),
        goal(
            "less from Redis than (b)", least[_EACH].received / ours.received, " times", at_least=20
        ),
        goal(
            f"longest call, in the quietest of {METERED} runs",
            ours.longest / 1000,
            " ms",
            at_most=5,
        ),
    ]
