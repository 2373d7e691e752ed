"""What one look at a queue saw."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from bot.domain.queues import QueueId
from bot.domain.times import Ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many jobs are in each of BullMQ's states.

    `waiting` is the wait list without the `0:<ts>` markers of BullMQ 3 and 4; `paused_list` is the
    list that BullMQ 3 to 5 rename `wait` to; `overdue` are the delayed jobs whose time has come
    (they count in `delayed` too).
    """

    waiting: int = 0
    paused_list: int = 0
    prioritized: int = 0
    active: int = 0
    delayed: int = 0
    overdue: int = 0
    waiting_children: int = 0
    completed: int = 0
    failed: int = 0

    @property
    def backlog(self) -> int:
        """Jobs that could run now: wait, paused list, prioritized and overdue delayed."""
        return self.waiting + self.paused_list + self.prioritized + self.overdue


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveJob:
    """A job a worker has taken. `locked` false means that its worker has died or lost it.

    A worker that has died a moment ago has its lock still, for `lock_left` (None: not asked).

    `attempt` counts from 1; `starts` is BullMQ's `ats` (5 and later), which tells one run of the
    same job from the next.
    """

    id: str
    name: str
    started_at: Ms | None
    attempt: int
    locked: bool
    starts: int | None = None
    lock_left: Ms | None = None


class Crew(NamedTuple):
    """How many workers of a queue are connected; with `at_least` there may be more."""

    workers: int
    at_least: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsRead:
    """What the events stream told since the stored cursor.

    `failures` are (start of a 10 s bucket, final failures in it), oldest first. `gap` says that the
    stream was trimmed past the cursor, so that the counts are "at least". Times are the server's.
    """

    cursor: str
    starts: int = 0
    finishes: int = 0
    failures: tuple[tuple[Ms, int], ...] = ()
    last_start: Ms | None = None
    last_finish: Ms | None = None
    gap: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleRequest:
    """What to look at. `cursor` None means a first look. `failure_window` is in ms.

    `recent` is how many finished jobs to take the 95th percentile of processing time from: 0 in a
    tick, 100 for `status`. `anew` has the workers counted now: a list of all connections, which
    serves 10 s else. It is for what a person is about to read, not for what repeats by itself.
    """

    queue: QueueId
    cursor: str | None = None
    failure_window: Ms = 900_000
    recent: int = 0
    anew: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One queue at one moment of its Redis' `TIME` (`taken_at`).

    `version` is the raw `meta.version` ("bullmq:5.81.0"), None when no Node queue wrote it.
    `workers` is None when CLIENT LIST may not be asked, or shows none while a job has a live lock
    (whoever holds it does not name its connections, or has just gone): unknown, never "none". With
    `more_workers` it is the least that there are: their connections tell no number.
    `failed_in_window` and `failed_in_day` count the failed set by score: what still lies there.
    `active_jobs` holds the longest running ones, a bounded number; `counts.active` is the total.
    `processing_p95` is None unless asked for, or when nothing has finished.
    """

    queue: QueueId
    taken_at: Ms
    counts: Counts
    paused: bool = False
    version: str | None = None
    oldest_waiting_at: Ms | None = None
    failed_in_window: int = 0
    failed_in_day: int = 0
    events: EventsRead = field(default_factory=lambda: EventsRead(cursor="0-0"))
    active_jobs: tuple[ActiveJob, ...] = ()
    workers: int | None = None
    more_workers: bool = False
    concurrency: int | None = None
    rate_limited_for: Ms = 0
    next_delayed_at: Ms | None = None
    processing_p95: Ms | None = None

    @property
    def busy(self) -> bool:
        """Whether a job is running under a live lock: some worker is alive."""
        return any(job.locked for job in self.active_jobs)

    @property
    def held_back(self) -> str | None:
        """Why the queue rightly starts nothing now: paused, its concurrency, its rate limit.

        A concurrency that is used up by dead workers' jobs alone is no good reason.
        """
        if self.paused:
            return "paused"
        full = self.concurrency is not None and self.counts.active >= self.concurrency
        if full and (self.busy or not self.active_jobs):
            return "concurrency"
        if self.rate_limited_for > 0:
            return "rate limit"
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovered:
    """The queues that SCAN has found so far.

    `complete` names the sources of which a whole pass was made: only there is a queue that was not
    found surely gone. `unreachable` names those that do not answer, and why.
    """

    queues: frozenset[QueueId]
    complete: frozenset[str] = frozenset()
    unreachable: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleRound:
    """One round over many queues: what was seen, and which sources could not be read, and why."""

    samples: dict[QueueId, Sample]
    unreachable: dict[str, str] = field(default_factory=dict)
    broken: dict[QueueId, str] = field(default_factory=dict)
