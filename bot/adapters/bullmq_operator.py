"""Changes queues: retries here, pauses in bullmq_pause.py.

Jobs are retried by the official package's `reprocessJob`, in guarded chunks. A chunk is one
transaction: the queue's `meta` and the job hashes are watched, then looked at, the version table is
asked, and the script is run for each job that is still the same failure, unless damage would make
the script fail half-way (lua/retry_look.lua). If a pause, another
version or another retry comes in between, nothing of the chunk is moved and it is looked at again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from bullmq.redis_connection import SCRIPT_DEFINITIONS, loadScript
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.exceptions import ConnectionError as ConnectionLostError
from redis.exceptions import NoScriptError, WatchError

from bot.adapters import bullmq_scripts as scripts
from bot.adapters.bullmq_jobs import decode
from bot.adapters.bullmq_pause import Switch, package_pause
from bot.adapters.bullmq_sample import whole
from bot.adapters.bullmq_scripts import Call, Script
from bot.adapters.redis_errors import speaking_to
from bot.adapters.sources import Sources
from bot.domain.compatibility import Action, Allowance, allow, major_version
from bot.domain.jobs import BatchOutcome, FailedRef
from bot.domain.pausing import PauseOutcome
from bot.domain.queues import QueueId
from bot.errors import BullhornError, RedisUnavailableError, RefusedError

CHUNK: Final = 50
"""Jobs in one transaction: it holds the server for a millisecond or two."""

TRIES: Final = 10
"""How often a chunk is looked at again before the queue is taken to be too busy."""

_SCRIPT_FILE: Final = "reprocessJob-9.lua"
_CHANGED: Final = "Watched variable changed"
_MOVED: Final = 1
_GONE: Final = -1


@dataclass(frozen=True, slots=True)
class _Found:
    """One job as it is now."""

    ref: FailedRef
    score: int | None
    prioritized: bool
    lifo: bool
    exists: bool
    damaged: bool


class BullmqOperator:
    """The port QueueOperator over the sources of the config."""

    def __init__(self, *, sources: Sources) -> None:
        self._sources = sources
        self._script = reprocess_job()
        self._pause = package_pause()

    async def retry(
        self, queue: QueueId, jobs: Sequence[FailedRef], *, fresh: bool, configured: int | None
    ) -> BatchOutcome:
        """Move failed jobs back to waiting, each only while it is the same failure.

        Raises:
            RefusedError: the version table does not allow it, or the queue's own keys are damaged;
                `done` is what was moved before.
            RedisUnavailableError: the source does not answer; `done` is what was surely moved
                before, and up to one chunk more may have been.
        """
        client = self._sources.client(queue)
        outcome = BatchOutcome()
        unique = list(dict.fromkeys(jobs))
        try:
            with speaking_to(queue.source):
                await client.script_load(self._script.text)
                for start in range(0, max(1, len(unique)), CHUNK):
                    chunk = unique[start : start + CHUNK]
                    outcome += await _Retry(client, queue, self._script, fresh, configured).run(
                        chunk
                    )
        except BullhornError as error:
            in_chunk = error.done if isinstance(error.done, BatchOutcome) else BatchOutcome()
            error.done = outcome + in_chunk
            raise
        return outcome

    async def pause(self, queue: QueueId, *, configured: int | None) -> PauseOutcome:
        """Let no worker start another job of this queue.

        Raises:
            RefusedError: the version table does not allow it.
            RedisUnavailableError: the source does not answer; it may be paused all the same.
        """
        return await self._switch(queue, Action.PAUSE, configured)

    async def resume(self, queue: QueueId, *, configured: int | None) -> PauseOutcome:
        """End a pause.

        Raises:
            As `pause`.
        """
        return await self._switch(queue, Action.RESUME, configured)

    async def _switch(self, queue: QueueId, action: Action, configured: int | None) -> PauseOutcome:
        switch = Switch(
            client=self._sources.client(queue),
            queue=queue,
            action=action,
            configured=configured,
            package=self._pause,
        )
        with speaking_to(queue.source):
            return await switch.run()


@dataclass(frozen=True, slots=True)
class _Retry:
    """What one call is about, but its jobs."""

    client: Redis
    queue: QueueId
    script: Script
    fresh: bool
    configured: int | None

    async def run(self, chunk: Sequence[FailedRef]) -> BatchOutcome:
        """Move a chunk, again from the start whenever something came in between."""
        for _ in range(TRIES):
            try:
                return await self._once(chunk)
            except WatchError as error:
                if _CHANGED not in str(error):  # so redis-py tells of a connection lost on the way
                    raise ConnectionLostError(str(error)) from error
            except NoScriptError:  # the server was restarted or its scripts flushed
                await self.client.script_load(self.script.text)
        raise RedisUnavailableError(
            f'The queue "{self.queue.name}" changes too fast to be retried safely now. Try again.'
        )

    async def _once(self, chunk: Sequence[FailedRef]) -> BatchOutcome:
        async with self.client.pipeline(transaction=True) as pipe:
            keys = [self.queue.key("meta"), *(self.queue.key(ref.id) for ref in chunk)]
            await pipe.watch(*keys)
            allowance, found = await self._look(pipe, chunk)
            movable, outcome = _sort(found, allowance)
            if not movable:
                return outcome
            pipe.multi()  # type: ignore[no-untyped-call]
            for one in movable:
                self._add(pipe, one)
            answers = await pipe.execute(raise_on_error=False)
        if any(isinstance(answer, NoScriptError) for answer in answers):
            raise NoScriptError
        outcome += _read(movable, answers)
        for answer in answers:
            if isinstance(answer, Exception):
                self._give_up(answer, outcome)
        return outcome

    def _give_up(self, error: Exception, outcome: BatchOutcome) -> None:
        """The server refused a script (no memory, a replica): say so, and what was moved."""
        try:
            with speaking_to(self.queue.source):
                raise error
        except RedisUnavailableError as told:
            told.done = outcome
            raise

    async def _look(
        self, pipe: Pipeline, chunk: Sequence[FailedRef]
    ) -> tuple[Allowance, list[_Found]]:
        """Ask the version table, and see what is left of the jobs; on the watching connection."""
        call = Call((self.queue.key("meta"),), tuple(ref.id for ref in chunk))
        version, paused, damage, *rows = await _look_script(pipe, call)
        if damage is not None:
            raise RefusedError(
                f"The queue's own keys are damaged ({damage}): a retry could lose jobs. "
                "Mend that in Redis, then try again."
            )
        major = major_version(version, self.configured)
        allowance = allow(Action.RETRY, major=major, paused=paused is not None)
        if self.fresh:
            allow(Action.FRESH, major=major, paused=paused is not None)
        return allowance, [_found(ref, row) for ref, row in zip(chunk, rows, strict=True)]

    def _add(self, pipe: Pipeline, one: _Found) -> None:
        names = ("events", "failed", "wait", "meta", "active", "marker", "prioritized", "pc")
        keys = (self.queue.key(one.ref.id), *(self.queue.key(name) for name in names))
        reset = "1" if self.fresh else "0"
        push = "RPUSH" if one.lifo else "LPUSH"
        pipe.evalsha(
            self.script.sha,
            len(keys),
            *keys,
            one.ref.id,
            push,
            "failedReason",
            "failed",
            reset,
            reset,
        )


async def _look_script(pipe: Pipeline, call: Call) -> list[Any]:
    """Run retry_look.lua at once, outside the transaction that follows."""
    return cast(
        "list[Any]", await scripts.run(cast("Redis", pipe), scripts.load("retry_look"), call)
    )


def _found(ref: FailedRef, row: Sequence[Any]) -> _Found:
    score, prioritized, options, exists, damaged = row
    decoded = decode(options)
    return _Found(
        ref=ref,
        score=whole(score),
        prioritized=bool(prioritized),
        lifo=isinstance(decoded, dict) and bool(decoded.get("lifo")),
        exists=bool(exists),
        damaged=bool(damaged),
    )


def _sort(found: Sequence[_Found], allowance: Allowance) -> tuple[list[_Found], BatchOutcome]:
    """Which jobs to move, and what is to be said of the others."""
    same = [one for one in found if one.score == one.ref.failed_at]
    there = [one for one in same if one.exists]
    movable = [
        one
        for one in there
        if not one.damaged and not (allowance.leave_out_prioritized and one.prioritized)
    ]
    return movable, BatchOutcome(
        changed=len(found) - len(same),
        vanished=len(same) - len(there),
        left_out=len(there) - len(movable),
    )


def _read(movable: Sequence[_Found], answers: Sequence[Any]) -> BatchOutcome:
    pairs = [
        (one, answer)
        for one, answer in zip(movable, answers, strict=True)
        if not isinstance(answer, Exception)
    ]
    return BatchOutcome(
        done=tuple(one.ref.id for one, answer in pairs if answer == _MOVED),
        changed=sum(answer not in (_MOVED, _GONE) for _, answer in pairs),
        vanished=sum(answer == _GONE for _, answer in pairs),
    )


def reprocess_job() -> Script:
    """The package's script that moves one finished job back to waiting.

    Raises:
        RuntimeError: the package's script takes other keys than those it is given here.
    """
    if SCRIPT_DEFINITIONS.get("reprocessJob") != _SCRIPT_FILE:
        raise RuntimeError(
            "The bullmq package has changed reprocessJob: its keys must be reviewed."
        )
    return Script.of(loadScript(_SCRIPT_FILE))
