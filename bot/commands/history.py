"""`history`: who did what."""

from __future__ import annotations

from bot.commands.arguments import parse
from bot.commands.base import Command, Request, Toolbox
from bot.domain.access import Role
from bot.domain.message import Reply
from bot.errors import UnknownQueueError, UsageError
from bot.render import history as render

SHOWN = 20
"""Entries in one answer."""


async def run(tools: Toolbox, request: Request) -> Reply:
    """The newest entries of the audit log, of one queue or all."""
    words = parse(request.args).words
    if len(words) > 1:
        raise UsageError("`history` takes one queue at most.")
    queue = await _address(tools, words[0]) if words else None
    entries = await tools.audit.recent(limit=SHOWN, queue=queue)
    if queue is not None and not entries:
        # A queue that is gone may have a history; a name never heard of is a typo.
        await tools.finder.find(queue)
    return Reply(message=render.entries(entries, queue, await tools.reader.now()))


async def _address(tools: Toolbox, name: str) -> str:
    try:
        return tools.catalog.address(await tools.finder.find(name))
    except UnknownQueueError:
        return name


COMMAND = Command(
    name="history",
    usage=("history [QUEUE]",),
    summary="who did what, refused attempts too",
    role=Role.VIEWER,
    run=run,
    examples=("history", "history order-provisioning"),
)
