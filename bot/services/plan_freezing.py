"""Freezing what a retry is about: the jobs that are failed now, by their ids or by an edge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.domain.failures import OTHER
from bot.domain.jobs import FailureFilter, FailureGroup
from bot.domain.plan_choice import Superseded, noun
from bot.domain.policy import QueuePolicy
from bot.domain.queues import QueueId
from bot.domain.times import Ms
from bot.errors import JobGoneError
from bot.ports import QueueReader
from bot.services.plan_words import grouped

FROZEN_BY_ID = 2_000
"""Up to so many jobs are frozen one by one; of more, all whose score is no higher than the highest
at the time of asking."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """What a plan is about.

    `edge` selects all that matched, `ids` are those in the plan unless there are too many, and
    `count` is how many that are, of `matching`. `kept` and `kept_limit` are those of the report;
    `said` is what there is to say of named jobs that are not in it.
    """

    edge: FailureFilter
    ids: tuple[tuple[str, Ms], ...]
    count: int
    matching: int
    groups: Sequence[FailureGroup]
    kept: int = 0
    kept_limit: int | None = None
    said: tuple[str, ...] = ()


async def freeze_matching(reader: QueueReader, queue: QueueId, wanted: FailureFilter) -> Frozen:
    """What the filter matches now: one by one, unless there are too many.

    Raises:
        JobGoneError: nothing that matches is failed.
    """
    report = await reader.failures(queue, wanted)
    if not report.total:
        raise JobGoneError("No failed job matches that now: nothing to retry.")
    edge = replace(wanted, until=report.newest)
    ids: tuple[tuple[str, Ms], ...] = ()
    if report.total <= FROZEN_BY_ID:
        refs = [ref async for some in reader.select_failed(queue, edge) for ref in some]
        ids = tuple((ref.id, ref.failed_at) for ref in refs)
    return Frozen(
        edge=edge, ids=ids, count=report.total, matching=report.total, groups=report.groups,
        kept=report.kept, kept_limit=report.kept_limit,
    )  # fmt: skip


async def freeze_named(
    reader: QueueReader, queue: QueueId, wanted: FailureFilter, ids: Sequence[str]
) -> Frozen:
    """Those of the named jobs that are failed now.

    Raises:
        JobGoneError: none of them is.
    """
    found = await reader.failed_refs(queue, list(dict.fromkeys(ids)))
    jobs = [job for job in found.values() if job is not None]
    missing = len(found) - len(jobs)
    if not jobs:
        named = f"Job {ids[0][:60]} is not"
        which = named if missing == 1 else f"None of these {missing:,} jobs is"
        raise JobGoneError(f"{which} failed now: nothing to retry.")
    said = f"{missing:,} of the {len(found):,} named are not failed now: left out"
    return Frozen(
        edge=wanted,
        ids=tuple((job.id, job.failed_at) for job in jobs),
        count=len(jobs),
        matching=len(jobs),
        groups=grouped(jobs),
        said=(said,) if missing else (),
    )


async def without(
    reader: QueueReader, queue: QueueId, frozen: Frozen, found: Superseded, policy: QueuePolicy
) -> Frozen:
    """All but the jobs that have another job for their business id.

    Raises:
        JobGoneError: nothing is left.
    """
    if not found.jobs:
        return frozen
    count = frozen.count - len(found.jobs)
    if count <= 0:
        what = noun(policy.business_id or "", found.values)
        has = "has" if found.values == 1 else "have"
        raise JobGoneError(
            f"Nothing to retry: {found.values:,} {what} already {has} a newer, an open or a "
            "completed job. To retry a job all the same, name it: `retry QUEUE ID`."
        )
    gone = frozenset(found.jobs)
    jobs = await reader.failed_refs(queue, found.jobs)
    codes = Counter(job.code for job in jobs.values() if job is not None)
    return replace(
        frozen,
        ids=tuple(ref for ref in frozen.ids if ref[0] not in gone),
        count=count,
        groups=_less(frozen.groups, codes),
    )


def _less(groups: Sequence[FailureGroup], codes: Counter[str]) -> list[FailureGroup]:
    """The groups without so many of each code; codes that have no group are among the others."""
    named = {group.code for group in groups}
    others = sum(count for code, count in codes.items() if code not in named)
    taken = {**codes, OTHER: codes[OTHER] + others}
    left = [replace(one, count=one.count - taken.get(one.code, 0)) for one in groups]
    return [one for one in left if one.count > 0]
