"""`history`: who did what."""

from __future__ import annotations

from bot.commands.arguments import Arguments, parse
from bot.commands.base import Command, Request, Toolbox
from bot.domain.access import Role
from bot.domain.message import Reply
from bot.domain.times import Ms
from bot.errors import HiddenQueueError, UnknownQueueError, UsageError
from bot.render import history as render
from bot.render import history_file

SHOWN = 20
"""Entries in one answer."""


async def run(tools: Toolbox, request: Request) -> Reply:
    """A page of the audit log, newest first, of one queue or all; with `--csv` all of it, a file.

    Entries about queues that the person may not see are left out.
    """
    arguments = parse(request.args, options=("since", "page"), flags=("csv",))
    if len(arguments.words) > 1:
        raise UsageError("`history` takes one queue at most.")
    now = await tools.reader.now()
    length = arguments.duration("since")
    since = now - length if length is not None else None
    queue = await _address(tools, request, arguments)
    if "csv" in arguments.flags:
        return await _file(tools, request, arguments, queue=queue, since=since, now=now)
    page = arguments.number("page", default=1)
    last = -(-tools.audit.kept // SHOWN)
    if page > last:
        raise UsageError(f"--page goes up to {last}: no more is kept.")
    # One more than is shown tells whether there is more.
    found = await tools.audit.recent(
        limit=page * SHOWN + 1, queue=queue, since=since, sees=request.standing.sees
    )
    if not found:
        await _check(tools, request, queue)
    message = render.entries(
        found[(page - 1) * SHOWN : page * SHOWN],
        queue,
        now,
        catalog=tools.catalog,
        page=page,
        page_size=SHOWN,
        more=len(found) > page * SHOWN,
        since=arguments.options.get("since"),
        kept=tools.audit.kept,
    )
    return Reply(message=message)


async def _file(
    tools: Toolbox,
    request: Request,
    arguments: Arguments,
    *,
    queue: str | None,
    since: Ms | None,
    now: Ms,
) -> Reply:
    """All that is kept, also what was begun, in a file for this person alone."""
    if "page" in arguments.options:
        raise UsageError("--csv gives all of it: leave --page out.")
    found = await tools.audit.recent(
        limit=2 * tools.audit.kept,
        queue=queue,
        since=since,
        sees=request.standing.sees,
        begun=True,
    )
    typed = arguments.options.get("since")
    if not found:
        await _check(tools, request, queue)
        nothing = render.entries([], queue, now, catalog=tools.catalog, since=typed)
        return Reply(message=nothing)
    return Reply(
        message=render.sent(len(found), queue, typed, kept=tools.audit.kept),
        file=history_file.table(found, queue, now, catalog=tools.catalog),
    )


async def _check(tools: Toolbox, request: Request, queue: str | None) -> None:
    """A queue that is gone may have a history; a name never heard of is a typo, and told so."""
    if queue is not None:
        await tools.finder.find(queue, standing=request.standing)


async def _address(tools: Toolbox, request: Request, arguments: Arguments) -> str | None:
    """The address of the queue asked for, or the name of one that may be gone."""
    if not arguments.words:
        return None
    name = arguments.words[0]
    try:
        return tools.catalog.address(await tools.finder.find(name, standing=request.standing))
    except HiddenQueueError:
        raise
    except UnknownQueueError:
        return name


COMMAND = Command(
    name="history",
    usage=("history [QUEUE] [--since 7d] [--csv]",),
    summary="who did what, refused attempts too",
    role=Role.VIEWER,
    run=run,
    examples=("history", "history order-provisioning --since 7d", "history --csv"),
    details=(
        "`--csv` gives all that is kept as a file, in your direct messages with Bullhorn; "
        "`--page 2` goes on. Entries cannot be changed."
    ),
)
