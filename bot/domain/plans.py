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
    """So many jobs with this failure code."""

    code: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPlan:
    """A bulk retry. `filter.until` is the edge of the frozen set.

    `ids` are the jobs when they were named one by one (then with the failure each was shown with),
    empty when the filter selects them. `confirmed_by` and `confirmed_at` are set when it acts;
    `outcome` in words when it has.
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
    warnings: tuple[str, ...] = ()
    status: PlanStatus = PlanStatus.PROPOSED
    confirmed_by: str | None = None
    confirmed_at: Ms | None = None
    outcome: str = ""
