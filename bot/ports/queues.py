"""Reading and changing BullMQ's queues."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from bot.domain.jobs import (
    FailedJob,
    FailedRef,
    FailureFilter,
    FailureReport,
    JobDetail,
    RetryOutcome,
)
from bot.domain.pausing import PauseOutcome
from bot.domain.queues import QueueId
from bot.domain.sample import Discovered, SampleRequest, SampleRound
from bot.domain.times import Ms


class QueueReader(Protocol):
    """Reads BullMQ's keys; never writes them, never loads all jobs, never calls KEYS."""

    async def discover(self) -> Discovered:
        """The queues whose `meta` key SCAN finds, over all sources that answer.

        Works in bounded steps; a source that does not answer keeps what was known of it.
        """
        ...

    async def sample(self, requests: Sequence[SampleRequest]) -> SampleRound:
        """Look at each queue once: one small script call each, in one pipeline a source.

        Never raises for a source that does not answer: that is in the round.
        """
        ...

    async def failures(self, queue: QueueId, wanted: FailureFilter) -> FailureReport:
        """Group the failed jobs by code inside Redis.

        Raises:
            RedisUnavailableError: the source does not answer.
        """
        ...

    async def failed_jobs(
        self, queue: QueueId, wanted: FailureFilter, *, limit: int, offset: int = 0
    ) -> list[FailedJob]:
        """The newest failed jobs that match, newest first."""
        ...

    def select_failed(
        self, queue: QueueId, wanted: FailureFilter
    ) -> AsyncIterator[list[FailedRef]]:
        """All failed jobs that match, in batches of at most 500, oldest first."""
        ...

    async def failed_refs(self, queue: QueueId, ids: Sequence[str]) -> dict[str, FailedJob | None]:
        """Of these ids: the failed job, None where it is not in `failed` or its hash is gone."""
        ...

    async def job(self, queue: QueueId, job_id: str) -> JobDetail | None:
        """One job, None when it is not there."""
        ...

    async def job_logs(self, queue: QueueId, job_id: str, *, limit: int) -> list[str]:
        """The newest `limit` lines a job logged, oldest first."""
        ...

    async def last_failure(self, queue: QueueId, job_id: str) -> Ms | None:
        """When the events stream last saw this job fail, None when it does not remember."""
        ...

    async def now(self) -> Ms:
        """Redis `TIME` of Bullhorn's own Redis."""
        ...


class QueueOperator(Protocol):
    """Changes BullMQ's queues, by BullMQ's own scripts, under the version table."""

    async def retry(
        self, queue: QueueId, jobs: Sequence[FailedRef], *, fresh: bool, configured: int | None
    ) -> RetryOutcome:
        """Move failed jobs back to waiting, each only while it is the same failure.

        `configured` is the major version from the config. At most 500 jobs a call.

        Raises:
            RefusedError: the version table does not allow it now; nothing was moved by this call,
                or what was moved before a pause came in between is in `error.done`.
            RedisUnavailableError: the source does not answer.
        """
        ...

    async def pause(self, queue: QueueId, *, configured: int | None) -> PauseOutcome:
        """Let no worker start another job of this queue; jobs under way finish.

        Raises:
            RefusedError: the version table does not allow it; nothing was changed.
            RedisUnavailableError: the source does not answer; it may be paused all the same, and
                asking again does no harm.
        """
        ...

    async def resume(self, queue: QueueId, *, configured: int | None) -> PauseOutcome:
        """End a pause; raises as `pause`."""
        ...
