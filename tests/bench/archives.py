"""Part 4: 50,000 failed jobs into the archive, and back."""

from __future__ import annotations

from typing import Any, Final

from redis import Redis

from tests.bench.figures import Part, Row
from tests.bench.filling import FULL, PREFIX, fill_failures
from tests.bench.peers import Peer, python_peer
from tests.bench.wire import Wire, metered, quietest
from tests.support.valkey import valkey_server

JOBS: Final = 50_000
ROUNDS: Final = 2
_FLOOR: Final = 200


async def archives() -> Part:
    """Each round archives all of them, and brings them back."""
    rates: dict[str, list[float]] = {"clean": [], "undo": []}
    wires: dict[str, list[Wire]] = {"clean": [], "undo": []}
    archived: dict[str, Any] = {}
    with valkey_server() as valkey, valkey.client() as redis:
        async with python_peer(valkey) as peer:
            for number in range(ROUNDS):
                began = _fill(redis)
                size = _size(redis)
                archived = await peer.ask(
                    "clean", name=FULL, plan=f"c{number}", count=JOBS, until=began + JOBS
                )
                _check(redis, 0)
                back = await peer.ask(
                    "undo", name=FULL, plan=f"u{number}", count=JOBS, archive=f"c{number}"
                )
                _check(redis, JOBS)
                rates["clean"].append(JOBS / archived["ms"] * 1000)
                rates["undo"].append(JOBS / back["ms"] * 1000)
            for number in range(ROUNDS):
                await _meter(redis, peer, f"m{number}", _fill(redis), wires)
    per_job = archived["bytes"] / JOBS
    return Part(
        title=f"4. Repair: {JOBS:,} failed jobs archived and brought back (ratio to the first row)",
        rows=[
            Row(what="clean: archived, then removed", values=rates["clean"], unit="jobs/s",
                wire=quietest(wires["clean"])),
            Row(what="undo: put back as they were", values=rates["undo"], unit="jobs/s",
                wire=quietest(wires["undo"])),
        ],
        remarks=[
            f"{per_job:,.0f} bytes a job in the archive, {size:,.0f} of memory in the queue",
        ],
    )  # fmt: skip


async def _meter(
    redis: Redis, peer: Peer, plan: str, began: int, wires: dict[str, list[Wire]]
) -> None:
    async def clean() -> None:
        await peer.ask("clean", name=FULL, plan=plan, count=JOBS, until=began + JOBS)

    async def undo() -> None:
        await peer.ask("undo", name=FULL, plan=f"{plan}u", count=JOBS, archive=plan)

    wires["clean"].append(await metered(redis, clean, floor=_FLOOR))
    wires["undo"].append(await metered(redis, undo, floor=_FLOOR))
    _check(redis, JOBS)


def _fill(redis: Redis) -> int:
    redis.flushall()
    began = fill_failures(redis, count=JOBS)
    redis.memory_purge()
    return began


def _size(redis: Redis) -> float:
    """Bytes of memory that one of the jobs takes."""
    return sum(redis.memory_usage(f"{PREFIX}:{FULL}:{n}", samples=0) or 0 for n in range(100)) / 100


def _check(redis: Redis, failed: int) -> None:
    assert redis.zcard(f"{PREFIX}:{FULL}:failed") == failed
    assert redis.exists(f"{PREFIX}:{FULL}:0", f"{PREFIX}:{FULL}:{JOBS - 1}") == (2 if failed else 0)
