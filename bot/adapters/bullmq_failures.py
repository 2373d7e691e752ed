"""Failed jobs: counted, listed and collected inside Redis, in steps that hold the server briefly.

Each step looks at no more than `STEP` ids, and its place in the set is a (score, id), which stays
right while jobs leave and join.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, cast

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from bot.adapters import bullmq_scripts as scripts
from bot.adapters.bullmq_sample import whole
from bot.adapters.bullmq_scripts import Call, Script
from bot.domain.failures import OTHER
from bot.domain.jobs import (
    FailedJob,
    FailedRef,
    FailureFilter,
    FailureGroup,
    FailureReport,
)
from bot.domain.queues import QueueId
from bot.domain.times import Ms

STEP: Final = 500
"""Ids in one step; fewer where reasons are long."""

MOST_GROUPS: Final = 200
"""Codes that one report tells apart; failures of further ones are in the group `OTHER`."""

Asking = Callable[[Script, Call], Awaitable[Any]]
"""Runs a script on the queue's source."""


@dataclass(frozen=True, slots=True)
class _Place:
    score: str = ""
    id: str = ""


def _arguments(
    wanted: FailureFilter, place: _Place, *, up: bool, step: int
) -> tuple[str | int, ...]:
    return (
        "up" if up else "down",
        place.score,
        place.id,
        "" if wanted.since is None else wanted.since,
        "" if wanted.until is None else wanted.until,
        "" if wanted.name is None else f"={wanted.name}",
        "" if wanted.code is None else f"={wanted.code}",
        step,
    )


async def report(ask: Asking, queue: QueueId, wanted: FailureFilter, edge: Edge) -> FailureReport:
    """Group what had failed when `edge` was read."""
    frozen = freeze(wanted, edge.newest)
    groups: dict[str, FailureGroup] = {}
    place, done, vanished = _Place(), edge.kept == 0, 0
    while not done:
        args = _arguments(frozen, place, up=True, step=STEP)
        raw = json.loads(await ask(scripts.load("failed_groups"), _call(queue, args)))
        for code, (count, first, last, id_, reason) in raw["g"].items():
            found = FailureGroup(
                code=code,
                count=count,
                first_at=whole(first) or 0,
                last_at=whole(last) or 0,
                example_id=id_,
                example_reason=reason,
            )
            _add(groups, found)
        place, done, vanished = _Place(*raw["p"]), raw["d"], vanished + raw["v"]
    return FailureReport(
        queue=queue,
        taken_at=edge.taken_at,
        groups=tuple(sorted(groups.values(), key=lambda group: (-group.count, group.code))),
        total=sum(group.count for group in groups.values()),
        kept=edge.kept,
        vanished=vanished,
        kept_limit=edge.kept_limit,
        newest=edge.newest,
    )


def _add(groups: dict[str, FailureGroup], found: FailureGroup) -> None:
    if found.code not in groups and len(groups) >= MOST_GROUPS:
        found = replace(found, code=OTHER)
    known = groups.get(found.code)
    if known is None:
        groups[found.code] = found
        return
    newer = found if found.last_at >= known.last_at else known
    groups[found.code] = replace(
        newer,
        count=known.count + found.count,
        first_at=min(known.first_at, found.first_at),
        last_at=max(known.last_at, found.last_at),
    )


def freeze(wanted: FailureFilter, newest: Ms | None) -> FailureFilter:
    """The filter, without what fails after `newest`."""
    if newest is None:
        return wanted
    until = newest if wanted.until is None else min(wanted.until, newest)
    return replace(wanted, until=until)


async def select(
    ask: Asking, queue: QueueId, wanted: FailureFilter
) -> AsyncIterator[list[FailedRef]]:
    """All that match, oldest first, in batches of at most `STEP`."""
    place, done = _Place(), False
    while not done:
        args = _arguments(wanted, place, up=True, step=STEP)
        raw = json.loads(await ask(scripts.load("failed_select"), _call(queue, args)))
        flat = raw["i"] or []
        pairs = zip(flat[::2], flat[1::2], strict=True)
        if flat:
            yield [FailedRef(id_, whole(score) or 0) for id_, score in pairs]
        place, done = _Place(*raw["p"]), raw["d"]


