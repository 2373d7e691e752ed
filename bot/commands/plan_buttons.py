"""The buttons of a plan's card and of an operation. They carry the plan's id and nothing else."""

from __future__ import annotations

from dataclasses import replace

from bot.commands.base import Toolbox
from bot.commands.plan_cards import card, described
from bot.domain.access import Actor, Role
from bot.domain.audit import NOT_ALLOWED, Outcome
from bot.domain.message import Reply
from bot.domain.plans import Plan
from bot.errors import AccessDeniedError, HiddenQueueError, PlanExpiredError, UnavailableError
from bot.render import operations, plans
from bot.services.confirming import Choice, Confirmed

CANARY = 5
"""Jobs that "Try 5 first" tries."""


async def confirm(tools: Toolbox, actor: Actor, plan_id: str) -> Reply:
    """Begin the plan; its message in the channel tells the rest."""
    return await _confirm(tools, actor, plan_id, Choice())


async def confirm_fresh(tools: Toolbox, actor: Actor, plan_id: str) -> Reply:
    """Begin the plan, with fresh attempts."""
    return await _confirm(tools, actor, plan_id, Choice(fresh=True))


async def try_first(tools: Toolbox, actor: Actor, plan_id: str) -> Reply:
    """Begin the plan with a few jobs, and see how these end."""
    return await _confirm(tools, actor, plan_id, Choice(canary=CANARY))


async def later(tools: Toolbox, actor: Actor, plan_id: str) -> Reply:
    """Begin the plan when the least time between two tries is over for all its jobs."""
    plan = await tools.confirming.plan(plan_id)
    return await _confirm(tools, actor, plan_id, Choice(begin_at=plan.later_at if plan else None))


async def rest(tools: Toolbox, actor: Actor, plan_id: str) -> Reply:
    """Go on with what a canary has left."""
    await _require(tools, actor, plan_id)
    return _reply(tools, await tools.confirming.rest(actor, plan_id))


async def stop(tools: Toolbox, actor: Actor, plan_id: str) -> Reply:
    """End an operation after the batch it is at."""
    await _require(tools, actor, plan_id, "stop", doing="Stopping")
    try:
        plan = await tools.confirming.stop(actor, plan_id)
    except UnavailableError as error:
        error.template = f"Not stopped: {error.template} It goes on when that is back: press again."
        raise
    return Reply(message=operations.stopping(plan, tools.catalog))


async def cancel(tools: Toolbox, actor: Actor, plan_id: str) -> Reply:
    """Put the plan aside."""
    await _require(tools, actor, plan_id, "cancel", doing="Cancelling")
    plan = await tools.confirming.cancel(actor, plan_id)
    return Reply(message=plans.cancelled(plan), replace=True)


async def _confirm(tools: Toolbox, actor: Actor, plan_id: str, choice: Choice) -> Reply:
    plan = await _require(tools, actor, plan_id)
    try:
        confirmed = await tools.confirming.confirm(actor, plan_id, choice)
    except PlanExpiredError:
        if plan is None:
            raise
        return Reply(message=plans.expired(plan, tools.catalog), replace=True)
    return replace(_reply(tools, confirmed), replace=True)


def _reply(tools: Toolbox, confirmed: Confirmed) -> Reply:
    """That it began, or the card that is asked instead."""
    if confirmed.drawn_again is not None:
        return Reply(message=card(tools, confirmed.drawn_again, change=confirmed.change))
    return Reply(message=operations.began(confirmed.plan, tools.catalog))


async def _require(
    tools: Toolbox, actor: Actor, plan_id: str, step: str = "", *, doing: str = ""
) -> Plan | None:
    """Check the role for the plan's queue, anew at each press; what is refused is recorded.

    `step` and `doing` ("stop", "Stopping") name the press where it is not what the plan does.
    """
    plan = await tools.confirming.plan(plan_id)
    standing = await tools.access.standing(actor)
    role = Role.ADMIN if plan is not None and plan.kind.approved else Role.OPERATOR
    verb = plan.kind.verb if plan is not None else "retry"
    doing = doing or (plan.kind.doing if plan is not None else "Retrying")
    try:
        if plan is None:
            standing.admit(role, doing=doing)
        else:
            standing.require(role, doing=doing, queue=plan.queue)
    except (AccessDeniedError, HiddenQueueError) as error:
        what = described(tools, plan, plan_id)
        await tools.journal.record(
            actor, step or verb, f"{step}: {what}" if step else what, Outcome.REFUSED,
            queue=plan.queue if plan else None, word=NOT_ALLOWED, detail=str(error),
            plan=plan_id[:40],
        )  # fmt: skip
        raise
    return plan
