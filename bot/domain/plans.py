"""A plan: a change to more than one job, shown with its consequences before it is made.

What it is about is frozen when it is asked: the jobs that had failed by then (highest score at that
time, unchanged `finishedOn`). Jobs that fail after that are not touched.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from bot.domain.jobs import FailureFilter
from bot.domain.queues import QueueId
from bot.domain.times import MINUTE, Ms

PLAN_LIFETIME: Ms = 15 * MINUTE
APPROVAL_LIFETIME: Ms = 10 * MINUTE
"""How long a second admin may approve a drain or an obliterate."""
DRIFT: Final = 0.10
"""The share by which a count may differ from the card's before it is drawn and asked again."""


STUCK: Final = "stuck"
"""The `state` of a plan about orders that have no job: its ids are the orders' own."""
GHOSTS: Final = "ghosts"
"""The `state` of a sweep of ids in the failed set whose hash is gone; of hashes it has none."""


class PlanKind(StrEnum):
    """What a plan does."""

    RETRY = "retry"
    SALESFORCE = "retry through Salesforce"
    PROMOTE = "promote"
    UNSTICK = "unstick"
    CLEAN = "clean"
    SWEEP = "sweep"
    UNDO = "undo"
    DRAIN = "drain"
    OBLITERATE = "obliterate"

    @property
    def verb(self) -> str:
        """As the audit log names the action."""
        return _VERBS.get(self, self.value)

    @property
    def doing(self) -> str:
        """As a sentence about it begins: `Retrying`."""
        return _DOING.get(self, "Retrying")

    @property
    def approved(self) -> bool:
        """Whether a second admin must approve it."""
        return self in (PlanKind.DRAIN, PlanKind.OBLITERATE)


_VERBS: Final = {PlanKind.SALESFORCE: "retry", PlanKind.SWEEP: "clean"}
_DOING: Final = {
    PlanKind.PROMOTE: "Promoting",
    PlanKind.UNSTICK: "Unsticking",
    PlanKind.CLEAN: "Removing",
    PlanKind.SWEEP: "Removing",
    PlanKind.UNDO: "Bringing back",
    PlanKind.DRAIN: "Draining",
    PlanKind.OBLITERATE: "Obliterating",
}


class PlanStatus(StrEnum):
    """A plan acts once: only `PROPOSED` (or `TRIED`, for the rest) may become `RUNNING`.

    One that a second admin must approve is `ASKED` in between.
    """

    PROPOSED = "proposed"
    ASKED = "asked"
    RUNNING = "running"
    TRIED = "tried"
    DONE = "done"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class PlanGroup:
    """So many jobs with this failure code. `last_at` is when the newest of them failed."""

    code: str
    count: int
    last_at: Ms | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overtaken:
    """Jobs of a plan whose work another job or Salesforce has done since its card was drawn.

    `how` has the status of each one's order in Salesforce, or "" where another job does its work;
    `said` tells which and why, in parts; `unknown` why Salesforce could not be asked.
    """

    how: Mapping[str, str] = field(default_factory=dict)
    said: tuple[str, ...] = ()
    unknown: str = ""

    @property
    def jobs(self) -> tuple[str, ...]:
        """Which those are."""
        return tuple(self.how)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A bulk change. `filter.until` is the edge of the frozen set.

    `ids` are the jobs one by one, each with the score it had then (a failed job's `finishedOn`);
    empty when there were too many, and the filter selects them, but for those `excluded`. `named`
    says that the person named them; `doubled` are those of them of which the card says that other
    work was done on the same. `unchecked` says that the card could not tell which orders are done.
    `matching` is how many matched the filter when it was asked,
    what drift is measured against; `count` is how many of them are in the plan, or `at_most`: then
    not all were looked at, and those that must be left out are left out as they come.

    `state` is the set a clean or promote is about, `archive` the archive an undo brings back, or
    that a clean makes: without one its jobs are not archived.
    `rate` is a most of jobs a second, `canary` how many to try first; `begin_at` is for one that
    begins later, `later_at` when the least gap between two tries is over for all of them (None: it
    is). `fresh` is for retries. `overtaken` are the few jobs that others had done by the time it
    was confirmed: they are left out.

    `confirmed_by` and `confirmed_at` are set when it acts, `approved_by` by the second admin;
    `attempt` tells one run from another, `done` and `progress_at` how far it is; `outcome` is in
    words when it is done.
    """

    id: str
    queue: QueueId
    count: int
    asked_by: str
    asked_at: Ms
    expires_at: Ms
    channel: str
    kind: PlanKind = PlanKind.RETRY
    filter: FailureFilter = field(default_factory=FailureFilter)
    groups: tuple[PlanGroup, ...] = ()
    matching: int = 0
    at_most: bool = False
    fresh: bool = False
    ids: tuple[tuple[str, Ms], ...] = ()
    excluded: tuple[str, ...] = ()
    named: bool = False
    doubled: tuple[str, ...] = ()
    unchecked: bool = False
    state: str = ""
    archive: str = ""
    rate: float | None = None
    canary: int = 0
    begin_at: Ms | None = None
    later_at: Ms | None = None
    warnings: tuple[str, ...] = ()
    status: PlanStatus = PlanStatus.PROPOSED
    confirmed_by: str | None = None
    confirmed_at: Ms | None = None
    approved_by: str | None = None
    attempt: str = ""
    done: int = 0
    progress_at: Ms | None = None
    outcome: str = ""
    overtaken: Overtaken = Overtaken()

    @property
    def whole(self) -> int:
        """How many jobs its operation comes to: an undo to those that stay archived, too."""
        return max(self.count, self.matching) if self.kind is PlanKind.UNDO else self.count


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """How what a plan would do differs from what its card showed; true where that is asked again.

    `was` is how many matched then, `matching` how many do now; `late` says that the card, or the
    offer of a canary's rest, is too old whatever the numbers are; `unchecked`, where the card could
    tell which orders are done, why that is not known now. `left_out` is how many of either the
    card, then and now, leaves out; `gone` how many of delayed jobs that are frozen one by one are
    so no more, as others than these do not count. Of the `planned` jobs up to a tenth may be
    `overtaken`: these are left out without a question, or in a busy queue no large one would begin.
    """

    was: int
    matching: int
    planned: int = 0
    left_out: tuple[int, int] = (0, 0)
    gone: int = 0
    drifted: bool = False
    overtaken: Overtaken = Overtaken()
    unchecked: str = ""
    late: bool = False

    def __bool__(self) -> bool:
        many = len(self.overtaken.jobs) > DRIFT * self.planned
        return self.drifted or self.late or many or bool(self.unchecked)


def drifted(plan: Plan, matching: int) -> bool:
    """Whether what a plan matched has changed by more than a tenth since its card was drawn.

    What a canary has done may match again, if it failed again.
    """
    left = max(0, plan.matching - plan.done)
    return left - matching > DRIFT * left or matching - plan.matching > DRIFT * plan.matching
