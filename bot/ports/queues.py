"""Reading and changing BullMQ's queues."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from typing import Protocol

from bot.domain.jobs import (
    ActiveJobs,
    BatchOutcome,
    FailedJob,
    FailedRef,
    FailureFilter,
    FailureReport,
    JobDetail,
)
from bot.domain.pausing import PauseOutcome
from bot.domain.plan_facts import PlanFacts
from bot.domain.queues import QueueId
from bot.domain.sample import Discovered, SampleRequest, SampleRound
from bot.domain.subjects import JobsAbout
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

    async def jobs_about(
        self,
        queue: QueueId,
        path: str,
        values: Collection[str],
        *,
        since: Ms | None = None,
        thorough: bool = False,
    ) -> JobsAbout:
        """The jobs in any state whose data has one of `values` at the dotted `path`.

        Numbers count as their digits. Of finished jobs only those that finished at or after
        `since`, when it is given. At most 50,000 jobs are looked at, the newest of each set;
        `thorough` is for where what is not found counts as not there: up to 1,000,000, and those
        that have not finished first, for which it may take some seconds.
        """
        ...

    async def plan_facts(
        self,
        queue: QueueId,
        wanted: FailureFilter,
        *,
        ids: Sequence[str] = (),
        business: str | None = None,
        subject: str | None = None,
    ) -> PlanFacts:
        """Sums over the failed jobs that match, or that have one of `ids`.

        With a dotted path or two, also which values each job's data has there.
        """
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

    async def active(self, queue: QueueId) -> ActiveJobs:
        """The jobs that workers have taken, with and without a lock."""
        ...

    async def now(self) -> Ms:
        """Redis `TIME` of Bullhorn's own Redis."""
        ...


class QueueOperator(Protocol):
    """Changes BullMQ's queues, by BullMQ's own scripts, under the version table.

    Each method that takes `operation` is one or more batches of it: what a batch has changed is in
    the operation's done set, in the same call, and is never changed again by it. So an operation
    that was killed is run again from its start. An empty one is not remembered. `configured` is the
    major version from the config. At most 500 jobs a call.

    Raises, each of them:
        RefusedError: the version table does not allow it now, or keys are damaged; what was changed
            before is in `error.done`, a BatchOutcome.
        RedisUnavailableError: the source does not answer; `error.done` as above.
    """

    async def retry(
        self,
        queue: QueueId,
        jobs: Sequence[FailedRef],
        *,
        fresh: bool,
        configured: int | None,
        operation: str = "",
    ) -> BatchOutcome:
        """Move failed jobs back to waiting, each only while it is the same failure."""
        ...

    async def promote(
        self, queue: QueueId, ids: Sequence[str], *, configured: int | None, operation: str
    ) -> BatchOutcome:
        """Let delayed jobs run now; priorities are kept."""
        ...

    async def stalled_check(self, queue: QueueId) -> Ms:
        """How long a dead worker's `stalled-check` keeps BullMQ from looking again; 0: not."""
        ...

    async def unstick(
        self, queue: QueueId, *, configured: int | None, operation: str
    ) -> BatchOutcome:
        """One pass of BullMQ's stalled-job script: mark, or move those marked and lockless.

        The first pass only marks; a pass while `stalled_check` lasts does nothing. `done` are the
        jobs that were moved back to waiting, the prioritized among the plain ones, as BullMQ does
        it. None is failed for having stalled often: that somebody asked for it is one chance more.
        `left_out` are damaged, `vanished` have no hash and stay active.
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
