"""One job, and what is known of failed ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from bot.domain.queues import QueueId
from bot.domain.sample import ActiveJob
from bot.domain.times import Ms

ORPHAN: Final = "orphan"
"""The state of a job that is in no list and no set: only its hash is left, and what hangs on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDetail:
    """Everything BullMQ keeps of a job. `state` is BullMQ's word, or "unknown" when in no set.

    `attempts_made` of `attempts` is how many tries were used of those allowed. `data`, `options`
    and `return_value` are decoded JSON, or the raw text where it is not JSON.
    """

    queue: QueueId
    id: str
    name: str
    state: str
    data: Any
    options: dict[str, Any]
    attempts_made: int
    attempts: int
    created_at: Ms | None = None
    started_at: Ms | None = None
    finished_at: Ms | None = None
    delay_until: Ms | None = None
    priority: int = 0
    failed_reason: str | None = None
    stacktrace: tuple[str, ...] = ()
    progress: Any = None
    return_value: Any = None
    parent: str | None = None
    locked: bool = False
    log_count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedJob:
    """A line in a list of failed jobs. `failed_at` is its score, BullMQ's `finishedOn`."""

    id: str
    name: str
    failed_at: Ms
    reason: str
    code: str
    attempts_made: int


@dataclass(frozen=True, slots=True)
class FailedRef:
    """A failed job as it was asked for: the same failure only while `failed_at` is the same."""

    id: str
    failed_at: Ms


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureFilter:
    """Which failed jobs: all of the given must hold. `until` is a highest score, inclusive."""

    code: str | None = None
    name: str | None = None
    since: Ms | None = None
    until: Ms | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureGroup:
    """Failed jobs with the same failure code; those whose hash is gone are in no group."""

    code: str
    count: int
    first_at: Ms
    last_at: Ms
    example_id: str
    example_reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureReport:
    """The failed set by code, most frequent first.

    `total` is all that the filter matched; `kept` is the size of the failed set; `vanished` counts
    ids whose job hash is gone; `kept_limit` is the queue's `removeOnFail` count where jobs tell it;
    `newest` is the highest score at the time of asking, the edge of a frozen set.
    """

    queue: QueueId
    taken_at: Ms
    groups: tuple[FailureGroup, ...]
    total: int
    kept: int
    vanished: int = 0
    kept_limit: int | None = None
    newest: Ms | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveJobs:
    """The jobs that workers have taken: how many in all, and the first 500, the oldest first.

    One that is not `locked` has lost its worker; `unstick` brings it back.
    """

    total: int
    jobs: tuple[ActiveJob, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchOutcome:
    """What became of the jobs of a batch.

    `done` were changed by it; `already` had been, by the same operation before; `changed` are not
    any more what was shown; `vanished` have no hash; `left_out` would be lost by it: prioritized,
    or damaged, or something is attached to them. `refused` are those of `left_out` whose change
    another system was asked for, and did not make.
    """

    done: tuple[str, ...] = ()
    already: int = 0
    changed: int = 0
    vanished: int = 0
    left_out: int = 0
    refused: int = 0

    def __add__(self, other: BatchOutcome) -> BatchOutcome:
        return BatchOutcome(
            done=self.done + other.done,
            already=self.already + other.already,
            changed=self.changed + other.changed,
            vanished=self.vanished + other.vanished,
            left_out=self.left_out + other.left_out,
            refused=self.refused + other.refused,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedJob:
    """A whole job as it lay in Redis, byte for byte: what undo needs to bring it back.

    `state` is the set it was in and `score` its score there, as Redis writes it; in a list, how
    many jobs lay after it; an `ORPHAN` was in none, and has "0". `fields` is its hash; `logs` its
    log lines; `parts` its other keys by suffix (`dependencies`, `processed`, `failed`,
    `unsuccessful`), each with its type and its content; the type "score" is the job's score in the
    queue's set of that suffix (`priority` of BullMQ 3). `deduplication` is the key `de:ID` without
    the queue's prefix and its remaining time in ms (0: it has no end) where the job held it.
    """

    id: str
    state: str
    score: str
    fields: tuple[tuple[bytes, bytes], ...]
    logs: tuple[bytes, ...] = ()
    parts: tuple[tuple[str, str, tuple[bytes, ...]], ...] = ()
    deduplication: tuple[str, Ms] | None = None
    parent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """Some of the jobs that were asked for, whole, and how many were changed or had no hash."""

    jobs: tuple[ArchivedJob, ...]
    changed: int = 0
    vanished: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """Where a job is: BullMQ's set or list, and its score there (in a list 0).

    `parent_waits` says that a parent in `waiting-children` waits for it, `children` for how many
    it waits itself; `locked` that a worker holds it.
    """

    ref: FailedRef
    state: str
    parent_waits: bool = False
    children: int = 0
    locked: bool = False
