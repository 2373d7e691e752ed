"""Stateful fakes that satisfy the ports: a pretend Slack channel, queues in memory, a clock."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bot.domain.failures import failure_code
from bot.domain.incidents import Incident
from bot.domain.jobs import (
    FailedJob,
    FailedRef,
    FailureFilter,
    FailureGroup,
    FailureReport,
    JobDetail,
    RetryOutcome,
)
from bot.domain.message import Message, MessageRef, Tag
from bot.domain.queues import QueueId
from bot.domain.sample import Counts, EventsRead, Sample, SampleRequest, SampleRound
from bot.domain.times import Ms
from bot.errors import RedisUnavailableError, SlackRefusedError, SlackUnavailableError

START: Ms = 1_700_000_000_000
ORDERS = QueueId("main", "bull", "order-provisioning")
SIMS = QueueId("main", "bull", "sim-management")


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
    """A queue in memory: what a sample needs, and its failed jobs by id."""

    counts: Counts = field(default_factory=Counts)
    paused: bool = False
    version: str | None = "bullmq:6.7.0"
    failed: dict[str, FailedJob] = field(default_factory=dict)
    retried: list[tuple[str, bool]] = field(default_factory=list)
    jobs: dict[str, JobDetail] = field(default_factory=dict)

    def fail(self, job_id: str, reason: str, at: Ms, *, name: str = "provision") -> None:
        """Let a job fail."""
        self.failed[job_id] = FailedJob(
            id=job_id, name=name, failed_at=at, reason=reason, code=failure_code(reason),
            attempts_made=3,
        )  # fmt: skip


class FakeQueues:
    """Satisfies QueueReader and QueueOperator. `down` names sources that do not answer."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.queues: dict[QueueId, FakeQueue] = {}
        self.down: dict[str, str] = {}
        self.pause_after: int | None = None

    def add(self, queue: QueueId) -> FakeQueue:
        """A new queue."""
        return self.queues.setdefault(queue, FakeQueue())

    async def discover(self) -> frozenset[QueueId]:
        """All there are."""
        return frozenset(self.queues)

    async def sample(self, requests: Sequence[SampleRequest]) -> SampleRound:
        """Each queue as it stands."""
        samples = {
            r.queue: self._sample(r.queue) for r in requests if r.queue.source not in self.down
        }
        return SampleRound(samples=samples, unreachable=dict(self.down))

    def _sample(self, queue: QueueId) -> Sample:
        state = self.queues.get(queue) or FakeQueue()
        counts = replace(state.counts, failed=len(state.failed)) if state.failed else state.counts
        return Sample(
            queue=queue, taken_at=self.clock.now, counts=counts, paused=state.paused,
            version=state.version, events=EventsRead(cursor="0-0"),
            failed_in_window=len(state.failed), failed_in_day=len(state.failed), workers=1,
        )  # fmt: skip

    def _matching(self, queue: QueueId, wanted: FailureFilter) -> list[FailedJob]:
        if queue.source in self.down:
            raise RedisUnavailableError(self.down[queue.source])
        jobs = sorted(self.queues[queue].failed.values(), key=lambda job: job.failed_at)
        return [job for job in jobs if _matches(job, wanted)]

    async def failures(self, queue: QueueId, wanted: FailureFilter) -> FailureReport:
        """Grouped, most frequent first."""
        jobs = self._matching(queue, wanted)
        groups: dict[str, list[FailedJob]] = {}
        for job in jobs:
            groups.setdefault(job.code, []).append(job)
        made = [
            FailureGroup(
                code=code, count=len(mine), first_at=mine[0].failed_at, last_at=mine[-1].failed_at,
                example_id=mine[0].id, example_reason=mine[0].reason,
            )
            for code, mine in groups.items()
        ]  # fmt: skip
        return FailureReport(
            queue=queue, taken_at=self.clock.now, total=len(jobs), kept=len(jobs),
            groups=tuple(sorted(made, key=lambda group: -group.count)),
            newest=max((job.failed_at for job in jobs), default=None),
        )  # fmt: skip

    async def failed_jobs(
        self, queue: QueueId, wanted: FailureFilter, *, limit: int, offset: int = 0
    ) -> list[FailedJob]:
        """Newest first."""
        return self._matching(queue, wanted)[::-1][offset : offset + limit]

    async def select_failed(
        self, queue: QueueId, wanted: FailureFilter
    ) -> AsyncIterator[list[FailedRef]]:
        """In batches of two, so that tests see more than one."""
        refs = [FailedRef(job.id, job.failed_at) for job in self._matching(queue, wanted)]
        for start in range(0, len(refs), 2):
            yield refs[start : start + 2]

    async def failed_refs(self, queue: QueueId, ids: Sequence[str]) -> dict[str, FailedJob | None]:
        """Of these ids, those that are failed."""
        return {job_id: self.queues[queue].failed.get(job_id) for job_id in ids}

    async def job(self, queue: QueueId, job_id: str) -> JobDetail | None:
        """One job."""
        return self.queues[queue].jobs.get(job_id)

    async def job_logs(self, queue: QueueId, job_id: str, *, limit: int) -> list[str]:
        """No logs."""
        del queue, job_id, limit
        return []

    async def last_failure(self, queue: QueueId, job_id: str) -> Ms | None:
        """Not remembered."""
        del queue, job_id
        return None

    async def now(self) -> Ms:
        """The clock."""
        return self.clock.now

    async def retry(
        self, queue: QueueId, jobs: Sequence[FailedRef], *, fresh: bool, configured: int | None
    ) -> RetryOutcome:
        """Move those that are still the same failure."""
        del configured
        if queue.source in self.down:
            raise RedisUnavailableError(self.down[queue.source])
        state, moved, stale = self.queues[queue], [], 0
        for ref in jobs:
            job = state.failed.get(ref.id)
            if job is None or job.failed_at != ref.failed_at:
                stale += 1
                continue
            del state.failed[ref.id]
            state.retried.append((ref.id, fresh))
            moved.append(ref.id)
        return RetryOutcome(moved=tuple(moved), not_failed=stale)


