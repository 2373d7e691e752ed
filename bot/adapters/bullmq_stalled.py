"""Active jobs: which there are, and how those whose worker died come back to waiting.

BullMQ marks all active jobs at one look and moves at the next those that are marked still and have
no lock; between two looks `stalled-check` must have run out. BullMQ 3 and 4 take a job first and
lock it then, so two looks must not follow each other at once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from redis.asyncio import Redis

from bot.adapters import bullmq_scripts as scripts
from bot.adapters.bullmq_guarded import Guarded
from bot.adapters.bullmq_sample import active_job
from bot.adapters.bullmq_scripts import Call, Script
from bot.adapters.redis_errors import speaking_to
from bot.domain.jobs import ActiveJobs, BatchOutcome
from bot.domain.queues import QueueId
from bot.domain.times import SECOND, Ms
from bot.errors import BullhornError

CHUNK: Final = 100
"""Marked jobs a call; for each that moves, BullMQ searches the active list."""

CHECK: Final[Ms] = 5 * SECOND
"""How long `stalled-check` lasts after a pass of ours: what a slow worker may need for its lock."""

MOST_CALLS: Final = 1_000
"""Where workers mark more than can be looked at, there must be an end."""

MOST_ACTIVE: Final = 500
"""Active jobs that are told one by one."""


async def unstick(guarded: Guarded) -> BatchOutcome:
    """One pass: mark, or move what an earlier pass has marked.

    Raises:
        BullhornError: as `Guarded.run`; `done` is what was surely moved before.
    """
    outcome = BatchOutcome()
    try:
        with speaking_to(guarded.queue.source):
            for _ in range(MOST_CALLS):
                answer = await guarded.run(scripts.load("unstick"), (CHUNK, CHECK))
                moved, already, vanished, left_out, more = answer
                outcome += BatchOutcome(
                    done=tuple(id_.decode("utf-8", "replace") for id_ in moved),
                    already=already,
                    vanished=vanished,
                    left_out=left_out,
                )
                if not more:
                    break
    except BullhornError as error:
        error.done = outcome
        raise
    return outcome


async def stalled_check(client: Redis, queue: QueueId) -> Ms:
    """How long BullMQ's `stalled-check` lasts; 0 where there is none, or none that ends."""
    left: int = await client.pttl(queue.key("stalled-check"))
    return max(0, left)


async def active_jobs(ask: Callable[[Script, Call], Awaitable[Any]], queue: QueueId) -> ActiveJobs:
    """The jobs that workers have taken, those that were taken first first."""
    call = Call((queue.key("meta"),), (MOST_ACTIVE,))
    total, *rows = await ask(scripts.load("active"), call)
    return ActiveJobs(total=total, jobs=tuple(active_job(*row) for row in rows))
