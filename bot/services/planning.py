"""What makes plans of one kind, and what is proposed to the person who asked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Protocol, runtime_checkable

from bot.domain.access import Actor
from bot.domain.archives import ArchiveInfo
from bot.domain.plans import Change, Overtaken, Plan, PlanKind, PlanStatus, drifted
from bot.domain.queues import QueueId
from bot.ports import PlanStore

_MOST: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A stored plan, and whether fresh attempts may be offered for it.

    `orphans` are hashes that bare commands left in the queue, as many as a short look found;
    `archive` is what an undo brings back.
    """

    plan: Plan
    may_be_fresh: bool = False
    orphans: int = 0
    archive: ArchiveInfo | None = None


class Planner(Protocol):
    """Makes plans of some kinds."""

    async def again(self, actor: Actor, plan: Plan) -> Proposal:
        """A new plan for what an old one was asked for.

        Raises:
            JobGoneError: there is nothing (any more) to do.
            RefusedError: it may not be done now.
        """
        ...

    async def recount(self, plan: Plan) -> int:
        """How many jobs match now what the plan was asked for; `Plan.matching` then."""
        ...

    async def check(self, plan: Plan) -> None:
        """Look whether it may be done now.

        Raises:
            RefusedError: the version table does not allow it.
            RedisUnavailableError: the queue cannot be read.
        """
        ...


@runtime_checkable
class Overtakable(Protocol):
    """A planner whose jobs may have been done by others since their card was drawn."""

    async def overtaken(self, plan: Plan) -> Overtaken:
        """Which those are.

        Raises:
            RedisUnavailableError: the queue cannot be read.
        """
        ...


async def change_of(plan: Plan, planner: Planner, *, late: bool = False) -> Change:
    """Whether what a plan would do now is still what its card showed.

    Asked whenever it is about to begin: at the press, at that for a canary's rest, and when the
    time has come of one for later.

    Raises:
        RedisUnavailableError: the queue cannot be read.
    """
    matching = await planner.recount(plan)
    found = await planner.overtaken(plan) if isinstance(planner, Overtakable) else Overtaken()
    frozen = plan.kind is PlanKind.PROMOTE and bool(plan.ids)
    return Change(
        was=plan.matching - plan.done,
        gone=plan.matching - matching if frozen else 0,
        matching=matching,
        planned=plan.count,
        drifted=drifted(plan, matching),
        overtaken=found,
        unchecked="" if plan.unchecked else found.unknown,
        late=late,
    )


def redrawn(change: Change, before: Plan, now: Plan) -> Change:
    """With the numbers of the card that is drawn anew, so that both say the same."""
    left_out = (before.matching - before.count, now.matching - now.count)
    return replace(change, matching=now.matching, left_out=left_out)


async def under_way(plans: PlanStore, queue: QueueId) -> tuple[str, ...]:
    """What others are doing to the queue now: two bulk changes get in each other's way."""
    said = []
    for plan_id in await plans.running():
        plan = await plans.get(plan_id)
        if plan is None or plan.queue != queue or plan.status is not PlanStatus.RUNNING:
            continue
        who = plan.confirmed_by or plan.asked_by
        said.append(f"<@{who}> has begun to {plan.kind.verb} {plan.count:,} here: not over yet")
    return tuple(said[:_MOST])
