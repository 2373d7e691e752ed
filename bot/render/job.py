"""`job QUEUE ID`: one job, its stack and its logs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from bot.domain.failures import failure_code
from bot.domain.jobs import JobDetail
from bot.domain.message import Message
from bot.domain.policy import Catalog, QueuePolicy
from bot.domain.redaction import mask, mask_reason
from bot.domain.salesforce import OrderView
from bot.domain.times import Ms
from bot.render import levels, orders
from bot.render.failures import advice
from bot.render.kit import Block, actions, button, context, finish, section
from bot.render.reasons import named
from bot.render.typed import typed
from bot.render.words import (
    code,
    code_block,
    date,
    escape,
    length,
    number,
    plural,
    quote,
    size,
    span,
)

_EMOJI: Final = {
    "failed": "\U0001f534",
    "active": "\U0001f535",
    "completed": "\U0001f7e2",
}
_DATA: Final = 2400
_VALUE: Final = 600
_STRING: Final = 300
_ITEMS: Final = 20
_STACK: Final = 2600
_STACKS: Final = 3


def detail(
    job: JobDetail,
    policy: QueuePolicy,
    catalog: Catalog,
    now: Ms,
    *,
    may_retry: bool = True,
    attempt: int | None = None,
    order: OrderView | None = None,
) -> Message:
    """The state and why first, then attempts and times, then what the job holds, masked.

    `attempt` is which try an active job is at, where that is known; `order` what Salesforce says.
    """
    address = catalog.address(job.queue)
    retry = _retry(job, address) if may_retry and job.state == "failed" else None
    stack_, logs_ = bool(job.stacktrace), bool(job.log_count)
    removable = may_retry and not job.locked and job.state != "unknown"
    blocks: list[Block | None] = [
        section(_title(job, address), *_failure(job, policy, now), *_state_notes(job, now)),
        section(_running(job, now, attempt) or _attempts(job), _times(job, now)),
        orders.of_job(order, job, policy, now),
        section(*_json("Data", job.data, policy, _DATA)),
        _small("Result", job.return_value, job, policy),
        _small("Progress", job.progress, job, policy),
        context(_options(job, policy), _parent(job)),
        actions(
            button("Retry", retry, style="primary"),
            button(
                "Show stack", typed("job", address, job.id, flags=["--stack"]) if stack_ else None
            ),
            button("Show logs", typed("job", address, job.id, flags=["--logs"]) if logs_ else None),
            button("Remove\u2026", typed("remove", address, job.id) if removable else None),
            button("Refresh", typed("job", address, job.id)),
        ),
    ]
    reason = escape(_masked(job.failed_reason, job, policy), 200)
    name = f"job {escape(job.id, 60)} of {escape(address, 80)}"
    return finish(f"{_state(job)}: {name}{f', {reason}' if reason else ''}", blocks)


def _retry(job: JobDetail, address: str) -> str | None:
    """For this failure: when the job has failed again since, the command says so."""
    at = None if job.finished_at is None else str(job.finished_at)
    return typed("retry", address, job.id, failed_at=at)


def stack(job: JobDetail, policy: QueuePolicy, catalog: Catalog) -> Message:
    """The stack traces, newest first, masked; those that are the same are shown once."""
    address = catalog.address(job.queue)
    title = f"Stack of job {code(job.id, 60)} in *{escape(address, 80)}*"
    name = f"job {escape(job.id, 60)} of {escape(address, 80)}"
    back = actions(button("Back to the job", typed("job", address, job.id)))
    if not job.stacktrace:
        return finish(f"No stack of {name}", [section(f"{title}: none was kept."), back])
    # A Counter keeps the order in which it first met things: the newest first.
    times = Counter(_masked(text, job, policy).strip() for text in reversed(job.stacktrace))
    different = list(times.items())
    blocks: list[Block | None] = [section(f"{title} · {plural(len(job.stacktrace), 'trace')}")]
    for place, (text, count) in enumerate(different[:_STACKS]):
        which = "" if len(different) == 1 else "Newest" if place == 0 else "Before that"
        same = f"the same {number(count)} times" if count > 1 else ""
        said = ", ".join(one for one in (which, same) if one)
        blocks += [context(said[:1].upper() + said[1:]), section(code_block(text, _STACK))]
    left_out = sum(count for _, count in different[_STACKS:])
    blocks += [context(f"{number(left_out)} older left out" if left_out else ""), back]
    return finish(f"Stack of {name}", blocks)


def logs(job: JobDetail, lines: Sequence[str], policy: QueuePolicy, catalog: Catalog) -> Message:
    """The newest lines the job logged, oldest first, masked; `lines` need not be all of them."""
    address = catalog.address(job.queue)
    title = f"Logs of job {code(job.id, 60)} in *{escape(address, 80)}*"
    name = f"job {escape(job.id, 60)} of {escape(address, 80)}"
    back = actions(button("Back to the job", typed("job", address, job.id)))
    if not lines:
        return finish(f"No logs of {name}", [section(f"{title}: nothing was logged."), back])
    shown: list[str] = []
    room = _STACK
    for line in reversed(lines):
        text = _masked(line, job, policy)[:500]
        room -= len(text) + 1
        if room < 0 and shown:
            break
        shown.append(text)
    total = max(job.log_count, len(lines))
    count = f"the last {number(len(shown))} of {plural(total, 'line')}"
    said = count if total > len(shown) else plural(total, "line")
    block = section(code_block("\n".join(reversed(shown)), _STACK))
    return finish(f"Logs of {name}", [section(f"{title} · {said}"), block, back])


def _title(job: JobDetail, address: str) -> str:
    mark = _EMOJI.get(job.state, "\u26aa")
    where = f"job {code(job.id, 60)} ({escape(job.name, 60)}) of *{escape(address, 80)}*"
    return f"{mark} *{_state(job)}* · {where}"


def _state(job: JobDetail) -> str:
    state = escape(job.state, 40) or "unknown"
    return state[:1].upper() + state[1:]


def _failure(job: JobDetail, policy: QueuePolicy, now: Ms) -> list[str]:
    if not job.failed_reason:
        return []
    reason = _masked(job.failed_reason, job, policy)
    error = failure_code(job.failed_reason)
    known = policy.error(error)
    name = named(error, policy, 60, data=job.data)
    helps = levels.retry_word(known.retryable, policy, last_at=job.finished_at, now=now)
    return [quote(reason, 600), f"*{name}* · {helps}", advice(known)]


def _state_notes(job: JobDetail, now: Ms) -> list[str]:
    if job.state == "delayed" and job.delay_until is not None:
        return [f"Runs at {date(job.delay_until, now)}"]
    if job.state == "unknown":
        return ["It is in none of the queue's lists"]
    return []


def _running(job: JobDetail, now: Ms, attempt: int | None) -> str:
    """Of an active job: "Running for 1 min 30 s, attempt 1 of 3, lock held"."""
    if job.state != "active":
        return ""
    since = f" for {length(now - job.started_at)}" if job.started_at is not None else ""
    said = [
        f"*Running{since}*",
        f"attempt {number(attempt)} of {number(job.attempts)}" if attempt is not None else "",
        "lock held" if job.locked else "lock lost (its worker is gone)",
    ]
    priority = f" · priority {number(job.priority)}" if job.priority else ""
    return ", ".join(one for one in said if one) + priority


def _attempts(job: JobDetail) -> str:
    used = f"*{number(job.attempts_made)} of {plural(job.attempts, 'attempt')}* used"
    if job.attempts_made > job.attempts:
        used = f"*{plural(job.attempts_made, 'attempt')}*, {number(job.attempts)} allowed"
    return used + (f" · priority {number(job.priority)}" if job.priority else "")


def _times(job: JobDetail, now: Ms) -> str:
    ended = job.state if job.state in {"failed", "completed"} else "last finished"
    said = [
        f"{what} {date(instant, now)}"
        for what, instant in (
            ("Created", job.created_at),
            ("started", job.started_at),
            (ended, job.finished_at),
        )
        if instant is not None
    ]
    if job.started_at is not None and job.finished_at is not None:
        took = job.finished_at - job.started_at
        said += [f"ran {span(took)}"] if took >= 0 and job.state != "active" else []
    return " · ".join(said)


def _json(
    title: str, value: Any, policy: QueuePolicy, limit: int, *, job: JobDetail | None = None
) -> list[str]:
    """A value as masked, indented JSON, with its size when it is cut."""
    masked = mask(value, policy.redact)
    short = _shortened(masked)
    text = short if isinstance(short, str) else _dumped(short, indent=2)
    text = _masked(text, job, policy) if job is not None else text
    block = code_block(text, limit)
    is_cut = short != masked or block.endswith("\u2026\n```")
    cut = f" · cut, {size(_bytes(value, masked))} in all" if is_cut else ""
    return [f"*{title}*{cut}", block]


def _shortened(value: Any) -> Any:
    """A masked value without its very long strings and lists, so that its other keys are seen."""
    if isinstance(value, str) and len(value) > _STRING:
        return f"{value[:_STRING]}\u2026 ({number(len(value))} characters)"
    if isinstance(value, dict):
        kept = {key: _shortened(inner) for key, inner in list(value.items())[:_ITEMS]}
        more = len(value) - len(kept)
        return {**kept, "\u2026": f"{number(more)} more"} if more else kept
    if isinstance(value, list):
        shown = [_shortened(inner) for inner in value[:_ITEMS]]
        more = len(value) - len(shown)
        return [*shown, f"\u2026 {number(more)} more"] if more else shown
    return value


def _small(title: str, value: Any, job: JobDetail, policy: QueuePolicy) -> Block | None:
    """A value that the job's code made, which may quote what is secret in the job's data."""
    if value in (None, "", 0, {}, []):
        return None
    return section(*_json(title, value, policy, _VALUE, job=job))


def _options(job: JobDetail, policy: QueuePolicy) -> str:
    if not job.options:
        return ""
    return f"Options {code(_dumped(mask(job.options, policy.redact)), 400)}"


def _parent(job: JobDetail) -> str:
    return f"Child of {code(job.parent, 100)}" if job.parent else ""


def _dumped(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, indent=indent, ensure_ascii=False, default=str)


def _bytes(value: Any, masked: Any) -> int:
    """The size of the value as compact JSON; of the masked one when it is too deep for JSON."""
    if isinstance(value, str):
        return len(value.encode(errors="replace"))
    try:
        text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=str)
    except (RecursionError, ValueError):
        text = _dumped(masked)
    return len(text.encode(errors="replace"))


def _masked(text: str | None, job: JobDetail, policy: QueuePolicy) -> str:
    return mask_reason(text or "", policy.redact, job.data)
