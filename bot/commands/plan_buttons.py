"""The buttons of a plan's card. They carry the plan's id and nothing else."""

from __future__ import annotations

from bot.commands.base import Toolbox
from bot.domain.access import Actor, Role
from bot.domain.audit import Outcome
from bot.domain.message import Reply
from bot.errors import AccessDeniedError, PlanExpiredError
from bot.render import plans as render


async def confirm(tools: Toolbox, actor: Actor, plan_id: str, *, fresh: bool = False) -> Reply:
    """Carry the plan out, tell the person what came of it, and announce it."""
    await _require(tools, actor, plan_id)
    try:
        done = await tools.retrying.confirm(actor, plan_id, fresh=fresh)
    except PlanExpiredError:
        plan = await tools.retrying.plan(plan_id)
        if plan is None:
            raise
        return Reply(message=render.expired(plan, tools.catalog), replace=True)
    return Reply(
        message=render.outcome(
            done.plan, done.outcome, tools.catalog, stopped=done.stopped, recorded=done.recorded
        ),
        announcement=render.announcement(done.plan, done.outcome, actor.user, tools.catalog)
        if done.outcome.done
        else None,
        replace=True,
    )


async def cancel(tools: Toolbox, actor: Actor, plan_id: str) -> Reply:
    """Put the plan aside."""
    await _require(tools, actor, plan_id)
    plan = await tools.retrying.cancel(actor, plan_id)
    return Reply(message=render.cancelled(plan), replace=True)


async def _require(tools: Toolbox, actor: Actor, plan_id: str) -> None:
    try:
        await tools.access.require(actor, Role.OPERATOR, doing="Retrying")
    except AccessDeniedError as error:
        await tools.journal.record(
            actor,
            "retry",
            f"plan {plan_id[:40]}",
            Outcome.REFUSED,
            detail=str(error),
            plan=plan_id[:40],
        )
        raise
