"""`resume`: end a pause."""

from __future__ import annotations

from bot.commands.arguments import parse
from bot.commands.base import Command, Request, Toolbox, find_queue
from bot.domain.access import Role
from bot.domain.message import Reply
from bot.errors import UsageError
from bot.render import pausing as render


async def run(tools: Toolbox, request: Request) -> Reply:
    """Resume it, and tell all; only the person when it was not paused."""
    words = parse(request.args).words
    if len(words) != 1:
        raise UsageError("Say which queue: `resume QUEUE`.")
    queue = await find_queue(tools, request.standing, words[0], Role.OPERATOR, doing="Resuming")
    done = await tools.pausing.resume(request.actor, queue)
    if not done.outcome.changed and not done.outcome.gathered:
        return Reply(message=render.already(queue, tools.catalog, pausing=False))
    return Reply(
        announcement=render.resumed(
            queue, request.actor.user, done.outcome, tools.catalog, recorded=done.recorded
        )
    )


COMMAND = Command(
    name="resume",
    usage=("resume QUEUE",),
    summary="end a pause",
    role=Role.OPERATOR,
    run=run,
    examples=("resume order-provisioning",),
    doing="Resuming",
    mutates=True,
)
