"""One job: everything BullMQ keeps of it, whichever version wrote it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from bot.adapters.bullmq_sample import whole
from bot.domain.jobs import JobDetail
from bot.domain.queues import QueueId

_DELAY_UNIT: Final = 4096
_LONG_NAMES: Final = {
    "de": "deduplication",
    "fpof": "failParentOnFailure",
    "cpof": "continueParentOnFailure",
    "idof": "ignoreDependencyOnFailure",
    "rdof": "removeDependencyOnFailure",
    "kl": "keepLogs",
    "tm": "telemetry",
}
"""Options that BullMQ stores under short names."""


def read_job(queue: QueueId, job_id: str, raw: Sequence[Any]) -> JobDetail:
    """Make a job of what job.lua returned: [state, score, lock, log lines, [field, value, ...]]."""
    state, score, lock, log_count, flat = raw
    fields: dict[str, str] = dict(zip(flat[::2], flat[1::2], strict=True))
    options = _options(fields.get("opts"))
    made = fields.get("atm") or fields.get("attemptsMade")
    return JobDetail(
        queue=queue,
        id=job_id,
        name=fields.get("name", ""),
        state=state,
        data=decode(fields.get("data")),
        options=options,
        attempts_made=whole(made) or 0,
        attempts=max(1, whole(options.get("attempts")) or 1),
        created_at=whole(fields.get("timestamp")),
        started_at=whole(fields.get("processedOn")),
        finished_at=whole(fields.get("finishedOn")),
        delay_until=_delay_until(score) if state == "delayed" else None,
        priority=whole(fields.get("priority")) or 0,
        failed_reason=fields.get("failedReason"),
        stacktrace=_stacktrace(fields.get("stacktrace")),
        progress=decode(fields.get("progress")),
        return_value=decode(fields.get("returnvalue")),
        parent=fields.get("parentKey") or None,
        locked=bool(lock),
        log_count=log_count,
    )


def decode(raw: str | None) -> Any:
    """The value of a JSON text, or the text where it is not JSON; None where there is none."""
    if raw is None:
        return None
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return raw


def _options(raw: str | None) -> dict[str, Any]:
    options = decode(raw)
    if not isinstance(options, Mapping):
        return {}
    return {_LONG_NAMES.get(str(name), str(name)): value for name, value in options.items()}


def _delay_until(score: str) -> int | None:
    number = whole(score)
    return None if number is None else number // _DELAY_UNIT


def _stacktrace(raw: str | None) -> tuple[str, ...]:
    traces = decode(raw)
    if isinstance(traces, list):
        return tuple(trace if isinstance(trace, str) else json.dumps(trace) for trace in traces)
    return (raw,) if raw else ()
