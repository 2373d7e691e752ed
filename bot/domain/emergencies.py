"""Drain and obliterate: which jobs go, and what became of asking a second admin for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bot.domain.access import AccessPolicy
from bot.domain.plans import Plan, PlanGroup, PlanKind, PlanStatus
from bot.domain.sample import Counts
from bot.domain.times import Ms

DRAINED: Final = ("delayed", "prioritized", "paused", "wait")
"""BullMQ's sets of jobs that have not begun, in the order in which a drain takes them.

A job goes from a former to a later one by itself, never back: so that none slips through.
"""


class Verdict(StrEnum):
    """What became of a request for a second admin's approval."""

    OPEN = "open"
    APPROVED = "approved"
    REFUSED = "refused"
    VOID = "void"
    EXPIRED = "expired"
    UNSENT = "unsent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Emergency:
    """What a dialog shows: a stored plan, and how many jobs are `active` now.

    All archives together take at most `cap` bytes, of which `room` are left, each for `kept`.
    """

    plan: Plan
    active: int
    room: int
    cap: int
    kept: Ms


def going(kind: PlanKind, counts: Counts) -> tuple[PlanGroup, ...]:
    """The states whose jobs go, each with its number; `code` is BullMQ's name of the set."""
    pending = (
        PlanGroup("wait", counts.waiting),
        PlanGroup("prioritized", counts.prioritized),
        PlanGroup("delayed", counts.delayed),
        PlanGroup("paused", counts.paused_list),
    )
    if kind is PlanKind.DRAIN:
        return pending
    return (
        *pending,
        PlanGroup("active", counts.active),
        PlanGroup("completed", counts.completed),
        PlanGroup("failed", counts.failed),
        PlanGroup("waiting-children", counts.waiting_children),
    )


def total(groups: Sequence[PlanGroup]) -> int:
    """How many jobs they are."""
    return sum(group.count for group in groups)


def verdict(plan: Plan) -> Verdict:
    """What became of the request, by its plan's status; a plan that was put aside says why."""
    if plan.status in (PlanStatus.PROPOSED, PlanStatus.ASKED):
        return Verdict.OPEN
    if plan.status is not PlanStatus.CANCELLED:
        return Verdict.APPROVED
    closed = (Verdict.VOID, Verdict.EXPIRED, Verdict.UNSENT)
    return next((one for one in closed if plan.outcome == one.value), Verdict.REFUSED)


def others_may_approve(policy: AccessPolicy, user: str) -> bool:
    """Whether anyone but this person may be an admin; who is in a group is not looked up."""
    return bool(policy.admins - {user})
