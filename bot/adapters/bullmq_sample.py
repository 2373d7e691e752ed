"""Sampling: one small script call a queue, all of a source's in one pipeline.

Queues whose events stream holds more than one call may read are read on, again in one pipeline.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import ceil
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import AskError, ResponseError, TryAgainError

from bot.adapters import bullmq_scripts as scripts
from bot.adapters.bullmq_scripts import Call
from bot.adapters.redis_cluster import LOST
from bot.adapters.redis_errors import denied
from bot.domain.queues import QueueId
from bot.domain.sample import ActiveJob, Counts, Crew, EventsRead, Sample, SampleRequest

PIPELINE: Final = 100
"""Queues in one pipeline: a server reads on from others between two."""

RECENT_PIPELINE: Final = 25
"""The same where processing times are asked for, which takes a server several times as long."""

EVENT_ROUNDS: Final = 48
"""How often a queue that is behind is read on: enough for a stream of BullMQ's usual length."""


@dataclass(slots=True)
class Seen:
    """What came of sampling one source: a sample or a reason for each queue.

    `gone` is why a node of a cluster did not answer; its queues are in neither.
    """

    samples: dict[QueueId, Sample] = field(default_factory=dict)
    broken: dict[QueueId, str] = field(default_factory=dict)
    gone: Exception | None = None


async def sample_source(
    client: Redis, requests: Sequence[SampleRequest], workers: Mapping[QueueId, Crew] | None
) -> Seen:
    """Look at queues of one source. `workers` None means that they are unknown.

    Raises:
        redis.RedisError: the source does not answer.
    """
    seen = Seen()
    size = RECENT_PIPELINE if any(request.recent for request in requests) else PIPELINE
    for start in range(0, len(requests), size):
        await _sample_some(client, requests[start : start + size], workers, seen)
    return seen


async def _sample_some(
    client: Redis,
    requests: Sequence[SampleRequest],
    workers: Mapping[QueueId, Crew] | None,
    seen: Seen,
) -> None:
    answers = await scripts.run_all(
        client, scripts.load("sample"), [_call(request) for request in requests]
    )
    behind: list[Sample] = []
    for request, answer in zip(requests, answers, strict=True):
        queue = request.queue
        if isinstance(answer, LOST):
            seen.gone = answer
            continue
        if isinstance(answer, Exception):
            seen.broken[queue] = _reason(answer)
            continue
        raw = json.loads(answer)
        sample = read_sample(queue, raw, None if workers is None else workers[queue])
        seen.samples[queue] = sample
        if raw["e"]["m"]:
            behind.append(sample)
    await _read_on(client, behind, seen)


async def _read_on(client: Redis, behind: list[Sample], seen: Seen) -> None:
    for _ in range(EVENT_ROUNDS):
        if not behind:
            return
        calls = [Call((one.queue.key("events"),), (one.events.cursor,)) for one in behind]
        answers = await scripts.run_all(client, scripts.load("events"), calls)
        still: list[Sample] = []
        for sample, answer in zip(behind, answers, strict=True):
            if isinstance(answer, Exception):  # what was read before it stays read
                continue
            raw = json.loads(answer)
            further = replace(sample, events=join_events(sample.events, read_events(raw)))
            seen.samples[sample.queue] = further
            if raw["m"]:
                still.append(further)
        behind = still


def _call(request: SampleRequest) -> Call:
    return Call(
        (request.queue.key("meta"),),
        (request.cursor or "", request.failure_window, request.recent),
    )


def _reason(error: Exception) -> str:
    """Why a queue cannot be read; a server-wide reason is raised instead."""
    if not isinstance(error, ResponseError):
        raise error
    if isinstance(error, AskError | TryAgainError):  # MOVED is an AskError to redis-py
        return "its keys are on their way to another node of the cluster"
    if "WRONGTYPE" in str(error):
        return "one of its keys is not of the type BullMQ gives it"
    if type(error) is not ResponseError:  # no permission, out of memory, a replica
        raise error
    lacks = denied(error)
    return f"its keys cannot be read{f': Redis {lacks}' if lacks else ''}"


