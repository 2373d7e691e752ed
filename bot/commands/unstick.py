"""`unstick`: active jobs whose worker died go back to waiting."""

from __future__ import annotations

from bot.commands.arguments import parse
from bot.commands.base import Command, Request, Toolbox, find_queue
from bot.commands.plan_cards import card
from bot.domain.access import Role
from bot.domain.message import Reply
from bot.errors import UsageError


async def run(tools: Toolbox, request: Request) -> Reply:
    """A card that counts the jobs without a lock, and names those that are left alone."""
    words = parse(request.args).words
    if len(words) != 1:
        raise UsageError("Say which queue: `unstick QUEUE`.")
    queue = await find_queue(tools, request.standing, words[0], Role.OPERATOR, doing="Unsticking")
    proposal = await tools.repairs.unstick.propose(request.actor, queue)
    return Reply(message=card(tools, proposal))


COMMAND = Command(
    name="unstick",
    usage=("unstick QUEUE",),
    summary="active jobs whose worker died go back to waiting",
    role=Role.OPERATOR,
    run=run,
    examples=("unstick order-provisioning",),
    details=(
        "Jobs that a live worker holds are left alone. BullMQ's own look for stalled jobs does it, "
        "with no worker running too; it looks at intervals, so that this may take half a minute."
    ),
    doing="Unsticking",
    mutates=True,
)
