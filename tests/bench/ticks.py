"""Part 1: looking at 1,000 queues."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from tests.bench.figures import Part, Row
from tests.bench.filling import BUSY, QUEUES, let_time_pass, names
from tests.bench.peers import Peer, node_peer, python_peer
from tests.bench.wire import metered
from tests.support.valkey import Valkey

ROUNDS: Final = 10
_WARM: Final = 2
_SAID: Final = {
    "node counts": "Node BullMQ getJobCounts, all in parallel",
    "node looks": "Node BullMQ, a like set of fields",
    "counts": "one raw Lua call that only counts",
    "looks": "Bullhorn: one round of samples, all fields",
    "tick": "Bullhorn: a whole tick (sample, engine, commit)",
    "status": "Bullhorn: all that is read for `/queue status`",
}


async def ticks(valkey: Valkey) -> Part:
    """All ways in turn, round by round, so that what disturbs one disturbs all."""
    times: dict[str, list[float]] = defaultdict(list)
    with valkey.client() as redis:
        async with python_peer(valkey) as python, node_peer(valkey) as node:
            ways: Mapping[str, tuple[Peer, str]] = {
                "node counts": (node, "counts"),
                "node looks": (node, "looks"),
                "counts": (python, "counts"),
                "looks": (python, "looks"),
                "status": (python, "status"),
                "tick": (python, "tick"),
            }
            for peer in (python, node):
                await peer.ask("prepare", names=names())
            for number in range(_WARM + ROUNDS):
                let_time_pass(redis)
                for way, (peer, operation) in ways.items():
                    if way == "status" and number % 2:
                        continue  # it takes longer than all the others
                    took = await peer.ask(operation)
                    if number >= _WARM:
                        times[way].append(took)
            wires = {}
            for way, (peer, operation) in ways.items():
                let_time_pass(redis)
                wires[way] = await metered(redis, lambda p=peer, o=operation: p.ask(o))
            await python.ask("close")
    return Part(
        title=f"1. A tick: {QUEUES:,} queues, {BUSY} with 8 new events (ratio to getJobCounts)",
        rows=[Row(what=said, values=times[way], wire=wires[way]) for way, said in _SAID.items()],
    )
