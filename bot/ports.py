"""What services need from outside, as protocols. Adapters and the tests' fakes satisfy them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from bot.domain.audit import AuditEntry
from bot.domain.incidents import Incident, Mark, Silence
from bot.domain.jobs import (
    FailedJob,
    FailedRef,
    FailureFilter,
    FailureReport,
    JobDetail,
    RetryOutcome,
)
from bot.domain.memory import QueueMemory
from bot.domain.message import Message, MessageRef, Tag, Urgency
from bot.domain.notices import Notice
from bot.domain.pausing import PauseOutcome
from bot.domain.plans import PlanStatus, RetryPlan
from bot.domain.queues import QueueId
from bot.domain.sample import Discovered, SampleRequest, SampleRound
from bot.domain.state import Lease, WatchChanges, WatchState
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


class Leadership(Protocol):
    """The lease: one leader among the replicas."""

    @property
    def ttl(self) -> Ms:
        """How long a lease lasts unless it is extended."""
        ...

    async def hold(self) -> Lease | None:
        """Take or extend the lease; None when another holds it."""
        ...

    async def release(self) -> None:
        """Give it up, if it is ours, so that another can take over at once."""
        ...


class WatchStore(Protocol):
    """The watch's state in Bullhorn's Redis. Every method may raise RedisUnavailableError."""

    async def load(self) -> WatchState:
        """All of it."""
        ...

    async def load_open(self) -> WatchState:
        """Without the memories: what the notifier and `alerts` need."""
        ...

    async def load_one(self, number: int) -> tuple[Incident | None, Notice]:
        """One incident and what is shown of it."""
        ...

    async def cursors(self) -> Mapping[QueueId, QueueMemory]:
        """The memories alone."""
        ...

    async def commit(self, lease: Lease, changes: WatchChanges) -> None:
        """Write under the lease.

        Raises:
            LostLeaseError: another leads now; nothing was written.
        """
        ...

    async def queues(self) -> frozenset[QueueId]:
        """The queues the leader last knew."""
        ...

    async def mark(self, mark: Mark) -> None:
        """Put a mark into the inbox; any replica may."""
        ...

    async def add_silence(self, silence: Silence) -> None:
        """Store a silence; any replica may."""
        ...

    async def end_silence(self, silence_id: str) -> Silence | None:
        """Remove a silence and return it, None when there is none of that id."""
        ...


class PlanStore(Protocol):
    """Stored plans; each acts once."""

    async def save(self, plan: RetryPlan) -> None:
        """Store a new plan until it expires (and a while after, to say so)."""
        ...

    async def get(self, plan_id: str) -> RetryPlan | None:
        """The plan, None when it is unknown or long gone."""
        ...

    async def advance(self, plan: RetryPlan, *, expected: PlanStatus) -> bool:
        """Replace the plan if its stored status is still `expected`; False when it is not."""
        ...


class AuditLog(Protocol):
    """A capped stream of who did what. Entries cannot be changed through the bot."""

    async def record(self, entry: AuditEntry) -> None:
        """Append."""
        ...

    async def recent(self, *, limit: int, queue: str | None = None) -> list[AuditEntry]:
        """The newest entries, newest first."""
        ...


class Directory(Protocol):
    """Who is in which Slack user group."""

    async def memberships(self, user: str, groups: frozenset[str]) -> frozenset[str]:
        """Those of `groups` that `user` is in; cached for five minutes."""
        ...


Fresh = Callable[[], Awaitable[Message]]
"""Makes a message when its turn has come, at most a moment before it is sent; may be called again.

What it raises is raised to the caller, and nothing is sent.
"""


class Messenger(Protocol):
    """Posts and edits, all through one budget.

    Each method may raise SlackUnavailableError (`unclear`: it may have taken effect) or
    SlackRefusedError (final).
    """

    async def post(
        self,
        message: Message | Fresh,
        *,
        channel: str,
        tag: Tag,
        thread: str | None = None,
        broadcast: bool = False,
        urgency: Urgency = Urgency.ANSWER,
    ) -> MessageRef:
        """Post a message; never resent after an unclear failure."""
        ...

    async def update(
        self,
        message: Message | Fresh,
        ref: MessageRef,
        *,
        tag: Tag | None = None,
        urgency: Urgency = Urgency.ANSWER,
    ) -> None:
        """Replace a message; edits of the same message that still wait are coalesced."""
        ...

    async def find(
        self, *, channel: str, tag: Tag, since: Ms, thread: str | None = None
    ) -> MessageRef | None:
        """Look for a message of ours by its metadata, posted at or after `since`; the oldest."""
        ...

    async def remove(self, ref: MessageRef) -> None:
        """Delete a message of ours: one that was said twice."""
        ...


class Pulse(Protocol):
    """The outside dead-man's switch."""

    async def beat(self) -> None:
        """Say that a tick went well; never raises."""
        ...


class Telemetry(Protocol):
    """Figures for `/metrics`."""

    def tick(self, *, seconds: float, lag: float, result: str) -> None:
        """One tick took so long, and began so much later than planned (both in seconds)."""
        ...

    def observe_round(self, round_: SampleRound) -> None:
        """Per queue and state counts."""
        ...

    def alerts(self, incidents: Sequence[Incident]) -> None:
        """Open alerts by rule, severity and state."""
        ...

    def leading(self, leads: bool) -> None:
        """Whether this replica leads."""
        ...

    def command(self, *, name: str, seconds: float, outcome: str) -> None:
        """A command or button was answered."""
        ...


class AlertWriter(Protocol):
    """Renders alerts for the notifier; `render/` provides it, wiring passes it in."""

    def alert(self, incident: Incident, *, first: bool) -> Message:
        """The incident's message; `first` mentions whoever must know."""
        ...

    def entry(self, incident: Incident, index: int) -> Message:
        """The thread line of `incident.timeline[index]`."""
        ...

    def blind(self, sources: Mapping[str, str], *, since: Ms, until: Ms | None) -> Message:
        """Say that the queues cannot be seen since then; with `until`, that they can again."""
        ...
