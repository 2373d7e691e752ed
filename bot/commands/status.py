"""`status`: every queue, worst first, or one in detail."""

from __future__ import annotations

from bot.commands.arguments import parse
from bot.commands.base import Command, Request, Toolbox
from bot.domain.access import Role
from bot.domain.health import StatusView
from bot.domain.message import Reply
from bot.errors import UsageError
from bot.render import status as render
from bot.render import status_detail as detail
from bot.services.looking import Look


async def run(tools: Toolbox, request: Request) -> Reply:
    """Look at the queues themselves, not at what the last tick saw.

    In the overview of more than a dozen queues, the health of those that are not shown in full
    counts waiting, failed and the oldest active job, not the processing times of finished ones.
    """
    words = parse(request.args).words
    if len(words) > 1:
        raise UsageError("`status` takes one queue at most.")
    if not words:
        view = await _view(tools, await tools.looking.overview())
        return Reply(message=render.overview(view, tools.catalog))
    queue = await tools.finder.find(words[0])
    view = await _view(tools, await tools.looking.at(queue))
    health = view.healths[0] if view.healths else None
    may_retry = request.role >= Role.OPERATOR
    message = detail.detail(health, view, tools.catalog, queue=queue, may_retry=may_retry)
    return Reply(message=message)


async def _view(tools: Toolbox, look: Look) -> StatusView:
    board = await tools.looking.board()
    return StatusView(
        now=board.now,
        healths=look.healths,
        not_seen=look.not_seen,
        unreachable=look.unreachable,
        broken=look.broken,
        incidents=board.incidents,
        silences=board.silences,
        memories=look.memories,
        stale=board.stale,
    )


COMMAND = Command(
    name="status",
    usage=("status", "status QUEUE"),
    summary="every queue, worst first; or one queue in detail",
    role=Role.VIEWER,
    run=run,
    examples=("status", "status order-provisioning"),
    details="Levels follow the config's health table. `/queue` alone does the same.",
)
