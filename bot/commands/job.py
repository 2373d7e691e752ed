"""`job`: everything about one job."""

from __future__ import annotations

from bot.commands.arguments import parse
from bot.commands.base import Command, Request, Toolbox
from bot.domain.access import Role
from bot.domain.message import Reply
from bot.domain.queues import QueueId
from bot.errors import JobGoneError, UsageError
from bot.render import job as render

LOG_LINES = 50
"""The newest lines shown of what a job logged."""


async def run(tools: Toolbox, request: Request) -> Reply:
    """State, data, error, attempts, times; `--stack` and `--logs` show those instead."""
    arguments = parse(request.args, flags=("stack", "logs"))
    if len(arguments.words) != 2:  # noqa: PLR2004 - a queue and an id
        raise UsageError("Say which job: `job QUEUE ID`.")
    queue = await tools.finder.find(arguments.words[0])
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
    now = await tools.reader.now()
    return Reply(message=render.detail(job, policy, tools.catalog, now))


async def _gone(tools: Toolbox, queue: QueueId, job_id: str) -> JobGoneError:
    seen = await tools.reader.last_failure(queue, job_id)
    text = f"Job {job_id} is not in {tools.catalog.address(queue)} (any more)."
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
