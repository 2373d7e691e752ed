"""The demo's Bullhorns: one or two replicas on one Redis and Slack, and a kill that passes.

A replica that was killed by the page is started anew after a while. One that ends by itself ends
the demo, which shows its last words.
"""

from __future__ import annotations

import asyncio
import re
from asyncio.subprocess import Process
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp

from bot.demo.localslack.server import World
from bot.demo.workload import child
from bot.demo.workload.ports import free_port
from bot.demo.workload.switches import BOT_SWITCHES
from bot.tasks import cancelled

MODULE: Final = "bot.demo.bot_process"
BACK_AFTER: Final = 20.0
"""Seconds until a killed one is started anew: longer than the other needs to take over."""
_STOP: Final = 15.0
"""Seconds a replica gets to end by itself."""
_ASKING: Final = aiohttp.ClientTimeout(total=1.0)
_LOG_TAIL: Final = 20
_FIGURE: Final = re.compile(r"^bullhorn_(leader|operations) (\S+)$", re.MULTILINE)


@dataclass(frozen=True, order=True)
class Work:
    """What a replica has to do, by its own figures; the greater one is the one at work."""

    operations: int = 0
    leads: bool = False

    @property
    def words(self) -> str:
        """For the page."""
        said = ["runs a repair"] if self.operations else []
        return " \N{MIDDLE DOT} ".join([*(["leads"] if self.leads else []), *said]) or "up"


class _Replica:
    """One of them: its process, and the task that starts it anew."""

    def __init__(self, number: int, log: Path) -> None:
        self.number = number
        self.log = log
        self.process: Process | None = None
        self.keeper: asyncio.Task[None] | None = None
        self.port = 0
        self.killed = False

    @property
    def runs(self) -> bool:
        return self.process is not None and self.process.returncode is None

    async def start(self, environment: Mapping[str, str]) -> None:
        self.port = free_port()
        with self.log.open("ab") as log:
            self.process = await child.spawn(
                MODULE, stdout=log, env={**environment, "PORT": str(self.port)}
            )

    async def stop(self) -> None:
        if self.keeper is not None:
            await cancelled(self.keeper)
        if self.process is not None:
            await child.stop(self.process, within=_STOP)

    async def work(self, session: aiohttp.ClientSession) -> Work:
        """What it says; nothing while it begins, or is too busy to say."""
        if not self.runs:
            return Work()
        try:
            async with session.get(f"http://127.0.0.1:{self.port}/metrics") as answer:
                found = dict(_FIGURE.findall(await answer.text()))
        except (aiohttp.ClientError, TimeoutError):
            return Work()
        return Work(int(float(found.get("operations", 0))), found.get("leader") == "1.0")


class Bots:
    """The replicas; `start` and `stop` are for one task."""

    def __init__(
        self, *, folder: Path, environment: Mapping[str, str], back_after: float = BACK_AFTER
    ) -> None:
        self._folder = folder
        self._environment = environment
        self._back_after = back_after
        self._replicas: list[_Replica] = []
        self._switching = asyncio.Lock()
        self._session: aiohttp.ClientSession | None = None
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        """One has ended by itself: what is to be said of it."""

    @property
    def pids(self) -> list[int]:
        """The processes that run."""
        return [one.process.pid for one in self._replicas if one.process is not None and one.runs]

    async def start(self) -> None:
        """Start the first."""
        self._session = aiohttp.ClientSession(timeout=_ASKING)
        async with self._switching:
            await self._add()

    async def stop(self) -> None:
        """End all; none begins after this."""
        async with self._switching:
            session, self._session = self._session, None
            replicas, self._replicas = self._replicas, []
            await asyncio.gather(*(one.stop() for one in replicas))
            if session is not None:
                await session.close()

    async def second(self, on: bool) -> None:
        """Have two, or one."""
        async with self._switching:
            if self._session is None:
                return
            if on and len(self._replicas) == 1:
                await self._add()
            elif not on and len(self._replicas) > 1:
                await self._replicas.pop().stop()

    async def kill(self) -> None:
        """SIGKILL for the one at work: with the most operations, or else the one that leads."""
        async with self._switching:
            running = [one for one in self._replicas if one.runs]
            if not running:
                return
            work = dict(zip(running, await self._work(running), strict=True))
            busiest = max(running, key=lambda one: work[one])
            if busiest.process is not None and busiest.runs:
                busiest.killed = True
                busiest.process.kill()
                await child.stop(busiest.process, within=_STOP)

    async def snapshot(self) -> list[dict[str, Any]]:
        """Each replica for the page."""
        replicas = list(self._replicas)
        work = await self._work(replicas)
        return [
            {
                "id": f"bullhorn-{one.number}",
                "label": f"Bullhorn {one.number}",
                "up": one.runs,
                "state": now.words if one.runs else "killed",
            }
            for one, now in zip(replicas, work, strict=True)
        ]

    def switches(self) -> list[dict[str, Any]]:
        """Their switches for the page."""
        return [{**vars(switch), "on": len(self._replicas) > 1} for switch in BOT_SWITCHES]

    async def _work(self, replicas: Sequence[_Replica]) -> list[Work]:
        session = self._session
        if session is None:
            return [Work() for _ in replicas]
        return await asyncio.gather(*(one.work(session) for one in replicas))

    async def _add(self) -> None:
        number = len(self._replicas) + 1
        replica = _Replica(number, self._folder / f"bullhorn-{number}.log")
        await replica.start(self._environment)
        replica.keeper = asyncio.create_task(self._keep(replica), name=f"bullhorn-{number}")
        self._replicas.append(replica)

    async def _keep(self, replica: _Replica) -> None:
        """Start it anew whenever the page has killed it."""
        while replica.process is not None:
            code = await replica.process.wait()
            if not replica.killed:
                if not self.ended.done():
                    self.ended.set_result(_last_words(replica, code))
                return
            await asyncio.sleep(self._back_after)
            replica.killed = False
            await replica.start(self._environment)


class WithBots:
    """The world that the page shows, with the Bullhorns in it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.bots: Bots | None = None
        """Set once the page is served: they need its address."""

    async def snapshot(self) -> dict[str, Any]:
        """See `World`; `bots` are the Bullhorns."""
        if self.bots is None:
            return await self._world.snapshot()
        world, bots = await asyncio.gather(self._world.snapshot(), self.bots.snapshot())
        return {**world, "bots": bots, "switches": [*world["switches"], *self.bots.switches()]}

    async def switch(self, switch_id: str, on: bool | None) -> dict[str, Any]:
        """See `World`.

        Raises:
            ValueError: there is no such switch.
        """
        if self.bots is None or switch_id not in {switch.id for switch in BOT_SWITCHES}:
            await self._world.switch(switch_id, on)
        elif switch_id == "two_bots":
            await self.bots.second(bool(on))
        else:
            await self.bots.kill()
        return await self.snapshot()


def _last_words(replica: _Replica, code: int) -> str:
    lines: list[str] = []
    with suppress(OSError):
        lines = replica.log.read_text(errors="replace").splitlines()[-_LOG_TAIL:]
    first = f"Bullhorn {replica.number} has stopped (exit code {code}). Its last words:"
    return "\n".join([first, *lines, ""])
