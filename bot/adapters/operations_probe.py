"""Tries whether operations can run: jobs go through a queue beside theirs, as repairs do."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any, Final

import redis.exceptions as problems
from bullmq import Queue, Worker
from redis.asyncio import Redis

from bot.adapters import keys
from bot.adapters import redis_cluster as cluster
from bot.adapters.redis_archive import RedisArchive
from bot.adapters.redis_errors import denied, speaking_to
from bot.domain.checkup import Trouble
from bot.domain.jobs import ArchivedJob
from bot.domain.queues import QueueId
from bot.domain.times import Ms
from bot.errors import ArchiveFullError, RedisUnavailableError
from bot.tasks import cancelled

_PREFIX: Final = keys.PREFIX.rstrip(":")
_JOBS: Final = ("first", "second")
_KEYS: Final = (
    *("meta", "id", "wait", "active", "marker", "events", "delayed", "prioritized", "pc"),
    *("completed", "failed", "stalled", "stalled-check"),
    *(f"{job}{part}" for job in _JOBS for part in ("", ":lock")),
)
_JOB: Final = ArchivedJob(
    id="first", state="failed", score="1", fields=((b"name", b"check"),), logs=(), parts=(),
    deduplication=None, parent=None,
)  # fmt: skip
_LEFT: Final[Ms] = 60_000
"""How long the keys live if this process is killed before it removes them."""
_CLOSES: Final = 1.0
_LOOKS: Final = 0.01
_LINE: Final = "Give its user the ACL line of docs/howto/redis.md: without that no repair runs"


class _LostError(Exception):
    """The worker failed, and that is no answer of Redis: a script of BullMQ ended half-way."""


class OperationsProbe:
    """Satisfies `ports.checkup.OperationsProbe`. `client` is its own: the worker closes it.

    The queue has a name that nobody else uses, so that no replica's worker takes the job; its keys
    lie under `{bullhorn}:` as those of operations do.
    """

    def __init__(self, *, client: Redis) -> None:
        self._client = client

    async def run(self) -> Trouble | None:
        """Work on jobs whose first try fails until they have completed; archive a job, drop it."""
        name = f"check-{secrets.token_hex(8)}"
        client: Any = cluster.at(self._client, keys.PREFIX)
        try:
            with speaking_to(None):
                try:
                    await _take_over(client, name)
                    await client.delete(*_names(name))
                    await _go_through(client, name)
                    await _note(client, name)
                    await self._archive(name)
                finally:
                    await client.delete(*_names(name))
        except RedisUnavailableError as error:
            return _trouble(error)
        except _LostError:
            return Trouble(why="operations cannot run: BullMQ lost a job on its way", fix=_LINE)
        return None

    async def _archive(self, name: str) -> None:
        archive = RedisArchive(client=self._client, kept=_LEFT)
        queue = QueueId("check", _PREFIX, name)
        await archive.begin(name, queue=queue, state="failed", kind="check", by="")
        try:
            if kept := await archive.put(name, [_JOB]):
                await archive.settle(name, kept.number, [_JOB.id])
                await archive.drop_jobs(name, kept.number, [_JOB.id])
            await archive.batches(name)
            await archive.recent(queue)
        except ArchiveFullError:
            return  # that is told when something is to be removed
        finally:
            await archive.drop(name)


async def _go_through(client: Any, name: str) -> None:
    """Two jobs: for the second one the worker waits, as it does for most operations.

    Raises:
        redis.RedisError, OSError, _LostError: what the worker, or an addition, meets first.
    """
    queue = Queue(name, {"connection": client, "prefix": _PREFIX})
    told: asyncio.Queue[BaseException | None] = asyncio.Queue()
    worker = _worker(client, name, told)
    running = asyncio.ensure_future(worker.run())
    running.add_done_callback(
        lambda task: _tell(told, None if task.cancelled() else task.exception())
    )
    try:
        for job_id in _JOBS:
            await _idle(worker, told)
            once = {"attempts": 2, "removeOnComplete": True, "removeOnFail": True}
            # none for the first: while a delayed job is due, the worker does not wait
            once["backoff"] = _JOBS.index(job_id)
            await queue.add("check", {}, {"jobId": job_id, **once})
            for key in _names(name):
                await client.pexpire(key, _LEFT)
            if (error := await told.get()) is not None:
                raise error
    finally:
        await _end(running, asyncio.ensure_future(worker.close(force=True)))
        # One whose cancellation got lost would go on, and open another connection.
        for task in list(worker.processing):
            await cancelled(task)


def _worker(client: Any, name: str, told: asyncio.Queue[BaseException | None]) -> Any:
    """A worker whose first try of a job fails, and which tells what it meets.

    That is None for a job that has completed.
    """

    async def process(job: Any, _token: str) -> None:
        if not job.attemptsMade:
            raise ValueError("the first try")

    def job_failed(_job: Any, error: Any, *_: Any) -> None:
        if isinstance(error, problems.RedisError):
            _tell(told, error)

    options = {"connection": client, "prefix": _PREFIX, "autorun": False, "drainDelay": 1}
    worker = Worker(name, process, options)
    worker.on("error", lambda error, *_: _tell(told, error))
    worker.on("failed", job_failed)
    worker.on("completed", lambda *_: told.put_nowait(None))
    return worker


def _tell(told: asyncio.Queue[BaseException | None], error: BaseException | None) -> None:
    if error is not None:
        told.put_nowait(_of_redis(error))


async def _idle(worker: Any, told: asyncio.Queue[BaseException | None]) -> None:
    """Wait until the worker has looked and found nothing, or has met something."""
    while not worker.drained and told.empty():  # noqa: ASYNC110 - the worker has no event for it
        await asyncio.sleep(_LOOKS)


async def _take_over(client: Any, name: str) -> None:
    """A job that was active when its worker died is put back, as after a kill.

    Raises:
        redis.RedisError, OSError, _LostError: what that meets first.
    """
    queue = Queue(name, {"connection": client, "prefix": _PREFIX})
    await queue.add("check", {}, {"jobId": _JOBS[0]})
    await client.rpoplpush(f"{keys.PREFIX}{name}:wait", f"{keys.PREFIX}{name}:active")
    found: list[str] = []
    for _ in range(2):  # it is marked at one look, and moved at the next
        await client.delete(f"{keys.PREFIX}{name}:stalled-check")
        found = await queue.scripts.moveStalledJobsToWait(1, _LEFT)
        for key in _names(name):
            await client.pexpire(key, _LEFT)
    if found != [_JOBS[0]]:
        raise _LostError


async def _note(client: Any, name: str) -> None:
    """As the note is left that an ended operation has for its alert's thread."""
    key = f"{keys.PREFIX}{name}:meta"
    async with client.pipeline(transaction=True) as pipe:
        pipe.delete(key)
        pipe.rpush(key, "note")
        pipe.ltrim(key, -1, -1)
        pipe.delete(key)
        await pipe.execute()


async def _end(*tasks: asyncio.Future[Any]) -> None:
    """Wait a moment for them, and end them."""
    await asyncio.wait(tasks, timeout=_CLOSES)
    for task in tasks:
        await cancelled(task)


def _names(name: str) -> list[str]:
    return [f"{keys.PREFIX}{name}:{part}" for part in _KEYS]


def _trouble(error: RedisUnavailableError) -> Trouble:
    why = "operations cannot run: " + str(error).rstrip(".")
    look = "No repair would run; look at the server and its log"
    return Trouble(why=why, fix=_LINE if denied(error.__cause__) else look)


def _of_redis(error: BaseException) -> BaseException:
    """What Redis said, also where the worker met that before it met this `error`.

    A script of BullMQ ends half-way at what it may not do; the next one then misses what it left.
    """
    met: BaseException | None = error
    while met is not None and not isinstance(met, (problems.RedisError, OSError)):
        met = met.__cause__ or met.__context__
    return met or _LostError()
