"""`unsilence`: end a silence before its time."""

from __future__ import annotations

from bot.commands.arguments import parse
from bot.commands.base import Command, Request, Toolbox
from bot.domain.access import Role
from bot.domain.message import Reply
from bot.errors import UsageError
from bot.render import problems


async def run(tools: Toolbox, request: Request) -> Reply:
    """Remove the silence and say so to all."""
    words = parse(request.args).words
    if len(words) != 1:
        raise UsageError("Say which silence by its id: `unsilence 1f3a`. `alerts` lists them.")
    silence = await tools.alerting.unsilence(request.actor, words[0].lower())
    return Reply(announcement=problems.silence_ended(silence, request.actor.user, tools.catalog))


COMMAND = Command(
    name="unsilence",
    usage=("unsilence ID",),
    summary="end a silence now",
    role=Role.OPERATOR,
    run=run,
    examples=("unsilence 1f3a",),
    doing="Ending a silence",
    mutates=True,
)