def read_sample(queue: QueueId, raw: dict[str, Any], crew: Crew | None) -> Sample:
    """Make a sample of what the script returned.

    Keys: t time, m [version, paused, concurrency, max], l rate limit's rest in ms, o oldest
    waiting, a active jobs, n next delayed, f failed in [window, day], c counts, p processing times,
    e events.
    """
    version, paused, concurrency, _ = raw["m"]
    in_window, in_day = raw["f"]
    active = _active_jobs(raw["a"])
    if crew is not None and not crew.workers and any(job.locked for job in active):
        crew = None
    return Sample(
        queue=queue,
        taken_at=int(raw["t"]),
        counts=_counts(raw["c"]),
        paused=paused is not False,
        version=version or None,
        oldest_waiting_at=whole(raw["o"]),
        failed_in_window=in_window,
        failed_in_day=in_day,
        events=read_events(raw["e"]),
        active_jobs=active,
        workers=None if crew is None else crew.workers,
        more_workers=crew is not None and crew.at_least,
        concurrency=whole(concurrency),
        rate_limited_for=int(raw["l"]),
        next_delayed_at=whole(raw["n"]),
        processing_p95=_p95(raw.get("p")),
    )


def _counts(raw: Sequence[int]) -> Counts:
    waiting, paused, prioritized, active, delayed, overdue, children, completed, failed = raw
    return Counts(
        waiting=waiting,
        paused_list=paused,
        prioritized=prioritized,
        active=active,
        delayed=delayed,
        overdue=overdue,
        waiting_children=children,
        completed=completed,
        failed=failed,
    )


def _active_jobs(raw: Any) -> tuple[ActiveJob, ...]:
    jobs = [active_job(*one) for one in raw]
    return tuple(sorted(jobs, key=lambda job: job.started_at or 0))


def active_job(
    name: Any, started: Any, v3: Any, made: Any, starts: Any, lock: int, id_: str, left: int = -1
) -> ActiveJob:
    """A job as sample.lua and active.lua tell it.

    BullMQ 3 and 4 count an attempt in `attemptsMade` at its start, 5 on in `atm` at its end.
    """
    counted_at_start = starts is False and v3 is not False
    attempt = (whole(v3) or 1) if counted_at_start else (whole(made) or 0) + 1
    return ActiveJob(
        id=id_,
        name=name or "",
        started_at=whole(started),
        attempt=max(1, attempt),
        locked=bool(lock),
        starts=whole(starts),
        lock_left=left if lock and left > 0 else None,
    )


def read_events(raw: dict[str, Any]) -> EventsRead:
    """Keys: c cursor, s starts, f finishes, b failures by bucket, ls and lf last ones, g gap."""
    return EventsRead(
        cursor=raw["c"],
        starts=raw["s"],
        finishes=raw["f"],
        failures=tuple(sorted((int(at), count) for at, count in raw["b"].items())),
        last_start=whole(raw.get("ls", False)),
        last_finish=whole(raw.get("lf", False)),
        gap=raw["g"],
    )


def join_events(earlier: EventsRead, later: EventsRead) -> EventsRead:
    """What two reads of a stream, one after the other, told together."""
    failures = Counter(dict(earlier.failures))
    failures.update(dict(later.failures))
    return EventsRead(
        cursor=later.cursor,
        starts=earlier.starts + later.starts,
        finishes=earlier.finishes + later.finishes,
        failures=tuple(sorted(failures.items())),
        last_start=later.last_start or earlier.last_start,
        last_finish=later.last_finish or earlier.last_finish,
        gap=earlier.gap or later.gap,
    )


def _p95(raw: Any) -> int | None:
    times: list[int] = []
    for started, finished in raw or ():
        start, finish = whole(started), whole(finished)
        if start is not None and finish is not None:
            times.append(max(0, finish - start))
    times.sort()
    return times[ceil(0.95 * len(times)) - 1] if times else None


def whole(raw: Any) -> int | None:
    """A number as Redis or Lua wrote it, None where there is none."""
    try:
        return None if raw is False or raw is None else int(float(raw))
    except (TypeError, ValueError, OverflowError):
        return None
