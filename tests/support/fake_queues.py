"""Queues in memory, and a clock: a fake of QueueReader, and by fake_operator.py of the rest."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, field, replace

from bot.domain.failures import failure_code
from bot.domain.jobs import (
    FailedJob,
    FailedRef,
    FailureFilter,
    FailureGroup,
    FailureReport,
    JobDetail,
)
from bot.domain.plan_facts import PlanFacts
from bot.domain.queues import QueueId
from bot.domain.sample import Counts, Discovered, EventsRead, Sample, SampleRequest, SampleRound
from bot.domain.subjects import JobsAbout
from bot.domain.times import DAY, SECOND, Ms
from bot.errors import RedisUnavailableError
from tests.support import fake_subjects as subjects
from tests.support.fake_operator import Active, FakeOperator

START: Ms = 1_700_000_000_000
ORDERS = QueueId("main", "bull", "order-provisioning")
SIMS = QueueId("main", "bull", "sim-management")
_KEPT: Ms = 10 * SECOND


class FakeClock:
    """A clock that moves when told."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> Ms:
        return self.now

    def forward(self, length: Ms) -> None:
        """Let time pass."""
        self.now += length


@dataclass
class FakeQueue:
    """A queue in memory: what a sample needs, and its failed jobs by id.

    Ids in `emptied` are in the failed set still, but their job is gone. Those in `prioritized` have
    a priority. With `pause_after` the queue is paused when so many jobs have been moved.
    """

    counts: Counts = field(default_factory=Counts)
    paused: bool = False
    version: str | None = "bullmq:6.7.0"
    workers: int = 1
    failed: dict[str, FailedJob] = field(default_factory=dict)
    emptied: set[str] = field(default_factory=set)
    prioritized: set[str] = field(default_factory=set)
    retried: list[tuple[str, bool]] = field(default_factory=list)
    jobs: dict[str, JobDetail] = field(default_factory=dict)
    logs: dict[str, list[str]] = field(default_factory=dict)
    pause_after: int | None = None
    delayed: list[str] = field(default_factory=list)
    promoted: list[str] = field(default_factory=list)
    active: Active = field(default_factory=Active)
    contents: subjects.Contents = field(default_factory=subjects.Contents)

    def fail(self, job_id: str, reason: str, at: Ms, *, name: str = "provision") -> None:
        """Let a job fail."""
        self.failed[job_id] = FailedJob(
            id=job_id, name=name, failed_at=at, reason=reason, code=failure_code(reason),
            attempts_made=3,
        )  # fmt: skip

    def in_order(self) -> list[FailedJob]:
        """The failed set, as Redis orders it: by time, then by id."""
        return sorted(self.failed.values(), key=lambda job: (job.failed_at, job.id.encode()))


