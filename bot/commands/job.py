"""`job`: everything about one job."""

from __future__ import annotations

import asyncio

from bot.commands.arguments import echo, parse
from bot.commands.base import Command, Request, Toolbox, find_queue
from bot.domain.access import Role
from bot.domain.jobs import JobDetail
from bot.domain.message import Reply
from bot.domain.queues import QueueId
from bot.domain.sample import SampleRequest
from bot.errors import JobGoneError, UsageError
from bot.render import job as render

LOG_LINES = 50
"""The newest lines shown of what a job logged."""


async def run(tools: Toolbox, request: Request) -> Reply:
    """State, data, error, attempts, times; `--stack` and `--logs` show those instead."""
    arguments = parse(request.args, flags=("stack", "logs"))
    if len(arguments.words) != 2:  # noqa: PLR2004 - a queue and an id
        raise UsageError("Say which job: `job QUEUE ID`.")
    queue = await find_queue(tools, request.standing, arguments.words[0])
    job_id = arguments.words[1]
    policy = tools.catalog.policy(queue)
    job = await tools.reader.job(queue, job_id)
    if job is None:
        raise await _gone(tools, queue, job_id)
    if "stack" in arguments.flags:
        return Reply(message=render.stack(job, policy, tools.catalog))
    if "logs" in arguments.flags:
        lines = await tools.reader.job_logs(queue, job_id, limit=LOG_LINES)
        return Reply(message=render.logs(job, lines, policy, tools.catalog))
    order, now, attempt = await asyncio.gather(
        tools.orders.of_job(job), tools.reader.now(), _attempt(tools, job)
    )
    message = render.detail(
        job,
        policy,
        tools.catalog,
        now,
        may_retry=request.standing.may(Role.OPERATOR, queue),
        attempt=attempt,
        order=order,
    )
    return Reply(message=message)


async def _attempt(tools: Toolbox, job: JobDetail) -> int | None:
    """Which try an active job is at: versions count differently, and the sample knows how."""
    if job.state != "active":
        return None
    round_ = await tools.reader.sample([SampleRequest(queue=job.queue)])
    sample = round_.samples.get(job.queue)
    active = sample.active_jobs if sample is not None else ()
    return next((one.attempt for one in active if one.id == job.id), None)


async def _gone(tools: Toolbox, queue: QueueId, job_id: str) -> JobGoneError:
    seen = await tools.reader.last_failure(queue, job_id)
    text = f"Job {echo(job_id)} is not in {tools.catalog.address(queue)} (any more)."
    if seen is not None:
        return JobGoneError(f"{text} It was last seen failing at {{at}}.", at=seen)
    return JobGoneError(f"{text} Finished jobs are removed after a while.")


COMMAND = Command(
    name="job",
    usage=("job QUEUE ID [--stack] [--logs]",),
    summary="one job: state, data, error, attempts, times, stack, logs",
    role=Role.VIEWER,
    run=run,
    examples=("job order-provisioning 4711",),
    details="Sensitive values are masked.",
)
