"""`failed`: failures grouped by error, with cause and resolution."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from rapidfuzz import fuzz, process

from bot.commands.arguments import Arguments, echo, parse
from bot.commands.base import Command, Request, Toolbox, find_queue
from bot.domain.access import Role
from bot.domain.jobs import FailureFilter
from bot.domain.message import Reply
from bot.domain.queues import QueueId
from bot.domain.redaction import is_plain, shown_code
from bot.errors import JobGoneError, UsageError
from bot.render import failures as render

PAGE = 10
"""Jobs on one page of a list."""

_NEAR: Final = 70
"""How alike (of 100) a failure code must be to be offered."""

_SHOWN: Final = 5
"""So many of the codes that there are, the most frequent first."""

_CODE_LIKE: Final = re.compile(r"[A-Z][A-Z0-9_]{2,}|[a-z][a-z0-9]*(?:_[a-z0-9]+)+")
_DURATION_LIKE: Final = re.compile(r"\d{1,6}[smhd]", re.IGNORECASE)


async def run(tools: Toolbox, request: Request) -> Reply:
    """Groups; with `--jobs` (or `--page`) the jobs themselves, a page at a time."""
    arguments = parse(
        request.args, options=("error", "name", "since", "page", "of"), flags=("jobs",)
    )
    queue_name = _queue(arguments.words)
    page = arguments.number("page", default=1)
    queue = await find_queue(tools, request.standing, queue_name)
    if "of" in arguments.options:
        return await _again(tools, request, queue, arguments)
    policy = tools.catalog.policy(queue)
    wanted = await failure_filter(tools, arguments)
    report = await tools.reader.failures(queue, wanted)
    if wanted.code is not None and not report.groups:
        code = await known_code(tools, queue, wanted.code)
        if code != wanted.code:
            wanted = replace(wanted, code=code)
            report = await tools.reader.failures(queue, wanted)
    may_retry = request.standing.may(Role.OPERATOR, queue)
    since = arguments.options.get("since")
    if "jobs" not in arguments.flags and "page" not in arguments.options:
        message = render.report(
            report, policy, wanted, tools.catalog, may_retry=may_retry, since=since
        )
        return Reply(message=message)
    jobs = await tools.reader.failed_jobs(queue, wanted, limit=PAGE, offset=(page - 1) * PAGE)
    message = render.jobs(
        queue, jobs, wanted, total=report.total, page=page, page_size=PAGE, policy=policy,
        catalog=tools.catalog, since=since, may_retry=may_retry,
    )  # fmt: skip
    return Reply(message=message)


async def _again(tools: Toolbox, request: Request, queue: QueueId, arguments: Arguments) -> Reply:
    """The jobs of an operation that failed again."""
    if {"error", "name", "since"} & set(arguments.options):
        raise UsageError("`failed QUEUE --of ID` takes no other filter.")
    page, operation = arguments.number("page", default=1), arguments.options["of"]
    jobs = await tools.failed_again.jobs(queue, operation)
    if not jobs:
        address = tools.catalog.address(queue)
        known = await tools.failed_again.known(queue, operation)
        if known:
            raise JobGoneError(f"None of the {known:,} jobs of this retry is failed in {address}.")
        raise JobGoneError(
            f"Not known which jobs these are in {address}: after 8 days that is forgotten, and a "
            f"new job may go before it is seen. `failed {address}` lists all that are failed."
        )
    message = render.jobs(
        queue, jobs[(page - 1) * PAGE : page * PAGE], FailureFilter(), total=len(jobs), page=page,
        page_size=PAGE, policy=tools.catalog.policy(queue), catalog=tools.catalog,
        may_retry=request.standing.may(Role.OPERATOR, queue), of=operation,
    )  # fmt: skip
    return Reply(message=message)


def _queue(words: tuple[str, ...]) -> str:
    """The queue's name, the only word that stands alone.

    Raises:
        UsageError: with what a second word was probably meant as.
    """
    if len(words) == 2:  # noqa: PLR2004 - the queue, and what lacks its option
        queue, more = (echo(word) for word in words)
        if _CODE_LIKE.fullmatch(more):
            raise UsageError(f"Did you mean --error {more.upper()}? `failed {queue} --error CODE`.")
        if _DURATION_LIKE.fullmatch(more):
            raise UsageError(f"Did you mean --since {more}? `failed {queue} --since 2h`.")
    if len(words) != 1:
        raise UsageError(
            "Say which queue: `failed QUEUE [--error CODE] [--name JOB] [--since 2h]`."
        )
    return words[0]


async def known_code(tools: Toolbox, queue: QueueId, code: str) -> str:
    """The failure code that is meant by a typed one, in any case, or as it is shown when masked.

    The typed one itself, when it is the config's, or nothing is failed.

    Raises:
        UsageError: no failed job has it; with the code that is near, or those that there are.
    """
    policy = tools.catalog.policy(queue)
    groups = (await tools.reader.failures(queue, FailureFilter())).groups
    present = {group.code: group.count for group in groups}
    for same in (str, str.upper):
        alike = [known for known in (*present, *policy.errors) if same(known) == same(code)]
        if alike:
            return alike[0]
    shown = [known for known in present if shown_code(known, policy.redact) == code]
    if len(shown) == 1:
        return shown[0]
    plain = [known for known in present if is_plain(known)]
    shown_as = echo(shown_code(code, policy.redact))
    name = shown_as if is_plain(code) else f'"{shown_as}"'
    none = f"No error {name} in {tools.catalog.address(queue)}."
    near = process.extractOne(code.upper(), plain, scorer=fuzz.ratio, score_cutoff=_NEAR)
    if near:
        raise UsageError(f"{none} Did you mean {near[0]} ({present[near[0]]:,})?")
    if not plain or (await tools.reader.failures(queue, FailureFilter(code=code))).total:
        return code  # one of many kinds, which are not all in the groups
    some = ", ".join(f"{known} ({present[known]:,})" for known in plain[:_SHOWN])
    more = ", \u2026" if len(plain) > _SHOWN else ""
    raise UsageError(f"{none} There {'is' if len(plain) == 1 else 'are'} {some}{more}.")


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
    details=(
        "`--jobs` lists the jobs themselves, `--page 2` goes on. "
        "`--of ID` lists those of a retry that failed again."
    ),
)
