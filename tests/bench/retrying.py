"""Part 3: 20,000 of 40,000 failed jobs back to waiting, by error."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
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
_FEW: Final = 2_000
_WARM: Final = "warm"
"""Jobs of another queue on which each process is warmed up."""
Asking = Callable[[], Awaitable[Any]]


class _Way:
    """One of the three; each run on a server that has just been filled."""

    def __init__(self, way: str) -> None:
        self._way = way

    async def time(self) -> float:
        """How many ms it takes."""
        async with self._prepared() as (_, work):
            return float((await work())["ms"])

    async def meter(self) -> Wire:
        """What it asks of Redis."""
        async with self._prepared() as (redis, work):
            return await metered(redis, work, floor=_FLOOR)

    @asynccontextmanager
    async def _prepared(self) -> AsyncIterator[tuple[Redis, Asking]]:
        """A full queue, and what does the work; checks that it was done."""
        side = python_peer if self._way == _OURS else node_peer
        kinds = JOBS // WANTED
        with valkey_server() as valkey, valkey.client() as redis:
            few = fill_failures(redis, count=_FEW, kinds=kinds, name=_WARM)
            many = fill_failures(redis, count=JOBS, kinds=kinds)
            async with side(valkey) as peer:
                await self._work(peer, _WARM, few, _FEW // kinds)()
                yield redis, self._work(peer, FULL, many, WANTED)
            assert redis.zcard(f"{PREFIX}:{FULL}:failed") == JOBS - WANTED
            assert redis.llen(f"{PREFIX}:{FULL}:wait") == WANTED

    def _work(self, peer: Peer, name: str, began: int, wanted: int) -> Asking:
        if self._way == _BULK:
            return partial(peer.ask, "bulk_retry", name=name, until=began + wanted - 1)
        if self._way == _EACH:
            return partial(peer.ask, "each_retry", name=name, code=FIRST_CODE)
        more = {"plan": f"of {name}", "count": wanted, "until": began + JOBS}
        return partial(peer.ask, "retry", name=name, code=FIRST_CODE, **more)


async def retrying() -> Part:
    """All ways in turn, round by round, so that what disturbs one disturbs all."""
    ways = {what: _Way(what) for what in (_BULK, _EACH, _OURS)}
    times: dict[str, list[float]] = defaultdict(list)
    wires: dict[str, list[Wire]] = defaultdict(list)
    for _ in range(ROUNDS):
        for what, way in ways.items():
            times[what].append(await way.time())
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
