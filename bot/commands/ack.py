"""`ack`: take an alert on."""

from __future__ import annotations

from bot.commands.arguments import parse
from bot.commands.base import Command, Request, Toolbox
from bot.domain.access import Role
from bot.domain.message import Reply
from bot.errors import HiddenQueueError, UsageError
from bot.render import problems


async def run(tools: Toolbox, request: Request) -> Reply:
    """Mark it; the leader puts it on the alert's own message."""
    words = parse(request.args).words
    number = words[0].lstrip("#").removeprefix("inc-") if len(words) == 1 else ""
    if not number.isascii() or not number.isdigit() or len(number) > 12:  # noqa: PLR2004
        raise UsageError("Say which alert by its number: `ack 118`. `alerts` lists them.")
    incident = await tools.alerting.firing(int(number))
    if not request.standing.sees(incident.queue):
        raise HiddenQueueError(str(tools.alerting.not_firing(incident.number)))
    request.standing.require(Role.OPERATOR, doing="Acknowledging", queue=incident.queue)
    incident = await tools.alerting.acknowledge(request.actor, incident.number)
    return Reply(message=problems.acknowledged(incident, request.actor.user))


COMMAND = Command(
    name="ack",
    usage=("ack ALERT",),
    summary="acknowledge an alert: others see that you have it",
    role=Role.OPERATOR,
    run=run,
    examples=("ack 118",),
    doing="Acknowledging",
    mutates=True,
)
