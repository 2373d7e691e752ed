"""`obliterate`: remove a paused queue for good, with a second admin's approval."""

from __future__ import annotations

from bot.commands.base import Command, Request, Toolbox
from bot.commands.emergencies import open_dialog
from bot.domain.access import Role
from bot.domain.message import Reply
from bot.domain.plans import PlanKind


async def run(tools: Toolbox, request: Request) -> Reply:
    """Open the dialog in which the queue's name is typed; where it is not paused, offer that."""
    return await open_dialog(tools, request, PlanKind.OBLITERATE, COMMAND.doing)


COMMAND = Command(
    name="obliterate",
    usage=("obliterate QUEUE",),
    summary="remove a paused queue with all its jobs, for good",
    role=Role.ADMIN,
    run=run,
    examples=("obliterate sim-management",),
    details=(
        "This cannot be undone. The queue must be paused, with no job active. You type its name, "
        "and another admin approves within 10 minutes."
    ),
    doing="Obliterating",
    mutates=True,
)
