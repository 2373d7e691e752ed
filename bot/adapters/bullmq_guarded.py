"""Runs the scripts that change a queue: each call checks, by itself, what it was allowed on.

A script that includes lua/guard.lua changes nothing unless the queue's version and pause are those
that the version table was asked about. Where they are not, it tells them, and the table is asked
anew. docs/decisions/0004-retry-guard.md says why.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from redis.asyncio import Redis
from redis.client import NEVER_DECODE
from redis.exceptions import NoScriptError, ResponseError

from bot.adapters.bullmq_scripts import Argument, Script
from bot.adapters.redis_errors import speaking_to
from bot.domain.compatibility import Action, Allowance, allow, major_version
from bot.domain.jobs import BatchOutcome
from bot.domain.queues import QueueId
from bot.errors import BullhornError, RedisUnavailableError, RefusedError

T = TypeVar("T")

TRIES: Final = 10
"""How often a queue that changes in between is looked at again."""

AT_ONCE: Final = 2
"""Calls under way at once: while a server does one, the next is on its way."""

_CHANGED: Final = b"changed"
_DAMAGED: Final = b"damaged"
_DONE: Final = ord("d")
_ERROR: Final = 2
"""How long an answer of `carry_out` is that tells of an error."""


@dataclass(slots=True, kw_only=True)
class Guarded:
    """Some actions on one queue, allowed together, as part of one operation.

    `client` is the queue's own (`Sources.client(queue)`); `operation` names the done set, "" for
    none. `known` is what allowed queues were like when last seen, for those who change them in
    batch after batch: a call tells when that is over. Calls of `run` may overlap.
    """

    client: Redis
    queue: QueueId
    actions: tuple[Action, ...]
    configured: int | None
    operation: str = ""
    known: dict[QueueId, tuple[bytes, bytes]] = field(default_factory=dict)
    _version: bytes = field(default=b"", init=False)
    _paused: bytes = field(default=b"?", init=False)
    _allowance: Allowance = field(default_factory=Allowance, init=False)

    async def change(
        self,
        script: Script,
        jobs: Sequence[T],
        *,
        chunk: int,
        args: Callable[[Sequence[T]], Sequence[Argument | bytes]],
        id_of: Callable[[T], str],
    ) -> BatchOutcome:
        """Change jobs by a script that ends in `carry_out`, `chunk` of them a call; none twice.

        `args` gives the script's own arguments for some of the jobs. The version table is asked
        even for no job at all.

        Raises:
            BullhornError: as `run`; `done` is what was surely changed before. Where the answer of
                the last call was lost, its jobs may have been changed too: they are in the done
                set then.
        """
        unique = list(dict.fromkeys(jobs))
        chunks = [unique[start : start + chunk] for start in range(0, len(unique), chunk)]
        outcomes: list[BatchOutcome] = [BatchOutcome()] * len(chunks)
        left = iter(enumerate(chunks))

        async def work() -> None:
            for place, some in left:
                answer = await self.run(script, args(some))
                outcomes[place] = read_verdicts(answer[0], [id_of(job) for job in some])
                if len(answer) == _ERROR:
                    raise ResponseError(answer[1].decode("utf-8", "replace"))

        try:
            with speaking_to(self.queue.source):
                if not (chunks and self._recall()):
                    await self.check(script)
                await _each_to_its_end(work() for _ in range(min(AT_ONCE, len(chunks))))
        except BullhornError as error:
            error.done = sum(outcomes, BatchOutcome())
            raise
        return sum(outcomes, BatchOutcome())

    async def run(self, script: Script, args: Sequence[Argument | bytes] = ()) -> Any:
        """Run one script that includes lua/guard.lua; `args` follow the guard's own.

        Texts in the answer are bytes.

        Raises:
            RefusedError: the version table does not allow it, or the queue's keys are damaged.
            RedisUnavailableError: the queue changes too fast.
            redis.RedisError: the server does not answer, or refuses.
        """
        for _ in range(TRIES):
            answer = await self._call(script, args)
            word = answer[0] if isinstance(answer, list) and answer else None
            if word == _DAMAGED:
                raise RefusedError(_damaged(answer[1].decode("utf-8", "replace")))
            if word != _CHANGED:
                return answer
            self._see(answer[1], answer[2])
        raise RedisUnavailableError(
            f'The queue "{self.queue.name}" changes too fast to be changed safely now. Try again.'
        )

    async def check(self, script: Script) -> None:
        """Ask the version table, where nothing is to be changed; raises as `run`."""
        self._paused = b"?"
        answer = await self._call(script, ())
        if answer[0] == _DAMAGED:
            raise RefusedError(_damaged(answer[1].decode("utf-8", "replace")))
        self._see(answer[1], answer[2])

    def _recall(self) -> bool:
        """Go on from what the queue was like, unless it is not known or not allowed."""
        try:
            seen = self.known.get(self.queue)
            if seen is not None:
                self._see(*seen)
        except RefusedError:
            return False
        return seen is not None

    def _see(self, version: bytes, paused: bytes) -> None:
        major = major_version(version.decode("utf-8", "replace"), self.configured)
        for action in reversed(self.actions):
            self._allowance = allow(action, major=major, paused=paused == b"1")
        self._version, self._paused = version, paused
        self.known[self.queue] = version, paused

    async def _call(self, script: Script, args: Sequence[Argument | bytes]) -> Any:
        left_out = int(self._allowance.leave_out_prioritized)
        call = (
            *(1, self.queue.key("meta")),
            *(self._version, self._paused, self.operation, left_out),
            *args,
        )
        client: Any = self.client
        options = {NEVER_DECODE: True}  # the version goes back as it came
        try:
            return await client.execute_command("EVALSHA", script.sha, *call, **options)
        except NoScriptError:  # nothing ran
            return await client.execute_command("EVAL", script.text, *call, **options)


async def _each_to_its_end(works: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Run them at once, and raise the first error when all have ended."""
    for ended in await asyncio.gather(*works, return_exceptions=True):
        if ended is not None:
            raise ended


def read_verdicts(verdicts: bytes, ids: Sequence[str]) -> BatchOutcome:
    """What the letters of `carry_out` in lua/guard.lua say of these jobs."""
    return BatchOutcome(
        done=tuple(id_ for id_, verdict in zip(ids, verdicts, strict=True) if verdict == _DONE),
        already=verdicts.count(b"a"),
        changed=verdicts.count(b"c"),
        vanished=verdicts.count(b"v"),
        left_out=verdicts.count(b"l"),
    )


def _damaged(key: str) -> str:
    return (
        f"The queue's own keys are damaged ({key}): this could lose jobs. "
        "Mend that in Redis, then try again."
    )
