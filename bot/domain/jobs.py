"""One job, and what is known of failed ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bot.domain.queues import QueueId
from bot.domain.times import Ms


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
class RetryOutcome:
    """What a retry did. `left_out` are jobs that a retry would lose: prioritized, or damaged."""

    moved: tuple[str, ...] = ()
    not_failed: int = 0
    vanished: int = 0
    left_out: int = 0

    def __add__(self, other: RetryOutcome) -> RetryOutcome:
        return RetryOutcome(
            moved=self.moved + other.moved,
            not_failed=self.not_failed + other.not_failed,
            vanished=self.vanished + other.vanished,
            left_out=self.left_out + other.left_out,
        )
