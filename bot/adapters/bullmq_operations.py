"""Bullhorn's own BullMQ queue of long operations, and the official Python worker that runs them.

Its keys are `{bullhorn}:operations:*` in Bullhorn's own Redis. An operation is a job; whichever
replica takes it extends its lock while it runs. A replica that is killed loses the lock, and the
stalled check of another hands the job on within `LOCK` and `CHECK`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

import structlog
from bullmq import Queue, Worker
from bullmq.custom_errors import DelayedError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from bot.adapters import keys
from bot.adapters import redis_cluster as cluster
from bot.adapters.redis_errors import speaking_to
from bot.domain.times import Ms
from bot.errors import HandedOverError

NAME: Final = "operations"
_PREFIX: Final = keys.PREFIX.rstrip(":")
LOCK: Final[Ms] = 10_000
"""How long a job stays with a replica that no longer says it is alive."""
CHECK: Final[Ms] = 5_000
"""How often each replica looks for jobs that nobody holds any more."""
HELD: Final = 1_000
"""Operations that one replica has at most; of them some change jobs, and the others only wait."""
_AGAIN: Final[Ms] = 2_000
_TRIES: Final = 1_000
"""An operation whose own state cannot be written is tried again until it can."""
_RESTART: Final = 2.0

_log = structlog.get_logger(__name__)
Handler = Callable[[str, asyncio.Event], Awaitable[None]]
"""Runs the operation of a plan; the event says that the process is ending: hand it over."""


class _OneAsks(Worker):  # type: ignore[misc]  # the package has no types
    """The official worker with one slot more than it has jobs: that one asks for the next.

    So no number of operations that are only watched keeps the next repair waiting. With a fixed
    number of slots the free ones all ask, on their own, each time the waiting one's answer is
    "nothing": of 24 an idle replica costs Redis 35 commands a second instead of 3.
    """

    def __init__(self, processor: Callable[..., Awaitable[None]], options: dict[str, Any]) -> None:
        self._held = 0
        super().__init__(NAME, processor, options)
        self._hold(0)

    def _hold(self, more: int) -> None:
        self._held += more
        self.opts["concurrency"] = min(self._held + 1, HELD)  # read anew for each job

    @property
    def held(self) -> int:
        """Jobs in hand."""
        return self._held

    async def getNextJob(self, token: str) -> Any:  # noqa: N802 - the package's name
        if self.closing:  # `close` ends the one wait that it finds: none may begin after it
            return None
        job = await super().getNextJob(token)
        if job is not None:
            self._hold(1)
        return job

    async def processJob(self, job: Any, token: str) -> None:  # noqa: N802 - the package's name
        try:
            await super().processJob(job, token)
        finally:
            self._hold(-1)


class OperationsQueue:
    """Satisfies `ports.OperationQueue`. `client` is a client of its own, closed with it."""

    def __init__(self, *, client: Redis) -> None:
        self._client = client
        self._queue: Any = None

    async def submit(self, plan_id: str, attempt: str) -> None:
        """Put an operation in; the same attempt of a plan is taken once."""
        with speaking_to(None):
            if self._queue is None:
                self._queue = Queue(NAME, _options(self._client))
            await self._queue.add(
                "operation",
                {"plan": plan_id},
                {
                    "jobId": f"{plan_id}-{attempt}",
                    "attempts": _TRIES,
                    "backoff": {"type": "fixed", "delay": _AGAIN},
                    # nothing stays, so that an attempt whose job was lost can be put in again
                    "removeOnComplete": True,
                    "removeOnFail": True,
                },
            )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()


class OperationsWorker:
    """Takes operations and runs them, until stopped. `client` makes a client for each start."""

    def __init__(self, *, client: Callable[[], Redis], handler: Handler) -> None:
        self._open = client
        self._handler = handler
        self._leave = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._worker: Any = None
        self._trouble = ""

    @property
    def held(self) -> int:
        """Operations in hand: those that change jobs, and those that only wait or watch."""
        return self._worker.held if self._worker is not None else 0

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._serve(), name="operations")

    async def stop(self, seconds: float) -> None:
        """Hand what runs over to the others, and end; after so many seconds, whatever runs.

        `Worker.close` swallows cancellation until its jobs are done: hence tasks and a time-out.
        """
        self._leave.set()
        if self._task is None:
            return
        worker = self._worker
        closing = [asyncio.create_task(worker.close())] if worker is not None else []
        await asyncio.wait([self._task, *closing], timeout=seconds)
        for task in (self._task, *closing):
            task.cancel()
        if worker is not None:
            worker.cancelProcessing()
        await asyncio.wait([self._task, *closing], timeout=1.0)

    async def _serve(self) -> None:
        """Run a worker; when it ends or cannot begin, another after a while."""
        while not self._leave.is_set():
            client: Redis | None = None
            try:
                client = self._open()
                self._worker = _OneAsks(self._process, _worker_options(client))
                self._worker.on("error", lambda error, *_: self._told(str(error)))
                await self._worker.run()
            except Exception as error:  # noqa: BLE001 - without it no repair runs: told, and begun anew
                self._told(f"{type(error).__name__}: {error}")
            finally:
                if self._leave.is_set() and self._worker is not None and self._worker.processing:
                    # run() ends before its jobs do; they are handed over by this client.
                    await asyncio.wait(self._worker.processing)
                if client is not None:
                    with suppress(RedisError, OSError):
                        await client.aclose()
            with suppress(TimeoutError):
                async with asyncio.timeout(_RESTART):
                    await self._leave.wait()

    def _told(self, reason: str) -> None:
        """A trouble of the worker, once in a row."""
        if reason != self._trouble:
            self._trouble = reason
            _log.warning("operations cannot run now", reason=reason[:200])

    async def _process(self, job: Any, token: str) -> None:
        self._trouble = ""
        try:
            await self._handler(str(job.data.get("plan")), self._leave)
        except HandedOverError as error:
            await job.moveToDelayed(time.time_ns() // 1_000_000, token)
            raise DelayedError from error
        except Exception:
            _log.exception("an operation failed; it is tried again", plan=job.data.get("plan"))
            raise


def _options(client: Redis) -> dict[str, Any]:
    return {"connection": cluster.at(client, keys.PREFIX + NAME), "prefix": _PREFIX}


def _worker_options(client: Redis) -> dict[str, Any]:
    return {
        **_options(client),
        "autorun": False,  # run() is awaited, so that a worker that dies is noticed
        "lockDuration": LOCK,
        "stalledInterval": CHECK,
        "maxStalledCount": _TRIES,
        "runRetryDelay": _AGAIN,
    }
