"""What `drain` and `obliterate` share: the dialog, its submission, and a second admin's buttons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import structlog

from bot.commands.arguments import parse
from bot.commands.base import Request, Toolbox, find_queue
from bot.commands.plan_cards import described
from bot.domain.access import Actor, Role
from bot.domain.audit import NOT_ALLOWED, Outcome
from bot.domain.emergencies import Verdict, verdict
from bot.domain.message import MessageRef, Reply, Tag
from bot.domain.plans import Plan, PlanKind
from bot.domain.times import MINUTE
from bot.errors import (
    AccessDeniedError,
    HiddenQueueError,
    NotPausedError,
    PlanExpiredError,
    SlackRefusedError,
    SlackUnavailableError,
    StaleError,
    UsageError,
)
from bot.render import emergencies as render

_log = structlog.get_logger(__name__)
_DOING: Final = {"approve": "Approving", "refuse": "Refusing"}
"""A second admin's steps, as the sentence of a refusal begins."""
KIND: Final = "bullhorn_approval"
"""The tag of requests for approval; the key is the plan's id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What was typed into a dialog: where it was asked, and what is wrong with it, "" nothing."""

    channel: str = ""
    problem: str = ""


async def open_dialog(tools: Toolbox, request: Request, kind: PlanKind, doing: str) -> Reply:
    """Count what would go, and have its name typed.

    Raises:
        UsageError: it is not asked in a channel, or no queue is named.
        JobGoneError, RefusedError: there is nothing to do, or it may not be done now.
    """
    words = parse(request.args).words
    if len(words) != 1:
        raise UsageError(f"Say which queue: `{kind.verb} QUEUE`.")
    queue = await find_queue(tools, request.standing, words[0], Role.ADMIN, doing=doing)
    if request.actor.channel.startswith("D"):
        raise UsageError("Ask for this in a channel: another admin must see it and approve it.")
    try:
        found = await tools.repairs.emergencies.propose(request.actor, queue, kind)
    except NotPausedError as error:
        message = render.not_paused(queue, kind, error.active, tools.catalog, lost=error.lost)
        return Reply(message=message)
    return Reply(modal=render.dialog(found, tools.catalog))


async def named(tools: Toolbox, plan_id: str, typed: str) -> Named:
    """Look at what was typed into the dialog, before it closes.

    Raises:
        RedisUnavailableError: the plan cannot be read.
    """
    plan = await tools.approving.plan(plan_id)
    if plan is None:
        return Named(problem="This is not known any more. Close it, and ask again.")
    if not tools.approving.is_named(plan, typed):
        return Named(problem=render.wrong_name(tools.catalog.address(plan.queue)))
    return Named(channel=plan.channel)


async def ask(tools: Toolbox, actor: Actor, plan_id: str, typed: str) -> Reply:
    """Post the request for a second admin's approval."""
    await _require(tools, actor, plan_id, "ask")
    plan = await tools.approving.ask(actor, plan_id, typed)
    try:
        await tools.messenger.post(
            render.request(plan, tools.catalog), channel=plan.channel, tag=_tag(plan)
        )
    except (SlackRefusedError, SlackUnavailableError) as error:
        await tools.approving.unsent(plan)
        return Reply(message=render.unsent(plan, str(error)))
    return Reply(message=render.asked(plan))


async def approve(tools: Toolbox, actor: Actor, plan_id: str, pressed: MessageRef | None) -> Reply:
    """Approve, by another admin than who asked; begins unless the facts have drifted."""
    await _require(tools, actor, plan_id, "approve")
    try:
        plan = await tools.approving.approve(actor, plan_id)
    except StaleError:
        await _show(tools, await tools.approving.plan(plan_id), pressed)
        raise
    return await _told(tools, plan, pressed)


async def refuse(tools: Toolbox, actor: Actor, plan_id: str, pressed: MessageRef | None) -> Reply:
    """Refuse, or take back what one has asked for oneself."""
    await _require(tools, actor, plan_id, "refuse")
    try:
        plan = await tools.approving.refuse(actor, plan_id)
    except StaleError:
        await _show(tools, await tools.approving.plan(plan_id), pressed)
        raise
    return await _told(tools, plan, pressed)


async def put_aside_overdue(tools: Toolbox) -> None:
    """Requests that nobody pressed in time end, and their messages say so; any replica may, again.

    Raises:
        RedisUnavailableError: Bullhorn's own Redis does not answer.
    """
    for plan in await tools.approving.overdue():
        if await _show(tools, plan, None):
            await tools.approving.shown(plan.id)


async def _told(tools: Toolbox, plan: Plan, pressed: MessageRef | None) -> Reply:
    """The request shows what became of it; who pressed is told where that is not plain."""
    await _show(tools, plan, pressed)
    how = verdict(plan)
    if how is Verdict.APPROVED:
        return Reply(message=render.approved(plan, tools.catalog))
    if how is Verdict.EXPIRED:
        raise PlanExpiredError("This request has expired. Nothing was changed. Ask for a new one.")
    if how is Verdict.VOID:
        raise StaleError(
            f"The approval is void: {plan.count:,} jobs were there when it was asked, "
            f"{plan.matching:,} are now. Nothing was changed. "
            'Press "Ask again…" on the request: another admin approves then.'
        )
    return Reply()


async def _show(tools: Toolbox, plan: Plan | None, pressed: MessageRef | None) -> bool:
    """Make the request's message show what became of it; a nicety, so never an error.

    False where it makes sense to try again.
    """
    if plan is None or verdict(plan) is Verdict.OPEN:
        return True
    try:
        ref = pressed or await tools.messenger.find(
            channel=plan.channel, tag=_tag(plan), since=plan.asked_at - MINUTE
        )
        if ref is not None:
            message = render.settled(plan, tools.catalog)
            await tools.messenger.update(message, ref, tag=_tag(plan))
    except (SlackRefusedError, SlackUnavailableError) as error:
        _log.warning("a request could not be edited", plan=plan.id, reason=str(error))
        return isinstance(error, SlackRefusedError)
    return True


async def _require(tools: Toolbox, actor: Actor, plan_id: str, step: str) -> None:
    """Check the role for the plan's queue, anew at each step; what is refused is recorded."""
    plan = await tools.approving.plan(plan_id)
    standing = await tools.access.standing(actor)
    doing = _DOING.get(step) or (plan.kind.doing if plan is not None else "This")
    try:
        if plan is None:
            standing.admit(Role.ADMIN, doing=doing)
        else:
            standing.require(Role.ADMIN, doing=doing, queue=plan.queue)
    except (AccessDeniedError, HiddenQueueError) as error:
        if plan is not None:
            await tools.approving.not_allowed(actor, plan, step, str(error))
            raise
        await tools.journal.record(
            actor, step, f"{step}: {described(tools, plan, plan_id)}", Outcome.REFUSED,
            word=NOT_ALLOWED, detail=str(error), plan=plan_id[:40],
        )  # fmt: skip
        raise


def _tag(plan: Plan) -> Tag:
    return Tag(KIND, plan.id)
