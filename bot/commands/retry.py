"""`retry`: put failed jobs back to waiting. More than one always goes through a plan."""

from __future__ import annotations

from bot.commands.arguments import Arguments, parse
from bot.commands.base import Command, Request, Toolbox
from bot.commands.failed import failure_filter
from bot.domain.access import Role
from bot.domain.message import Reply
from bot.errors import UsageError
from bot.render import plans as render

USAGE = "Say what to retry: `retry QUEUE ID...`, `retry QUEUE --error CODE` or `retry QUEUE --all`."


async def run(tools: Toolbox, request: Request) -> Reply:
    """One named job is retried at once; anything more gets a card to confirm."""
    arguments = parse(request.args, options=("error", "name", "since"), flags=("all", "fresh"))
    _check(arguments)
    queue = await tools.finder.find(arguments.words[0])
    ids = arguments.words[1:]
    fresh = "fresh" in arguments.flags
    if len(set(ids)) == 1:
        recorded = await tools.retrying.single(request.actor, queue, ids[0], fresh=fresh)
        announcement = render.single_retried(
            queue, ids[0], request.actor.user, fresh, tools.catalog, recorded=recorded
        )
        return Reply(announcement=announcement)
    wanted = await failure_filter(tools, arguments)
    proposal = await tools.retrying.propose(request.actor, queue, wanted, ids=ids, fresh=fresh)
    card = render.card(
        proposal.plan,
        tools.catalog.policy(queue),
        tools.catalog,
        proposal.plan.asked_at,
        allowed_fresh=proposal.may_be_fresh,
    )
    return Reply(message=card)


def _check(arguments: Arguments) -> None:
    if not arguments.words:
        raise UsageError(USAGE)
    ids = arguments.words[1:]
    filtered = any(arguments.options.get(name) for name in ("error", "name"))
    everything = "all" in arguments.flags
    if ids and (filtered or everything or "since" in arguments.options):
        raise UsageError("Name jobs by id, or choose them by --error, --name or --all: not both.")
    if not ids and not filtered and not everything:
        raise UsageError(USAGE)
    if filtered and everything:
        raise UsageError("--all means every failed job. Leave it out to retry those that match.")


COMMAND = Command(
    name="retry",
    usage=(
        "retry QUEUE ID... [--fresh]",
        "retry QUEUE --error CODE [--since 2h]",
        "retry QUEUE --all",
    ),
    summary="put failed jobs back to waiting",
    role=Role.OPERATOR,
    run=run,
    examples=("retry order-provisioning 4711", "retry order-provisioning --error WHMCS_ERROR"),
    details=(
        "More than one job is shown as a plan first, with what to know; jobs that fail after that "
        "are not touched. A job that used its attempts gets one more try; `--fresh` gives it all "
        "of them again."
    ),
    doing="Retrying",
    mutates=True,
)
