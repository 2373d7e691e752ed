"""`pause`: let no worker start another job of a queue."""

from __future__ import annotations

from bot.commands.arguments import parse
from bot.commands.base import Command, Request, Toolbox, find_queue
from bot.domain.access import Role
from bot.domain.message import Reply
from bot.errors import UsageError
from bot.render import pausing as render


async def run(tools: Toolbox, request: Request) -> Reply:
    """Pause it, and tell all; only the person when it was paused already."""
    words = parse(request.args).words
    if not words:
        raise UsageError("Say which queue, and why if you like: `pause QUEUE [reason]`.")
    queue = await find_queue(tools, request.standing, words[0], Role.OPERATOR, doing="Pausing")
    reason = " ".join(words[1:])
    done = await tools.pausing.pause(request.actor, queue, reason=reason)
    if not done.outcome.changed and not done.outcome.gathered:
        return Reply(message=render.already(queue, tools.catalog, pausing=True))
    return Reply(
        announcement=render.paused(
            queue, request.actor.user, done.outcome, tools.catalog,
            reason=reason, recorded=done.recorded,
        )
    )  # fmt: skip


COMMAND = Command(
    name="pause",
    usage=("pause QUEUE [reason]",),
    summary="let no worker start another job of a queue",
    role=Role.OPERATOR,
    run=run,
    examples=("pause order-provisioning WHMCS maintenance",),
    details="Jobs under way finish; all others wait until `resume`, and no alert says it is down.",
    doing="Pausing",
    mutates=True,
)
