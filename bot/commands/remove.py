"""`remove`: take one job out of a queue, archived first."""

from __future__ import annotations

from bot.commands.arguments import parse
from bot.commands.base import Command, Request, Toolbox, find_queue
from bot.commands.plan_cards import card
from bot.domain.access import Role
from bot.domain.message import Reply
from bot.errors import UsageError


async def run(tools: Toolbox, request: Request) -> Reply:
    """A card for it: one press more than doing it at once, and the wrong job is seen in time."""
    words = parse(request.args).words
    if len(words) != 2:  # noqa: PLR2004 - a queue and an id
        raise UsageError("Say which job: `remove QUEUE ID`.")
    queue = await find_queue(tools, request.standing, words[0], Role.OPERATOR, doing="Removing")
    proposal = await tools.repairs.clean.propose_one(request.actor, queue, words[1])
    return Reply(message=card(tools, proposal))


COMMAND = Command(
    name="remove",
    usage=("remove QUEUE ID",),
    summary="take one poison job out, archived first",
    role=Role.OPERATOR,
    run=run,
    examples=("remove order-provisioning 4711",),
    details=(
        "In any state, but not while a worker holds it, nor while a flow hangs on it. "
        "`undo` brings it back for 7 days."
    ),
    doing="Removing",
    mutates=True,
)
