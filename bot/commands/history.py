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

PAGES = 500
"""Pages there can be: about as much as the log keeps."""


async def run(tools: Toolbox, request: Request) -> Reply:
    """A page of the audit log, newest first, of one queue or all."""
    arguments = parse(request.args, options=("page",))
    words, page = arguments.words, arguments.number("page", default=1)
    if len(words) > 1:
        raise UsageError("`history` takes one queue at most.")
    if page > PAGES:
        raise UsageError(f"--page goes up to {PAGES}: no more is kept.")
    queue = await _address(tools, words[0]) if words else None
    # One more than is shown tells whether there is more.
    found = await tools.audit.recent(limit=page * SHOWN + 1, queue=queue)
    if queue is not None and not found:
        # A queue that is gone may have a history; a name never heard of is a typo.
        await tools.finder.find(queue)
    message = render.entries(
        found[(page - 1) * SHOWN : page * SHOWN],
        queue,
        await tools.reader.now(),
        catalog=tools.catalog,
        page=page,
        page_size=SHOWN,
        more=len(found) > page * SHOWN,
    )
    return Reply(message=message)


async def _address(tools: Toolbox, name: str) -> str:
    try:
        return tools.catalog.address(await tools.finder.find(name))
    except UnknownQueueError:
        return name


COMMAND = Command(
    name="history",
    usage=("history [QUEUE] [--page 2]",),
    summary="who did what, refused attempts too",
    role=Role.VIEWER,
    run=run,
    examples=("history", "history order-provisioning"),
)
