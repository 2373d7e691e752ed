"""Parts 6 and 7: how long a start takes, and memory, at rest and after 200 ticks."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Final

from bot.demo.localslack.server import LocalSlack
from tests.bench.apps import app, python, until_ready
from tests.bench.figures import Part, Row
from tests.bench.filling import let_time_pass, names
from tests.bench.peers import python_peer, resident
from tests.support.valkey import Valkey

STARTS: Final = 3
TICKS: Final = 200
_SETTLED: Final = (20, 110, 200)
"""After how many ticks memory is looked at; the first ones fill caches."""
_REST: Final = 1.5
_BARE: Final = "import slack_bolt, redis"


async def starts(valkey: Valkey, folder: Path) -> Part:
    """The bot beside a process that only imports what it stands on."""
    bare, ours, rest = [], [], []
    slack = LocalSlack()
    await slack.start()
    try:
        for number in range(STARTS):
            began = time.perf_counter()
            await asyncio.to_thread(python, _BARE)
            bare.append(_since(began))
            log = folder / f"start-{number}.log"
            began = time.perf_counter()
            async with app("bot", "run", slack=slack, redis=valkey.url, log=log) as bot:
                await until_ready(bot)
                ours.append(_since(began))
                await asyncio.sleep(_REST)
                held = resident(bot.process.pid)
                rest += [] if held is None else [held]
    finally:
        await slack.stop()
    return Part(
        title="6. Start (ratio to the bare imports)",
        rows=[
            Row(what=f"python -c '{_BARE}'", values=bare),
            Row(what="bullhorn run, until /readyz is 200", values=ours),
            Row(what="bullhorn run: memory at rest", values=rest, unit="MB"),
        ],
    )


async def memory(valkey: Valkey) -> Part:
    """Whether ticks leave anything behind."""
    held: dict[int, float] = {}
    async with python_peer(valkey) as peer:
        await peer.ask("prepare", names=names())
        pid = await peer.ask("pid")
        before = resident(pid)
        with valkey.client() as redis:
            for number in range(1, TICKS + 1):
                let_time_pass(redis)
                await peer.ask("tick")
                now = resident(pid)
                if number in _SETTLED and now is not None:
                    held[number] = now
        await peer.ask("close")
    rows = [Row(what="before the first tick", values=[before] if before else [], unit="MB")]
    rows += [Row(what=f"after {n} ticks", values=[mb], unit="MB") for n, mb in held.items()]
    return Part(title=f"7. Memory of the watch over {TICKS} ticks, 1,000 queues", rows=rows)


def _since(began: float) -> float:
    return (time.perf_counter() - began) * 1000
