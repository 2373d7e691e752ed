"""`status`: every queue, worst first, or one in detail."""

from __future__ import annotations

from bot.commands.arguments import parse
from bot.commands.base import Command, Request, Toolbox
from bot.domain.access import Role
from bot.domain.health import StatusView, assess
from bot.domain.message import Reply
from bot.domain.queues import QueueId
from bot.domain.sample import SampleRequest
from bot.errors import UsageError
from bot.render import status as render
from bot.render import status_detail as detail

RECENT = 100
"""Finished jobs the 95th percentile of processing time is taken from (the health table)."""


async def run(tools: Toolbox, request: Request) -> Reply:
    """Look now, not at what the last tick saw."""
    words = parse(request.args).words
    if len(words) > 1:
        raise UsageError("`status` takes one queue at most.")
    if not words:
        queues = await tools.finder.seen()
        return Reply(message=render.overview(await _view(tools, queues), tools.catalog))
    queue = await tools.finder.find(words[0])
    view = await _view(tools, frozenset({queue}))
    health = view.healths[0] if view.healths else None
    may_retry = request.role >= Role.OPERATOR
    message = detail.detail(health, view, tools.catalog, queue=queue, may_retry=may_retry)
    return Reply(message=message)


async def _view(tools: Toolbox, queues: frozenset[QueueId]) -> StatusView:
    round_ = await tools.reader.sample(
        [SampleRequest(queue=queue, recent=RECENT) for queue in sorted(queues)]
    )
    board = await tools.alerting.board()
    catalog = tools.catalog
    healths = tuple(
        assess(sample, catalog.policy(queue), catalog.health)
        for queue, sample in round_.samples.items()
    )
    return StatusView(
        now=board.now,
        healths=healths,
        not_seen=await tools.finder.not_seen(),
        unreachable=round_.unreachable,
        broken={catalog.address(queue): why for queue, why in round_.broken.items()},
        incidents=board.incidents,
        silences=board.silences,
        memories=await tools.store.cursors(),
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
