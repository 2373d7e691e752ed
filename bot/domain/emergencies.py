"""Drain and obliterate: which jobs go, and what became of asking a second admin for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bot.domain.access import AccessPolicy
from bot.domain.listing import state_word
from bot.domain.plans import APPROVAL_LIFETIME, DRIFT, Plan, PlanGroup, PlanKind, PlanStatus
from bot.domain.sample import Counts
from bot.domain.times import Ms, say_duration

DRAINED: Final = ("delayed", "prioritized", "paused", "wait")
"""BullMQ's sets of jobs that have not begun, in the order in which a drain takes them.

A job goes from a former to a later one by itself, never back: so that none slips through.
"""

_ACTIVE: Final = "active"

_TELLING: Final = 3
"""A change by fewer jobs tells no rate."""


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

    Of these, so many are `lost`: no worker holds them, and they never end by themselves.

    All archives together take at most `cap` bytes, of which `room` are left, each for `kept`.
    """

    plan: Plan
    active: int
    lost: int = 0
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


def exchanged(plan: Plan, now: Sequence[PlanGroup]) -> bool:
    """Whether over a tenth of the jobs are gone; or, for an obliterate, stand where others stood.

    A drain leaves what was added since it was asked, and takes a job wherever it waits by then.
    Active jobs must end before an obliterate: so many may have come to any other state.
    """
    then, there = _counts(plan.groups), _counts(now)
    gone = total(plan.groups) - total(now)
    ended = max(0, then[_ACTIVE] - there[_ACTIVE])
    come = 0 if plan.kind is PlanKind.DRAIN else sum((there - then).values()) - ended
    return max(come, gone) > DRIFT * total(plan.groups)


def void_beyond(count: int) -> tuple[int, int]:
    """The fewest jobs that may be there when a request for so many is approved, and the most.

    Of the latter there is none for a drain.
    """
    room = int(DRIFT * count)
    return count - room, count + room


def hurried(plan: Plan, now: Sequence[PlanGroup], *, after: Ms) -> str:
    """That the approval is void soon, where the numbers have changed so much `after` ms; or ""."""
    grown = total(now) - plan.count
    harmless = grown > 0 and plan.kind is PlanKind.DRAIN
    if harmless or abs(grown) < _TELLING or after <= 0:
        return ""
    rest = max(0, int(DRIFT * plan.count) - abs(grown)) + 1
    wait = rest * after // abs(grown)
    if wait >= APPROVAL_LIFETIME:
        return ""
    what = "more" if grown > 0 else "fewer"
    advice = ". A pause stops no adding, only the workers" if grown > 0 else ""
    return (
        f"{abs(grown):,} jobs {what} in the last {say_duration(after)}: at this rate void in about "
        f"{say_duration(wait)}{advice}"
    )


def changes(before: Sequence[PlanGroup], now: Sequence[PlanGroup]) -> str:
    """`20 failed, now 0; 0 waiting, now 20`: the states whose number is another."""
    then, there = _counts(before), _counts(now)
    states = [group.code for group in now if then[group.code] != there[group.code]]
    said = (f"{then[one]:,} {state_word(one)}, now {there[one]:,}" for one in states)
    return "; ".join(said)


def _counts(groups: Sequence[PlanGroup]) -> Counter[str]:
    return Counter({group.code: group.count for group in groups})


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
