"""The acceptance tests' stage: real `bullhorn run` processes, the local Slack, real queues."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import aiohttp
import yaml
from bullmq import Queue, Worker

from bot.demo.localslack.driver import Driver
from bot.demo.localslack.server import LocalSlack
from bot.demo.localslack.shown import Shown
from tests.support.ports import free_port

PATIENCE = 30.0
"""Seconds a test waits for what must come; generous, as machines are busy."""
ROOT = Path(__file__).parents[2]


@dataclass
class Replica:
    """One `bullhorn run`."""

    process: Process
    port: int
    log: Path

    def freeze(self) -> None:
        """Stop it where it is, until `thaw`: its locks and leases run out meanwhile."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on, not knowing what has come to pass."""
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """Die without a word, as a machine that loses power does."""
        self.process.send_signal(signal.SIGKILL)

    async def stop(self) -> int:
        """End in an orderly way; returns the exit code."""
        if self.process.returncode is None:
            self.process.terminate()
        async with asyncio.timeout(PATIENCE):
            return await self.process.wait()

    async def get(self, path: str) -> tuple[int, str]:
        """Ask its web side: status and body; status 0 when it does not listen (yet)."""
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.get(f"http://127.0.0.1:{self.port}{path}") as response,
            ):
                return response.status, await response.text()
        except aiohttp.ClientError:
            return 0, ""


class Portal:
    """The application whose queue it is: adds jobs, and works on them when told."""

    def __init__(self, *, redis_url: str, queue: str) -> None:
        self._url = f"{redis_url}?socket_timeout=30"
        self._name = queue
        self._queue = Queue(queue, {"connection": self._url})
        self._worker: Any = None
        self._run: asyncio.Task[None] | None = None
        self.whmcs_up = True
        self.done: list[str] = []
        self.hang: asyncio.Event | None = None

    async def add(self, count: int, **data: Any) -> list[str]:
        """Add jobs of one attempt."""
        jobs = [
            {"name": "provision", "data": {"n": n, **data}, "opts": {"attempts": 1}}
            for n in range(count)
        ]
        return [job.id for job in await self._queue.addBulk(jobs)]

    def work(self, *, lock: int = 30_000) -> None:
        """Start a worker; `lock` is its lock's duration in ms."""

        async def process(job: Any, _token: str) -> str:
            if job.data.get("hang") and self.hang is not None:
                await self.hang.wait()
            if not self.whmcs_up:
                raise RuntimeError("WHMCS_ERROR: connect ETIMEDOUT")
            if job.data.get("fail"):
                raise RuntimeError(job.data["fail"])
            self.done.append(job.id)
            return "ok"

        options = {
            "connection": self._url,
            "autorun": False,
            "lockDuration": lock,
            "concurrency": 5,
        }
        self._worker = Worker(self._name, process, options)
        self._run = asyncio.create_task(self._worker.run())

    async def rest(self) -> None:
        """Stop the worker."""
        if self._worker is None:
            return
        if self.hang is not None:
            self.hang.set()
        closing = asyncio.create_task(self._worker.close())
        await asyncio.wait({closing}, timeout=5)
        if self._run is not None:
            self._run.cancel()
            await asyncio.gather(self._run, closing, return_exceptions=True)
        self._worker = self._run = None

    async def close(self) -> None:
        """Stop, and close the connections."""
        await self.rest()
        await self._queue.close()


