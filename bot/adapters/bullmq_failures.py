"""Failed jobs: counted, listed and collected inside Redis, in steps that hold the server briefly.

Each step looks at no more than `STEP` ids, and its place in the set is a (score, id), which stays
right while jobs leave and join.
"""

from __future__ import annotations

import asyncio
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
from bot.tasks import cancelled

STEP: Final = 500
"""Ids in one step; fewer where reasons are long."""

MOST_GROUPS: Final = 200
"""Codes that one report tells apart; failures of further ones are in the group `OTHER`."""

Asking = Callable[[Script, Call], Awaitable[Any]]
"""Runs a script on the queue's source."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a walk through the failed set stopped: a score and an id in hex."""

    score: str = ""
    id: str = ""


@dataclass(frozen=True, slots=True)
class Bounds:
    """The lowest and the highest score as ZCOUNT takes them, "" for none."""

    low: str | int = ""
    high: str | int = ""


def bounds(wanted: FailureFilter) -> Bounds:
    """Those of a filter."""
    return Bounds(
        "" if wanted.since is None else wanted.since, "" if wanted.until is None else wanted.until
    )


def arguments(
    wanted: FailureFilter, place: Place, *, up: bool, step: int, within: Bounds | None = None
) -> tuple[str | int, ...]:
    """What lua/failed_walk.lua takes, oldest first with `up`; `within` replaces the bounds."""
    between = bounds(wanted) if within is None else within
    return (
        "up" if up else "down",
        place.score,
        place.id,
        between.low,
        between.high,
        "" if wanted.name is None else f"={wanted.name}",
        "" if wanted.code is None else f"={wanted.code}",
        step,
    )


async def report(ask: Asking, queue: QueueId, wanted: FailureFilter, edge: Edge) -> FailureReport:
    """Group what had failed when `edge` was read, in two halves: the server never waits for us."""
    frozen = freeze(wanted, edge.newest)
    parts = await asyncio.gather(
        *(_count(ask, queue, frozen, part) for part in _halves(frozen, edge)) if edge.kept else ()
    )
    groups: dict[str, FailureGroup] = {}
    for found in (group for part, _ in parts for group in part.values()):
        _add(groups, found)
    return FailureReport(
        queue=queue,
        taken_at=edge.taken_at,
        groups=tuple(sorted(groups.values(), key=lambda group: (-group.count, group.code))),
        total=sum(group.count for group in groups.values()),
        kept=edge.kept,
        vanished=sum(vanished for _, vanished in parts),
        kept_limit=edge.kept_limit,
        newest=edge.newest,
    )


def _halves(wanted: FailureFilter, edge: Edge) -> list[Bounds]:
    """The filter's bounds, cut where the middle of the set is; what has its score is above."""
    whole_span = bounds(wanted)
    middle = edge.middle
    if (
        middle is None
        or (wanted.since is not None and middle <= wanted.since)
        or (wanted.until is not None and middle > wanted.until)
    ):
        return [whole_span]
    return [Bounds(whole_span.low, f"({middle!r}"), Bounds(repr(middle), whole_span.high)]


async def _count(
    ask: Asking, queue: QueueId, wanted: FailureFilter, within: Bounds
) -> tuple[dict[str, FailureGroup], int]:
    """The groups between two scores, and how many hashes were gone."""
    groups: dict[str, FailureGroup] = {}
    place, done, vanished = Place(), False, 0
    while not done:
        args = arguments(wanted, place, up=True, step=STEP, within=within)
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
        place, done, vanished = Place(*raw["p"]), raw["d"], vanished + raw["v"]
    return groups, vanished


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
    """All that match, oldest first, in batches of at most `STEP`.

    The next batch is read while the last one is worked on.
    """

    async def read(place: Place) -> tuple[list[FailedRef], Place | None]:
        args = arguments(wanted, place, up=True, step=STEP)
        raw = json.loads(await ask(scripts.load("failed_select"), _call(queue, args)))
        flat = raw["i"] or []
        pairs = zip(flat[::2], flat[1::2], strict=True)
        refs = [FailedRef(id_, whole(score) or 0) for id_, score in pairs]
        return refs, None if raw["d"] else Place(*raw["p"])

    ahead = asyncio.ensure_future(read(Place()))
    try:
        place: Place | None = Place()
        while place is not None:
            refs, place = await ahead
            if place is not None:
                ahead = asyncio.ensure_future(read(place))
            if refs:
                yield refs
    finally:
        await cancelled(ahead)


async def newest_jobs(
    ask: Asking, queue: QueueId, wanted: FailureFilter, *, limit: int, offset: int
) -> list[FailedJob]:
    """A page of those that match, newest first."""
    jobs: list[FailedJob] = []
    place, done, skip = Place(), limit <= 0, offset
    while not done and len(jobs) < limit:
        want = min(STEP, limit - len(jobs))
        args = (*arguments(wanted, place, up=False, step=STEP), skip, want)
        raw = json.loads(await ask(scripts.load("failed_list"), _call(queue, args)))
        jobs.extend(failed_job(row) for row in raw["j"])
        place, done, skip = Place(*raw["p"]), raw["d"], raw["s"]
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
    """The failed set at one moment: its size, its highest score, and what is kept of it.

    `middle` is the score in the middle of a set that takes many steps.
    """

    taken_at: Ms
    kept: int
    newest: Ms | None
    kept_limit: int | None
    middle: float | None = None


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
    middle: Any = None
    if kept > 2 * STEP:
        middle = await client.zrange(queue.key("failed"), kept // 2, kept // 2, withscores=True)
    taken_at = time[0] * 1000 + time[1] // 1000
    highest = whole(newest[0][1]) if newest else None
    return Edge(
        taken_at=taken_at,
        kept=kept,
        # a score without end is no time: what fails from now on stays out all the same
        newest=taken_at if newest and highest is None else highest,
        kept_limit=limit,
        middle=middle[0][1] if middle else None,
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
