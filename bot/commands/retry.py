"""`retry`: put failed jobs back to waiting. More than one always goes through a plan."""

from __future__ import annotations

from dataclasses import replace

from bot.commands.arguments import Arguments, parse
from bot.commands.base import Command, Request, Toolbox, find_queue
from bot.commands.failed import failure_filter, known_code
from bot.commands.plan_cards import card
from bot.domain.access import Role
from bot.domain.jobs import FailedJob, FailedRef
from bot.domain.message import Reply
from bot.domain.plans import PlanKind
from bot.domain.policy import Retryable
from bot.domain.queues import QueueId
from bot.errors import StaleError, UsageError
from bot.render import plans as render

USAGE = "Say what to retry: `retry QUEUE ID...`, `retry QUEUE --error CODE` or `retry QUEUE --all`."


async def run(tools: Toolbox, request: Request) -> Reply:
    """One named job whose error a retry can help is retried at once; the rest gets a card."""
    arguments = parse(
        request.args,
        options=("error", "name", "since", "failed-at", "rate", "canary"),
        flags=("all", "fresh", "bullmq", "stuck"),
    )
    _check(arguments)
    rate, canary = arguments.rate(), arguments.number("canary", default=0)
    queue = await find_queue(
        tools, request.standing, arguments.words[0], Role.OPERATOR, doing="Retrying"
    )
    if "stuck" in arguments.flags:
        return Reply(message=card(tools, await tools.stuck.propose(request.actor, queue)))
    ids = arguments.words[1:]
    fresh = "fresh" in arguments.flags
    kind = _way(tools, queue, arguments)
    if len(set(ids)) == 1:
        job = await _job(tools, queue, ids[0], arguments)
        helped = tools.catalog.policy(queue).error(job.code).retryable is Retryable.YES
        by_itself = helped and kind is PlanKind.RETRY
        if by_itself and await tools.planner.is_harmless(queue, job.id):
            return await _at_once(tools, request, queue, job, fresh=fresh)
    wanted = await failure_filter(tools, arguments)
    if wanted.code is not None:
        wanted = replace(wanted, code=await known_code(tools, queue, wanted.code))
    proposal = await tools.planner.propose(
        request.actor, queue, wanted, ids=ids, fresh=fresh, rate=rate, canary=canary, kind=kind
    )
    return Reply(message=card(tools, proposal))


def _way(tools: Toolbox, queue: QueueId, arguments: Arguments) -> PlanKind:
    """Through Salesforce where that is recommended and can be done, unless BullMQ is asked for.

    Raises:
        UsageError: fresh attempts are BullMQ's, and nothing of Salesforce's.
    """
    if "bullmq" in arguments.flags or not tools.orders.through_salesforce(queue):
        return PlanKind.RETRY
    if "fresh" in arguments.flags:
        raise UsageError("--fresh is for a retry by BullMQ: say --bullmq --fresh.")
    return PlanKind.SALESFORCE


async def _job(tools: Toolbox, queue: QueueId, job_id: str, arguments: Arguments) -> FailedJob:
    """The failed job; a button says by `--failed-at` which failure it was drawn for."""
    job = (await tools.reader.failed_refs(queue, [job_id])).get(job_id)
    if job is None:
        raise await tools.retrying.not_failed(queue, job_id)
    shown = arguments.options.get("failed-at")
    if shown is not None and shown != str(job.failed_at):
        raise StaleError(f"Job {job_id} has failed again since. Look at it anew first.")
    return job


async def _at_once(
    tools: Toolbox, request: Request, queue: QueueId, job: FailedJob, *, fresh: bool
) -> Reply:
    ref = FailedRef(job.id, job.failed_at)
    recorded = await tools.retrying.single(request.actor, queue, ref, fresh=fresh)
    announcement = render.single_retried(
        queue, job.id, request.actor.user, fresh, tools.catalog, recorded=recorded
    )
    return Reply(announcement=announcement)


def _check(arguments: Arguments) -> None:
    if not arguments.words:
        raise UsageError(USAGE)
    ids = arguments.words[1:]
    filtered = any(arguments.options.get(name) for name in ("error", "name"))
    everything = "all" in arguments.flags
    if "stuck" in arguments.flags:
        if ids or filtered or everything:
            raise UsageError("--stuck is about orders without a job: leave the rest out.")
        return
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
        "retry QUEUE --all [--canary N] [--rate 50/s]",
        "retry QUEUE --stuck",
    ),
    summary="put failed jobs back to waiting",
    role=Role.OPERATOR,
    run=run,
    examples=("retry order-provisioning 4711", "retry order-provisioning --error WHMCS_ERROR"),
    details=(
        "More than one job, or one whose error a retry is not known to help, is shown as a plan "
        "first, with what to know; jobs that fail after that are not touched. A job that used its "
        "attempts gets one more try; `--fresh` gives it all of them again. `--canary 5` tries five "
        "first and offers the rest when they went well; `--rate 50/s` retries so many a second. "
        "Where a queue is retried through Salesforce, its orders are set back to activating there; "
        "`--bullmq` moves the jobs instead. `--stuck` sets orders right that have no job at all."
    ),
    doing="Retrying",
    mutates=True,
)
