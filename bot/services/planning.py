"""What makes plans of one kind, and what is proposed to the person who asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from bot.domain.access import Actor
from bot.domain.archives import ArchiveInfo
from bot.domain.plans import Plan, PlanStatus
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