def _matches(job: FailedJob, wanted: FailureFilter) -> bool:
    return (
        wanted.code in (None, job.code)
        and wanted.name in (None, job.name)
        and (wanted.since is None or job.failed_at >= wanted.since)
        and (wanted.until is None or job.failed_at <= wanted.until)
    )


@dataclass
class Posted:
    """A message in the pretend Slack."""

    ref: MessageRef
    message: Message
    tag: Tag
    at: Ms
    thread: str | None = None
    broadcast: bool = False
    edits: int = 0


class FakeMessenger:
    """Satisfies Messenger. `faults` are taken one a post or edit, oldest first.

    "lost answer": it takes effect, and the answer is lost; "lost call": it has no effect, and that
    is not clear; "unreachable": clearly no effect; "refused:CODE": a final no; "": none.
    """

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.posted: list[Posted] = []
        self.faults: list[str] = []
        self.blind = False

    def of(self, kind: str) -> list[Posted]:
        """The messages of a kind of tag."""
        return [posted for posted in self.posted if posted.tag.kind == kind]

    async def post(
        self,
        message: Message,
        *,
        channel: str,
        tag: Tag,
        thread: str | None = None,
        broadcast: bool = False,
    ) -> MessageRef:
        """Post, unless a fault comes first."""
        fault = self.faults.pop(0) if self.faults else ""
        self._before(fault)
        ref = MessageRef(channel, f"{self.clock.now / 1000:.3f}{len(self.posted):03d}")
        self.posted.append(
            Posted(ref, message, tag, self.clock.now, thread=thread, broadcast=broadcast)
        )
        self._after(fault)
        return ref

    async def update(self, message: Message, ref: MessageRef, *, tag: Tag | None = None) -> None:
        """Edit, unless a fault comes first."""
        fault = self.faults.pop(0) if self.faults else ""
        self._before(fault)
        found = next(posted for posted in self.posted if posted.ref == ref)
        found.message, found.edits, found.tag = message, found.edits + 1, tag or found.tag
        self._after(fault)

    async def find(
        self, *, channel: str, tag: Tag, since: Ms, thread: str | None = None
    ) -> MessageRef | None:
        """Look by tag."""
        for posted in self.posted:
            same_place = posted.ref.channel == channel and posted.thread == thread
            if same_place and posted.tag == tag and posted.at >= since:
                return posted.ref
        return None

    @staticmethod
    def _before(fault: str) -> None:
        if fault == "unreachable":
            raise SlackUnavailableError("Slack does not answer.")
        if fault == "lost call":
            raise SlackUnavailableError("Slack did not answer clearly.", unclear=True)
        if fault.startswith("refused:"):
            code = fault.partition(":")[2]
            raise SlackRefusedError(f"Slack refuses: {code}.", code=code)

    @staticmethod
    def _after(fault: str) -> None:
        if fault == "lost answer":
            raise SlackUnavailableError("Slack did not answer clearly.", unclear=True)


class PlainWriter:
    """Satisfies AlertWriter with plain texts that tests can read."""

    def alert(self, incident: Incident, *, first: bool) -> Message:
        """`firing warning backlog 12`, with who has it."""
        words = [incident.status.value, incident.severity.value, incident.rule, str(incident.value)]
        if incident.acknowledged:
            words.append(f"ack {incident.acknowledged.by}")
        if incident.silenced_by:
            words.append("silenced")
        if first:
            words.append("mention")
        return Message(text=" ".join(words))

    def entry(self, incident: Incident, index: int) -> Message:
        """The kind of entry."""
        return Message(text=incident.timeline[index].what.value)

    def blind(self, sources: Mapping[str, str], *, since: Ms, until: Ms | None) -> Message:
        """`blind since X` or `blind until Y`."""
        del sources
        return Message(text=f"blind since {since}" if until is None else f"seen again {until}")


class FakeDirectory:
    """Satisfies Directory with fixed groups."""

    def __init__(self, groups: Mapping[str, frozenset[str]] | None = None) -> None:
        self.groups = dict(groups or {})

    async def memberships(self, user: str, groups: frozenset[str]) -> frozenset[str]:
        """Those of `groups` that the user is in."""
        return frozenset(g for g in groups if user in self.groups.get(g, frozenset()))


class FakeTelemetry:
    """Satisfies Telemetry; remembers the last of each."""

    def __init__(self) -> None:
        self.ticks: list[bool] = []
        self.open: tuple[Incident, ...] = ()
        self.leads: bool | None = None
        self.commands: list[tuple[str, str]] = []

    def tick(self, *, seconds: float, lag: float, ok: bool) -> None:
        """Remember."""
        del seconds, lag
        self.ticks.append(ok)

    def observe_round(self, round_: SampleRound) -> None:
        """Ignore."""

    def alerts(self, incidents: Sequence[Incident]) -> None:
        """Remember."""
        self.open = tuple(incidents)

    def leading(self, leads: bool) -> None:
        """Remember."""
        self.leads = leads

    def command(self, *, name: str, seconds: float, outcome: str) -> None:
        """Remember."""
        del seconds
        self.commands.append((name, outcome))