class FakeQueues(FakeOperator):
    """Satisfies QueueReader, QueueOperator, DoneSets. `down` names sources that do not answer."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock)
        self.queues: dict[QueueId, FakeQueue] = {}
        self.down: dict[str, str] = {}
        self.seen: set[QueueId] = set()
        self.complete: set[str] = set()
        self.last_failures: dict[tuple[QueueId, str], Ms] = {}
        self.counted: dict[QueueId, tuple[Ms, int]] = {}

    def add(self, queue: QueueId) -> FakeQueue:
        """A new queue."""
        return self.queues.setdefault(queue, FakeQueue())

    def _at(self, queue: QueueId) -> FakeQueue:
        """What is there; a queue that does not exist is an empty one.

        Raises:
            RedisUnavailableError: its source is down.
        """
        if queue.source in self.down:
            raise RedisUnavailableError(self.down[queue.source])
        return self.queues.get(queue) or FakeQueue(version=None, workers=0)

    async def discover(self) -> Discovered:
        """All there are, in the sources that answer."""
        self.seen |= {queue for queue in self.queues if queue.source not in self.down}
        gone = {q for q in self.seen if q not in self.queues and q.source not in self.down}
        self.seen -= gone
        self.complete |= {queue.source for queue in self.seen} | {"main"} - set(self.down)
        return Discovered(
            queues=frozenset(self.seen),
            complete=frozenset(self.complete),
            unreachable=dict(self.down),
        )

    async def sample(self, requests: Sequence[SampleRequest]) -> SampleRound:
        """Each queue as it stands."""
        asked = {request.queue.source for request in requests}
        samples = {r.queue: self._sample(r) for r in requests if r.queue.source not in self.down}
        unreachable = {source: why for source, why in self.down.items() if source in asked}
        return SampleRound(samples=samples, unreachable=unreachable)

    def _sample(self, request: SampleRequest) -> Sample:
        state, now = self._at(request.queue), self.clock.now
        counts = replace(state.counts, failed=len(state.failed)) if state.failed else state.counts
        times = [job.failed_at for job in state.failed.values()]
        return Sample(
            queue=request.queue, taken_at=now, counts=counts, paused=state.paused,
            version=state.version, events=EventsRead(cursor="0-0"), workers=self._workers(request),
            failed_in_window=sum(at >= now - request.failure_window for at in times),
            failed_in_day=sum(at >= now - DAY for at in times),
            active_jobs=tuple(state.active.jobs),
        )  # fmt: skip

    def _workers(self, request: SampleRequest) -> int:
        """As they were counted up to ten seconds ago, or with `anew` as they are."""
        at, count = self.counted.get(request.queue, (-_KEPT, 0))
        if request.anew or self.clock.now - at >= _KEPT:
            at, count = self.clock.now, self._at(request.queue).workers
            self.counted[request.queue] = (at, count)
        return count

    def _matching(self, queue: QueueId, wanted: FailureFilter) -> list[FailedJob]:
        """Those that are still there, oldest first."""
        state = self._at(queue)
        there = [job for job in state.in_order() if job.id not in state.emptied]
        return [job for job in there if _matches(job, wanted)]

    async def failures(self, queue: QueueId, wanted: FailureFilter) -> FailureReport:
        """Grouped, most frequent first; the example of a group is its newest failure."""
        jobs, state = self._matching(queue, wanted), self._at(queue)
        groups: dict[str, list[FailedJob]] = {}
        for job in jobs:
            groups.setdefault(job.code, []).append(job)
        made = [
            FailureGroup(
                code=code, count=len(mine), first_at=mine[0].failed_at, last_at=mine[-1].failed_at,
                example_id=mine[-1].id, example_reason=mine[-1].reason,
            )
            for code, mine in groups.items()
        ]  # fmt: skip
        return FailureReport(
            queue=queue, taken_at=self.clock.now, total=len(jobs), kept=len(state.failed),
            groups=tuple(sorted(made, key=lambda group: (-group.count, group.code))),
            vanished=sum(
                job.id in state.emptied and _in_time(job, wanted) for job in state.failed.values()
            ),
            newest=max((job.failed_at for job in state.failed.values()), default=None),
        )  # fmt: skip

    async def failed_jobs(
        self, queue: QueueId, wanted: FailureFilter, *, limit: int, offset: int = 0
    ) -> list[FailedJob]:
        """Newest first."""
        return self._matching(queue, wanted)[::-1][offset : offset + limit]

    async def select_failed(
        self, queue: QueueId, wanted: FailureFilter
    ) -> AsyncIterator[list[FailedRef]]:
        """In batches of two, so that tests see more than one; like the port without looking at
        the jobs where only the time counts.
        """
        jobs = self._matching(queue, wanted)
        if wanted.code is None and wanted.name is None:
            jobs = [job for job in self._at(queue).in_order() if _in_time(job, wanted)]
        refs = [FailedRef(job.id, job.failed_at) for job in jobs]
        for start in range(0, len(refs), 2):
            yield refs[start : start + 2]

    async def failed_refs(self, queue: QueueId, ids: Sequence[str]) -> dict[str, FailedJob | None]:
        """Of these ids, those that are failed."""
        state = self._at(queue)
        there = {id_: job for id_, job in state.failed.items() if id_ not in state.emptied}
        return {job_id: there.get(job_id) for job_id in ids}

    async def jobs_about(
        self,
        queue: QueueId,
        path: str,
        values: Collection[str],
        *,
        since: Ms | None = None,
        thorough: bool = False,
    ) -> JobsAbout:
        """The jobs in any state that are about one of the values."""
        state = self._at(queue)
        there = {id_: job for id_, job in state.failed.items() if id_ not in state.emptied}
        return subjects.jobs_about(there, state.contents, path, values, since, thorough=thorough)

    async def plan_facts(
        self,
        queue: QueueId,
        wanted: FailureFilter,
        *,
        ids: Sequence[str] = (),
        business: str | None = None,
        subject: str | None = None,
    ) -> PlanFacts:
        """Sums over those that match or are named."""
        state = self._at(queue)
        jobs = self._matching(queue, FailureFilter() if ids else wanted)
        mine = [job for job in jobs if not ids or job.id in ids]
        known = subjects.facts(
            mine, state.contents, state.prioritized, business=business, subject=subject
        )
        gone = 0 if ids else (await self.failures(queue, wanted)).vanished
        return replace(known, vanished=gone)

    async def job(self, queue: QueueId, job_id: str) -> JobDetail | None:
        """One job: as `jobs` describes it, else as much as is known of a failed one."""
        state = self._at(queue)
        found = state.failed.get(job_id)
        if job_id in state.jobs or found is None or job_id in state.emptied:
            return state.jobs.get(job_id)
        return JobDetail(
            queue=queue, id=job_id, name=found.name, state="failed", data={}, options={},
            attempts_made=found.attempts_made, attempts=3, finished_at=found.failed_at,
            failed_reason=found.reason, log_count=len(state.logs.get(job_id, ())),
        )  # fmt: skip

    async def job_logs(self, queue: QueueId, job_id: str, *, limit: int) -> list[str]:
        """The newest lines, oldest first."""
        lines = self._at(queue).logs.get(job_id, [])
        return lines[-limit:] if limit > 0 else []

    async def last_failure(self, queue: QueueId, job_id: str) -> Ms | None:
        """As a test has said."""
        self._at(queue)
        return self.last_failures.get((queue, job_id))

    async def now(self) -> Ms:
        """The clock."""
        return self.clock.now


def _matches(job: FailedJob, wanted: FailureFilter) -> bool:
    right = wanted.code in (None, job.code) and wanted.name in (None, job.name)
    return right and _in_time(job, wanted)


def _in_time(job: FailedJob, wanted: FailureFilter) -> bool:
    since, until = wanted.since, wanted.until
    return (since is None or job.failed_at >= since) and (until is None or job.failed_at <= until)
