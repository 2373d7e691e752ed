"""Part 3: 20,000 of 40,000 failed jobs back to waiting, by error."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
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
Asking = Callable[[], Awaitable[Any]]


class _Way:
    """One of the three, on a server of its own."""

    def __init__(self, way: str, redis: Redis, peer: Peer) -> None:
        self._way, self._redis, self._peer = way, redis, peer
        self._plans = count()

    def prepared(self) -> Asking:
        """Fill the queue anew; what is given then does the work."""
        self._redis.flushall()
        began = fill_failures(self._redis, count=JOBS, kinds=JOBS // WANTED)
        if self._way == _BULK:
            return partial(self._peer.ask, "bulk_retry", name=FULL, until=began + WANTED - 1)
        if self._way == _EACH:
            return partial(self._peer.ask, "each_retry", name=FULL, code=FIRST_CODE)
        more = {"plan": f"plan{next(self._plans)}", "code": FIRST_CODE, "until": began + JOBS}
        return partial(self._peer.ask, "retry", name=FULL, **more)

    async def time(self) -> float:
        """How many ms it takes."""
        found = await self.prepared()()
        self._check()
        return float(found["ms"])

    async def meter(self) -> Wire:
        """What it asks of Redis."""
        wire = await metered(self._redis, self.prepared(), floor=_FLOOR)
        self._check()
        return wire

    def _check(self) -> None:
        """That the work was done, whoever did it."""
        assert self._redis.zcard(f"{PREFIX}:{FULL}:failed") == JOBS - WANTED
        assert self._redis.llen(f"{PREFIX}:{FULL}:wait") == WANTED


async def retrying() -> Part:
    """All ways in turn, round by round, so that what disturbs one disturbs all."""
    times: dict[str, list[float]] = defaultdict(list)
    wires: dict[str, list[Wire]] = defaultdict(list)
    async with AsyncExitStack() as stack:
        ways = {}
        for way, side in ((_BULK, node_peer), (_EACH, node_peer), (_OURS, python_peer)):
            valkey = stack.enter_context(valkey_server())
            redis = stack.enter_context(valkey.client())
            ways[way] = _Way(way, redis, await stack.enter_async_context(side(valkey)))
        for number in range(1 + ROUNDS):
            for what, way in ways.items():
                took = await way.time()
                if number:
                    times[what].append(took)
        for _ in range(METERED):
            for what, way in ways.items():
                wires[what].append(await way.meter())
    return Part(
        title=f"3. Repair: {WANTED:,} of {JOBS:,} failed jobs retried (ratio to (a))",
        rows=[Row(what=what, values=times[what], wire=quietest(wires[what])) for what in ways],
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