async def newest_jobs(
    ask: Asking, queue: QueueId, wanted: FailureFilter, *, limit: int, offset: int
) -> list[FailedJob]:
    """A page of those that match, newest first."""
    jobs: list[FailedJob] = []
    place, done, skip = _Place(), limit <= 0, offset
    while not done and len(jobs) < limit:
        want = min(STEP, limit - len(jobs))
        args = (*_arguments(wanted, place, up=False, step=STEP), skip, want)
        raw = json.loads(await ask(scripts.load("failed_list"), _call(queue, args)))
        jobs.extend(failed_job(row) for row in raw["j"])
        place, done, skip = _Place(*raw["p"]), raw["d"], raw["s"]
    return jobs


async def look_up(ask: Asking, queue: QueueId, ids: Sequence[str]) -> dict[str, FailedJob | None]:
    """The failed job of each id, None where it is not in the set or has no hash."""
    found: dict[str, FailedJob | None] = {}
    for start in range(0, len(ids), STEP):
        some = ids[start : start + STEP]
        raw = json.loads(await ask(scripts.load("failed_refs"), _call(queue, tuple(some))))
        for id_, row in zip(some, raw, strict=True):
            found[id_] = failed_job(row) if row else None
    return found


def failed_job(row: Sequence[Any]) -> FailedJob:
    """A row [id, name, score, reason, code, attempts made]."""
    id_, name, score, reason, code, made = row
    return FailedJob(
        id=id_,
        name=name,
        failed_at=whole(score) or 0,
        reason=reason,
        code=code,
        attempts_made=whole(made) or 0,
    )


def _call(queue: QueueId, args: tuple[str | int, ...]) -> Call:
    return Call((queue.key("failed"),), args)


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """The failed set at one moment: its size, its highest score, and what is kept of it."""

    taken_at: Ms
    kept: int
    newest: Ms | None
    kept_limit: int | None


async def edge(client: Redis, queue: QueueId) -> Edge:
    """Read the edge of the failed set; the limit is what its newest job says."""
    async with client.pipeline(transaction=False) as pipe:
        pipe.time()
        pipe.zcard(queue.key("failed"))
        pipe.zrange(queue.key("failed"), 0, 0, desc=True, withscores=True)
        time, kept, newest = cast("tuple[Any, int, list[Any]]", await pipe.execute())
    limit = None
    if newest:
        limit = kept_limit(await _options(client, queue, newest[0][0]))
    taken_at = time[0] * 1000 + time[1] // 1000
    highest = whole(newest[0][1]) if newest else None
    return Edge(
        taken_at=taken_at,
        kept=kept,
        # a score without end is no time: what fails from now on stays out all the same
        newest=taken_at if newest and highest is None else highest,
        kept_limit=limit,
    )


async def _options(client: Redis, queue: QueueId, job_id: str) -> str | None:
    """A job's options as they are stored; None where its key is no hash (an id such as `wait`)."""
    try:
        return await cast("Awaitable[str | None]", client.hget(queue.key(job_id), "opts"))
    except ResponseError as error:
        if "WRONGTYPE" in str(error):
            return None
        raise


def kept_limit(options: str | None) -> int | None:
    """How many failed jobs a job's `removeOnFail` keeps: a number, or {"count": number}."""
    try:
        rule = json.loads(options or "{}").get("removeOnFail")
    except (ValueError, AttributeError, RecursionError):
        return None
    count = rule.get("count") if isinstance(rule, dict) else rule
    if isinstance(count, bool) or not isinstance(count, int | float) or count < 0:
        return None
    return whole(count)
