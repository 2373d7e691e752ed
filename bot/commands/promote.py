"""`promote`: let delayed jobs run now."""

from __future__ import annotations

from bot.commands.arguments import parse
from bot.commands.base import Command, Request, Toolbox, find_queue
from bot.commands.plan_cards import card
from bot.domain.access import Role
from bot.domain.message import Reply
from bot.domain.queues import QueueId
from bot.errors import UsageError
from bot.render import repairs as render

USAGE = "Say what to promote: `promote QUEUE ID` or `promote QUEUE --all`."


async def run(tools: Toolbox, request: Request) -> Reply:
    """One job is promoted at once, unless its subject was tried just now; more get a card."""
    arguments = parse(request.args, options=("rate",), flags=("all",))
    words, everything = arguments.words, "all" in arguments.flags
    if not words or everything is (len(words) > 1):
        raise UsageError(USAGE)
    rate = arguments.rate()
    queue = await find_queue(tools, request.standing, words[0], Role.OPERATOR, doing="Promoting")
    ids = words[1:]
    if len(set(ids)) == 1:
        job = await tools.repairs.promoting.delayed(queue, ids[0])
        if not await tools.repairs.promote.tried_just_now(queue, job):
            return await _at_once(tools, request, queue, job.id)
    proposal = await tools.repairs.promote.propose(request.actor, queue, ids=ids, rate=rate)
    return Reply(message=card(tools, proposal))


async def _at_once(tools: Toolbox, request: Request, queue: QueueId, job_id: str) -> Reply:
    recorded = await tools.repairs.promoting.single(request.actor, queue, job_id)
    said = render.promoted(queue, job_id, request.actor.user, tools.catalog, recorded=recorded)
    return Reply(announcement=said)


COMMAND = Command(
    name="promote",
    usage=("promote QUEUE ID...", "promote QUEUE --all [--rate 50/s]"),
    summary="let delayed jobs run now",
    role=Role.OPERATOR,
    run=run,
    examples=("promote sim-management 4711", "promote sim-management --all --rate 5/s"),
    details=(
        "Priorities are kept. Where what a job is about was tried less than the queue's `min_gap` "
        "ago, a card says so and offers to do it later."
    ),
    doing="Promoting",
    mutates=True,
)
