"""`unsilence`: end a silence before its time."""

from __future__ import annotations

from bot.commands.arguments import parse
from bot.commands.base import Command, Request, Toolbox
from bot.domain.access import Role
from bot.domain.message import Reply
from bot.errors import HiddenQueueError, UsageError
from bot.render import problems


async def run(tools: Toolbox, request: Request) -> Reply:
    """Remove the silence and say so to all."""
    words = parse(request.args).words
    if len(words) != 1:
        raise UsageError("Say which silence by its id: `unsilence 1f3a`. `alerts` lists them.")
    silence_id = words[0].lower()
    covered = await tools.alerting.silence_of(silence_id)
    if covered is not None:
        if not request.standing.sees(covered.queue):
            raise HiddenQueueError(str(tools.alerting.no_silence(silence_id)))
        request.standing.require(Role.OPERATOR, doing="Ending a silence", queue=covered.queue)
    silence = await tools.alerting.unsilence(request.actor, silence_id)
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
