"""A plan: a change to more than one job, shown with its consequences before it is made.

What it is about is frozen when it is asked: the jobs that had failed by then (highest score at that
time, unchanged `finishedOn`). Jobs that fail after that are not touched.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.domain.jobs import FailureFilter
from bot.domain.queues import QueueId
from bot.domain.times import MINUTE, Ms

PLAN_LIFETIME: Ms = 15 * MINUTE


class PlanStatus(StrEnum):
    """A plan acts once: only `PROPOSED` may become `RUNNING`."""

    PROPOSED = "proposed"
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class PlanGroup:
    """So many jobs with this failure code. `last_at` is when the newest of them failed."""

    code: str
    count: int
    last_at: Ms | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPlan:
    """A bulk retry. `filter.until` is the edge of the frozen set.

    `ids` are the jobs one by one, each with the failure it had then; empty when there were too
    many, and the filter selects them. `named` says that the person named them. `confirmed_by` and
    `confirmed_at` are set when it acts, `attempt` tells one press from another, `moved` and
    `progress_at` how far it is; `outcome` is in words when it is done.
    """

    id: str
    queue: QueueId
    filter: FailureFilter
    count: int
    groups: tuple[PlanGroup, ...]
    asked_by: str
    asked_at: Ms
    expires_at: Ms
    channel: str
    fresh: bool = False
    ids: tuple[tuple[str, Ms], ...] = ()
    named: bool = False
    warnings: tuple[str, ...] = ()
    status: PlanStatus = PlanStatus.PROPOSED
    confirmed_by: str | None = None
    confirmed_at: Ms | None = None
    attempt: str = ""
    moved: int = 0
    progress_at: Ms | None = None
    outcome: str = ""
