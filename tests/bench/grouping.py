"""Part 2: 100,000 failed jobs by error."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, ExitStack
from functools import partial
from statistics import median
from typing import Any, Final

from tests.bench.figures import Part, Row, goal
from tests.bench.filling import FAILED, FULL, fill_failures
from tests.bench.peers import Peer, node_peer, on_top, python_peer
from tests.bench.wire import Wire, metered, quietest
from tests.support.valkey import Valkey, valkey_server

ROUNDS: Final = 3


async def grouping() -> Part:
    """In turn, each time by a fresh process, so that each peak begins at rest.

    Each side has a server of its own: what Node makes Redis answer leaves its memory in a state in
    which the next to come takes twice as long.
    """
    times: dict[str, list[float]] = {"node": [], "python": []}
    extra: dict[str, list[float]] = {"node": [], "python": []}
    wires: dict[str, list[Wire]] = {"node": [], "python": []}
    groups: dict[str, int] = {}
    with ExitStack() as stack:
        servers = {who: stack.enter_context(valkey_server()) for who in times}
        clients = {who: stack.enter_context(server.client()) for who, server in servers.items()}
        for redis in clients.values():
            fill_failures(redis)
        for _ in range(ROUNDS):
            for who, taken in times.items():
                async with _side(who, servers[who]) as peer:
                    found, more = await _once(peer)
                taken.append(found["ms"])
                groups[who] = found["groups"]
                assert found["jobs"] == FAILED
                if more is not None:
                    extra[who].append(more)
        for who, runs in (("node", 1), ("python", ROUNDS)):
            async with _side(who, servers[who]) as peer:
                await peer.ask("prepare", names=[FULL])
                for _ in range(runs):
                    work = partial(peer.ask, "group", name=FULL)
                    wires[who].append(await metered(clients[who], work))
    node, ours = "Node getJobs, grouped in memory", "Bullhorn, grouped inside Redis"
    return Part(
        title=f"2. Repair: {FAILED:,} failed jobs by error (ratio to Node)",
        rows=[
            Row(what=node, values=times["node"], wire=quietest(wires["node"])),
            Row(what=ours, values=times["python"], wire=quietest(wires["python"])),
            Row(what=f"{node}: memory on top", values=extra["node"], unit="MB"),
            Row(what=f"{ours}: memory on top", values=extra["python"], unit="MB"),
        ],
        remarks=[
            f"{groups['python']} groups by Bullhorn, {groups['node']} by Node",
            goal("quicker", median(times["node"]) / median(times["python"]), " times", at_least=10),
            goal("memory on top", max(extra["python"], default=0), " MB", at_most=30),
            goal(
                f"longest call, in the quietest of {ROUNDS} runs",
                quietest(wires["python"]).longest / 1000,
                " ms",
                at_most=5,
            ),
        ],
    )


def _side(who: str, valkey: Valkey) -> AbstractAsyncContextManager[Peer]:
    return node_peer(valkey) if who == "node" else python_peer(valkey)


async def _once(peer: Peer) -> tuple[dict[str, Any], float | None]:
    """What it found, and how many MB it took on top of what it held at rest."""
    await peer.ask("prepare", names=[FULL])
    return await on_top(await peer.ask("pid"), peer.ask("group", name=FULL))
