"""`clean`: old jobs leave a queue whole; and hashes that bare commands have left."""

from __future__ import annotations

from bot.commands.arguments import Arguments, echo, parse
from bot.commands.base import Command, Request, Toolbox, find_queue
from bot.commands.plan_cards import card
from bot.domain.access import Role
from bot.domain.message import Reply
from bot.domain.plans import GHOSTS
from bot.errors import UsageError
from bot.services.cleaning import DEFAULT_AGE

ORPHANS = "orphans"
USAGE = (
    "Say what to clean: `clean QUEUE completed` or `clean QUEUE failed [--older-than 7d]`, "
    "`clean QUEUE orphans` or `clean QUEUE ghosts`."
)


async def run(tools: Toolbox, request: Request) -> Reply:
    """A card that says how many, how old, what is archived, and what cannot be undone."""
    arguments = parse(request.args, options=("older-than", "rate"))
    state = _state(arguments)
    rate, older_than = arguments.rate(), arguments.duration("older-than")
    name = arguments.words[0]
    queue = await find_queue(tools, request.standing, name, Role.OPERATOR, doing="Cleaning")
    repairs, actor = tools.repairs, request.actor
    if state == ORPHANS:
        return Reply(message=card(tools, await repairs.sweep.propose(actor, queue, rate=rate)))
    if state == GHOSTS:
        return Reply(message=card(tools, await repairs.sweep.propose_ghosts(actor, queue)))
    age = older_than if older_than is not None else DEFAULT_AGE[state]
    proposal = await repairs.clean.propose(actor, queue, state, older_than=age, rate=rate)
    return Reply(message=card(tools, proposal))


def _state(arguments: Arguments) -> str:
    if len(arguments.words) != 2:  # noqa: PLR2004 - a queue and a state
        raise UsageError(USAGE)
    state = arguments.words[1].lower()
    if state not in (*DEFAULT_AGE, ORPHANS, GHOSTS):
        raise UsageError(f'"{echo(arguments.words[1])}" cannot be cleaned. {USAGE}')
    if state in (ORPHANS, GHOSTS) and "older-than" in arguments.options:
        raise UsageError(f"{state.capitalize()} have no age: leave --older-than out.")
    if state == GHOSTS and "rate" in arguments.options:
        raise UsageError("Ghosts are bare ids, and take no time: leave --rate out.")
    return state


COMMAND = Command(
    name="clean",
    usage=(
        "clean QUEUE completed|failed [--older-than 7d] [--rate 50/s]",
        "clean QUEUE orphans|ghosts",
    ),
    summary="remove old jobs whole; failed ones are archived first",
    role=Role.OPERATOR,
    run=run,
    examples=(
        "clean order-provisioning failed --older-than 14d",
        "clean order-provisioning completed",
        "clean order-provisioning orphans",
    ),
    details=(
        "Without `--older-than`: completed jobs after 7 d, failed ones after 30 d. Failed jobs are "
        "archived for 7 days, and `undo` brings them back; completed ones cannot be brought back. "
        "Of a job in either set whose data is gone the id goes too. "
        "`orphans` are jobs that are in no list, as bare Redis commands leave them, and "
        "are archived too: `undo` brings them back as they were, in no list; "
        "`ghosts` are failed jobs whose data is gone."
    ),
    doing="Cleaning",
    mutates=True,
)
