"""What an operation may do to a job, and what one has done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from bot.domain.jobs import ArchivedJob
from bot.domain.plans import Plan, PlanKind
from tests.support.repair_look import ORPHAN, SETS

WAITING: Final = frozenset({"wait", "prioritized"})
FROM: Final[dict[PlanKind, frozenset[str | None]]] = {
    PlanKind.RETRY: frozenset({"failed"}),
    PlanKind.SALESFORCE: frozenset({"failed"}),
    PlanKind.PROMOTE: frozenset({"delayed"}),
    PlanKind.UNSTICK: frozenset({"active"}),
    PlanKind.DRAIN: frozenset({"wait", "prioritized", "delayed"}),
    PlanKind.OBLITERATE: frozenset({"wait", "paused", ORPHAN, *SETS}),
    PlanKind.SWEEP: frozenset({ORPHAN}),
    PlanKind.UNDO: frozenset({None}),
}
RUNS: Final = (PlanKind.RETRY, PlanKind.PROMOTE, PlanKind.UNSTICK)
"""What changes the hashes of the jobs that it moves; the others bring them back as they were."""


@dataclass(slots=True)
class Op:
    """An operation, and the jobs that it has moved.

    `before` is how many those were when it was begun (again), `there` what was in the queue then.
    `torn`: it may have ended as Redis was away; `overlapped`: two runners had it at once; `unsure`:
    it died, or an answer of Salesforce was lost. `orders` are those that it has set there, `known`
    the jobs of orders that there were when it was begun.
    """

    plan: Plan
    moved: set[str] = field(default_factory=set)
    before: int = 0
    there: frozenset[str] = frozenset()
    known: frozenset[str] = frozenset()
    ended: bool = False
    torn: bool = False
    unsure: bool = False
    overlapped: bool = False
    orders: list[str] = field(default_factory=list)

    @property
    def may_leave_open(self) -> bool:
        """Whether it may have an unsettled batch now: an undo finishes what is left after the end.

        Of two runners one may have died, or been overtaken, while the other ended it.
        """
        return not self.ended or self.torn or self.overlapped

    @property
    def archive(self) -> str:
        """The archive that it makes, "" without."""
        replaces = self.plan.kind is PlanKind.SALESFORCE
        return self.plan.id if replaces or self.plan.archive == self.plan.id else ""

    @property
    def is_for_good(self) -> bool:
        """Whether what it takes away is kept nowhere."""
        kind = self.plan.kind
        bare = kind in (PlanKind.CLEAN, PlanKind.SWEEP) and not self.plan.archive
        return bare or kind is PlanKind.OBLITERATE


@dataclass(frozen=True, slots=True)
class Shelf:
    """An archive: its batches, and which of them are unsettled."""

    id: str
    batches: Mapping[int, tuple[ArchivedJob, ...]]
    open: frozenset[int]
    counted: int
