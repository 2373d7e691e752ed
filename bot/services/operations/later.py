"""What is left of a plan when it begins: without the few jobs that others have done meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bot.domain.plans import Overtaken, Plan, PlanKind
from bot.errors import SalesforceUnavailableError
from bot.services.planning import Planner, change_of


async def left_of(plan: Plan, planners: Mapping[PlanKind, Planner]) -> tuple[Plan, Overtaken]:
    """The plan without the jobs whose work was done since it was asked for, and which those are.

    At the press that was looked at; one for later is looked at anew when its time has come, as
    nobody is there to be asked again. That others match by now is no reason to stop: no more is
    changed than was shown. A retry by BullMQ looks at each job itself, when it comes to it.

    Raises:
        SalesforceUnavailableError: it does not tell which orders are done.
        RedisUnavailableError: the queue cannot be read.
    """
    if plan.kind not in planners or plan.kind is PlanKind.RETRY:
        return plan, Overtaken()
    found = plan.overtaken
    if plan.begin_at is not None:
        found = (await change_of(plan, planners[plan.kind])).overtaken
    if plan.begin_at is not None and found.unknown:
        raise SalesforceUnavailableError(
            f"Not checked in Salesforce which orders are done: {found.unknown}."
        )
    gone = frozenset(found.jobs)
    return (
        replace(
            plan,
            ids=tuple(ref for ref in plan.ids if ref[0] not in gone),
            excluded=(*plan.excluded, *found.jobs),
            count=max(0, plan.count - len(gone)),
        ),
        found,
    )
