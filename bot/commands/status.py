"""`status`: every queue, worst first, or one in detail."""

from __future__ import annotations

import asyncio

from bot.commands.arguments import parse
from bot.commands.base import Command, Request, Toolbox, find_queue
from bot.domain.access import Role
from bot.domain.health import StatusView
from bot.domain.message import Reply
from bot.domain.standing import Standing
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
        view = await _view(tools, request.standing, await tools.looking.overview())
        return Reply(message=render.overview(view, tools.catalog))
    queue = await find_queue(tools, request.standing, words[0])
    look, stuck = await asyncio.gather(tools.looking.at(queue), tools.orders.stuck(queue))
    view = await _view(tools, request.standing, look)
    health = view.healths[0] if view.healths else None
    may_retry = request.standing.may(Role.OPERATOR, queue)
    message = detail.detail(
        health, view, tools.catalog, queue=queue, may_retry=may_retry, stuck=stuck
    )
    return Reply(message=message)


async def _view(tools: Toolbox, standing: Standing, look: Look) -> StatusView:
    """What was seen, as far as this person may see it."""
    board, sees = await tools.looking.board(), standing.sight()
    return StatusView(
        now=board.now,
        healths=tuple(one for one in look.healths if sees(one.queue)),
        not_seen=tuple(name for name in look.not_seen if sees(name)),
        unreachable=look.unreachable,
        broken={address: why for address, why in look.broken.items() if sees(address)},
        incidents=tuple(one for one in board.incidents if sees(one.queue)),
        silences=tuple(one for one in board.silences if one.queue is None or sees(one.queue)),
        memories={queue: one for queue, one in look.memories.items() if sees(queue)},
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
