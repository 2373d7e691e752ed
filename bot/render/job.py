"""`job QUEUE ID`: one job, its stack and its logs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from bot.domain.failures import failure_code
from bot.domain.jobs import JobDetail
from bot.domain.message import Message
from bot.domain.policy import Catalog, QueuePolicy
from bot.domain.redaction import mask, mask_text
from bot.domain.times import Ms
from bot.render import levels
from bot.render.failures import advice
from bot.render.kit import Block, actions, button, context, finish, section
from bot.render.typed import typed
from bot.render.words import (
    code,
    code_block,
    date,
    error_name,
    escape,
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


def detail(job: JobDetail, policy: QueuePolicy, catalog: Catalog, now: Ms) -> Message:
    """The state and why first, then attempts and times, then what the job holds, masked."""
    address = catalog.address(job.queue)
    blocks: list[Block | None] = [
        section(_title(job, address), *_failure(job, policy), *_state_notes(job, now)),
        section(_attempts(job), _times(job, now)),
        section(*_json("Data", job.data, policy, _DATA)),
        _small("Result", job.return_value, policy),
        _small("Progress", job.progress, policy),
        context(_options(job, policy), _parent(job)),
        actions(
            button("Retry", typed("retry", address, job.id), style="primary")
            if job.state == "failed"
            else None,
            button("Show stack", typed("job", address, job.id, flags=["--stack"]))
            if job.stacktrace
            else None,
            button("Show logs", typed("job", address, job.id, flags=["--logs"]))
            if job.log_count
            else None,
            button("Refresh", typed("job", address, job.id)),
        ),
    ]
    reason = escape(_masked(job.failed_reason, job, policy), 200)
    name = f"job {escape(job.id, 60)} of {escape(address, 80)}"
    return finish(f"{_state(job)}: {name}{f', {reason}' if reason else ''}", blocks)


def stack(job: JobDetail, policy: QueuePolicy, catalog: Catalog) -> Message:
    """The stack traces, newest first, masked."""
    address = catalog.address(job.queue)
    title = f"Stack of job {code(job.id, 60)} in *{escape(address, 80)}*"
    name = f"job {escape(job.id, 60)} of {escape(address, 80)}"
    back = actions(button("Back to the job", typed("job", address, job.id)))
    if not job.stacktrace:
        return finish(f"No stack of {name}", [section(f"{title}: none was kept."), back])
    newest = list(reversed(job.stacktrace))[:_STACKS]
    blocks: list[Block | None] = [section(f"{title} · {plural(len(job.stacktrace), 'trace')}")]
    blocks += [section(code_block(_masked(text, job, policy), _STACK)) for text in newest]
    left_out = len(job.stacktrace) - len(newest)
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


def _failure(job: JobDetail, policy: QueuePolicy) -> list[str]:
    if not job.failed_reason:
        return []
    reason = _masked(job.failed_reason, job, policy)
    error = failure_code(job.failed_reason)
    known = policy.error(error)
    name = error_name(_masked(error, job, policy), 60)
    helps = levels.retry_word(known.retryable, policy)
    return [quote(reason, 600), f"*{name}* · {helps}", advice(known)]


def _state_notes(job: JobDetail, now: Ms) -> list[str]:
    if job.state == "active":
        return [] if job.locked else ["Its worker is gone: nobody holds its lock"]
    if job.state == "delayed" and job.delay_until is not None:
        return [f"Runs at {date(job.delay_until, now)}"]
    if job.state == "unknown":
        return ["It is in none of the queue's lists"]
    return []


def _attempts(job: JobDetail) -> str:
    return f"*{number(job.attempts_made)} of {plural(job.attempts, 'attempt')}* used" + (
        f" · priority {number(job.priority)}" if job.priority else ""
    )


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
        length = job.finished_at - job.started_at
        said += [f"ran {span(length)}"] if length >= 0 else []
    return " · ".join(said)


def _json(title: str, value: Any, policy: QueuePolicy, limit: int) -> list[str]:
    """A value as masked, indented JSON, with its size when it is cut."""
    masked = mask(value, policy.redact)
    short = _shortened(masked)
    text = short if isinstance(short, str) else _dumped(short, indent=2)
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


def _small(title: str, value: Any, policy: QueuePolicy) -> Block | None:
    if value in (None, "", 0, {}, []):
        return None
    return section(*_json(title, value, policy, _VALUE))


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
    return mask_text(text or "", policy.redact, job.data)
