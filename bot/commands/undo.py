"""`undo`: what was cleaned or removed comes back from its archive."""

from __future__ import annotations

from bot.commands.arguments import parse
from bot.commands.base import Command, Request, Toolbox
from bot.commands.plan_cards import card
from bot.domain.access import Role
from bot.domain.message import Reply
from bot.errors import HiddenQueueError, UsageError
from bot.render import repairs as render


async def run(tools: Toolbox, request: Request) -> Reply:
    """A card for one archive; without an id, the archives of the queues that the person sees."""
    arguments = parse(request.args, options=("rate",), flags=("all",))
    if len(arguments.words) > 1:
        raise UsageError("Say which: `undo ID`, or `undo` for all that can be brought back.")
    if not arguments.words:
        return await _listed(tools, request)
    archive_id = arguments.words[0]
    info = await tools.repairs.undo.info(archive_id)
    if not request.standing.sees(info.queue):
        raise HiddenQueueError(str(tools.repairs.undo.no_archive(archive_id)))
    request.standing.require(Role.OPERATOR, doing="Undoing", queue=info.queue)
    proposal = await tools.repairs.undo.propose(
        request.actor, archive_id, rate=arguments.rate(), all_of_them="all" in arguments.flags
    )
    return Reply(message=card(tools, proposal))


async def _listed(tools: Toolbox, request: Request) -> Reply:
    standing = request.standing
    found = [info for info in await tools.repairs.archive.recent() if standing.sees(info.queue)]
    mine = frozenset(info.id for info in found if standing.may(Role.OPERATOR, info.queue))
    archive = tools.repairs.archive
    message = render.archives(
        found, mine, await tools.reader.now(), tools.catalog, cap=archive.cap, kept=archive.kept
    )
    return Reply(message=message)


COMMAND = Command(
    name="undo",
    usage=("undo [ID] [--all]",),
    summary="bring back what was cleaned or removed",
    role=Role.OPERATOR,
    run=run,
    examples=("undo", "undo 4f1c2a9b7d30"),
    details=(
        "Jobs come back exactly as they were, each to its place, unless its id is in use again. "
        "Archives are kept 7 days; `undo` alone lists them. Of jobs that would run at once, those "
        "whose order has another job by now stay archived; `--all` brings them back too."
    ),
    doing="Undoing",
    mutates=True,
    lists=True,
)
