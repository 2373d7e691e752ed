"""`failed`: failures grouped by error, with cause and resolution."""

from __future__ import annotations

from bot.commands.arguments import Arguments, parse
from bot.commands.base import Command, Request, Toolbox
from bot.domain.access import Role
from bot.domain.jobs import FailureFilter
from bot.domain.message import Reply
from bot.errors import UsageError
from bot.render import failures as render

PAGE = 10
"""Jobs on one page of a list."""


async def run(tools: Toolbox, request: Request) -> Reply:
    """Groups; with `--jobs` the jobs themselves, a page at a time."""
    arguments = parse(request.args, options=("error", "name", "since", "page"), flags=("jobs",))
    if len(arguments.words) != 1:
        raise UsageError(
            "Say which queue: `failed QUEUE [--error CODE] [--name JOB] [--since 2h]`."
        )
    queue = await tools.finder.find(arguments.words[0])
    policy = tools.catalog.policy(queue)
    wanted = await failure_filter(tools, arguments)
    report = await tools.reader.failures(queue, wanted)
    if "jobs" not in arguments.flags:
        may_retry = request.role >= Role.OPERATOR
        return Reply(
            message=render.report(
                report,
                policy,
                wanted,
                tools.catalog,
                may_retry=may_retry,
                since=arguments.options.get("since"),
            )
        )
    page = arguments.number("page", default=1)
    jobs = await tools.reader.failed_jobs(queue, wanted, limit=PAGE, offset=(page - 1) * PAGE)
    message = render.jobs(
        queue, jobs, wanted, total=report.total, page=page, page_size=PAGE, policy=policy,
        catalog=tools.catalog, since=arguments.options.get("since"),
    )  # fmt: skip
    return Reply(message=message)


async def failure_filter(tools: Toolbox, arguments: Arguments) -> FailureFilter:
    """The filter that `--error`, `--name` and `--since` make."""
    length = arguments.duration("since")
    return FailureFilter(
        code=arguments.options.get("error"),
        name=arguments.options.get("name"),
        since=await tools.reader.now() - length if length is not None else None,
    )


COMMAND = Command(
    name="failed",
    usage=("failed QUEUE [--error CODE] [--name JOB] [--since 2h]",),
    summary="failed jobs grouped by error, with cause and what to do",
    role=Role.VIEWER,
    run=run,
    examples=(
        "failed order-provisioning",
        "failed order-provisioning --error WHMCS_ERROR --since 2h",
    ),
    details="`--jobs` lists the jobs themselves, `--page 2` goes on.",
)
