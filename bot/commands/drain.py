"""`drain`: take out all that waits, with a second admin's approval."""

from __future__ import annotations

from bot.commands.base import Command, Request, Toolbox
from bot.commands.emergencies import open_dialog
from bot.domain.access import Role
from bot.domain.message import Reply
from bot.domain.plans import PlanKind


async def run(tools: Toolbox, request: Request) -> Reply:
    """Open the dialog in which the queue's name is typed."""
    return await open_dialog(tools, request, PlanKind.DRAIN, COMMAND.doing)


COMMAND = Command(
    name="drain",
    usage=("drain QUEUE",),
    summary="take all jobs out that have not begun",
    role=Role.ADMIN,
    run=run,
    examples=("drain order-provisioning",),
    details=(
        "Waiting, prioritized, delayed and paused jobs go into the archive; `undo` brings them "
        "back within 7 days. You type the queue's name, and another admin approves within "
        "10 minutes."
    ),
    doing="Draining",
    mutates=True,
)