@dataclass
class Stage:
    """Everything on it. `config` is the file each bot started from here reads.

    `transport` is how Slack reaches a bot that is started: "socket", or "http" (the newest one).
    """

    redis_url: str
    slack: LocalSlack
    driver: Driver
    folder: Path
    config: dict[str, Any]
    replicas: list[Replica] = field(default_factory=list)
    portals: list[Portal] = field(default_factory=list)
    transport: Literal["socket", "http"] = "socket"

    def portal(self, queue: str = "order-provisioning") -> Portal:
        """An application on a queue."""
        portal = Portal(redis_url=self.redis_url, queue=queue)
        self.portals.append(portal)
        return portal

    async def start_bot(self, **environment: str) -> Replica:
        """Start a replica and wait until it is ready.

        Raises:
            AssertionError: it does not get ready; with what it logged.
        """
        replica = await self.launch(**environment)
        await self.until(
            lambda: self._is_ready(replica), lambda: f"not ready:\n{replica.log.read_text()}"
        )
        return replica

    async def launch(self, **environment: str) -> Replica:
        """Start a replica and do not wait."""
        path = self.folder / "bullhorn.yml"
        path.write_text(yaml.safe_dump(self.config))
        port = free_port()
        log = self.folder / f"replica-{len(self.replicas)}.log"
        env = {
            **os.environ,
            "REDIS_URL": self.redis_url,
            "SLACK_BOT_TOKEN": "xoxb-demo",
            **self._reached_by(port),
            "SLACK_API_URL": self.slack.api_url,
            "BULLHORN_CONFIG": str(path),
            "PORT": str(port),
            **environment,
        }
        with log.open("wb") as out:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "bot", "run", stdout=out, stderr=out, env=env, cwd=ROOT
            )
        replica = Replica(process, port, log)
        self.replicas.append(replica)
        return replica

    def _reached_by(self, port: int) -> dict[str, str]:
        """What tells a bot on this port its transport; Slack is told too."""
        if self.transport == "socket":
            return {"SLACK_APP_TOKEN": self.slack.config.app_token}
        self.slack.deliver_to(f"http://127.0.0.1:{port}/slack/events")
        return {"SLACK_APP_TOKEN": "", "SLACK_SIGNING_SECRET": self.slack.config.signing_secret}

    @staticmethod
    async def _is_ready(replica: Replica) -> bool:
        assert replica.process.returncode is None, f"it ended:\n{replica.log.read_text()}"
        return (await replica.get("/readyz"))[0] == 200

    async def alerts(self, *, channel: str = "") -> list[Shown]:
        """The alert messages in #incidents, or another channel, oldest first."""
        seen = await self.driver.messages(channel=channel)
        return [
            message for message in seen if message.metadata.get("event_type") == "bullhorn_incident"
        ]

    async def alert(self, *words: str, channel: str = "") -> Shown:
        """Wait until exactly one alert is there, and all the words are in it."""

        async def look() -> Shown | None:
            found = await self.alerts(channel=channel)
            assert len(found) <= 1, f"posted {len(found)} times"
            fits = found and all(word in plain(found[0]) for word in words)
            return found[0] if fits else None

        found: Shown | None = await self._poll(look)
        if found is None:
            screen = "\n--\n".join(m.text for m in await self.driver.messages(channel=channel))
            raise AssertionError(f"no alert with {words}; on the screen:\n{screen}")
        return found

    async def thread(self) -> list[str]:
        """The texts of the timeline under the alerts."""
        seen = await self.driver.messages()
        return [m.text for m in seen if m.metadata.get("event_type") == "bullhorn_entry"]

    async def until(self, holds: Callable[[], Any], describe: Callable[[], str]) -> None:
        """Wait until an async condition holds.

        Raises:
            AssertionError: it does not, in time; with the description.
        """

        async def look() -> bool | None:
            return True if await holds() else None

        if await self._poll(look) is None:
            raise AssertionError(describe())

    @staticmethod
    async def _poll(look: Callable[[], Any]) -> Any:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + PATIENCE
        while True:
            found = await look()
            if found is not None or loop.time() >= deadline:
                return found
            await asyncio.sleep(0.05)

    async def close(self) -> None:
        """End everything that was started."""
        for portal in self.portals:
            await portal.close()
        for replica in self.replicas:
            if replica.process.returncode is None:
                replica.process.kill()
            await replica.process.wait()
        await self.driver.close()
        await self.slack.stop()


def plain(message: Shown) -> str:
    """A message's text without the asterisks of bold words."""
    return message.text.replace("*", "")
