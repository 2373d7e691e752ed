"""Sums up failed jobs inside Redis before a plan is made, in steps that hold the server briefly."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from bot.adapters import bullmq_scripts as scripts
from bot.adapters.bullmq_failures import Asking, Place, arguments
from bot.adapters.bullmq_sample import whole
from bot.adapters.bullmq_scripts import Call
from bot.domain.jobs import FailureFilter
from bot.domain.plan_facts import FailedAbout, PlanFacts, summed
from bot.domain.queues import QueueId

STEP: Final = 250
"""Jobs in one step; fewer where their data is long."""

MOST_ABOUT: Final = 50_000
"""Jobs of which it is kept what they are about."""


async def matching(
    ask: Asking, queue: QueueId, wanted: FailureFilter, paths: tuple[str, str]
) -> PlanFacts:
    """Of the failed jobs that match the filter; a path that is empty is not looked at."""
    parts: list[PlanFacts] = []
    place, done, kept = Place(), False, 0
    while not done:
        args = (*arguments(wanted, place, up=True, step=STEP), *paths)
        raw = json.loads(await ask(scripts.load("plan_facts"), Call((queue.key("failed"),), args)))
        part = _facts(raw, paths)
        if kept + len(part.about) > MOST_ABOUT:
            part, paths = replace(part, about=(), complete=False), ("", "")
        kept += len(part.about)
        parts.append(replace(part, vanished=raw["v"]))
        place, done = Place(*raw["w"]), raw["d"]
    return summed(parts)


async def named(
    ask: Asking, queue: QueueId, ids: Sequence[str], paths: tuple[str, str]
) -> PlanFacts:
    """Of these jobs, as far as they are failed and there."""
    parts: list[PlanFacts] = []
    place = 0
    while place < len(ids):
        call = Call((queue.key("failed"),), (*paths, *ids[place : place + STEP]))
        raw = json.loads(await ask(scripts.load("plan_facts_named"), call))
        parts.append(_facts(raw, paths))
        place += raw["i"]
    return summed(parts)


def _facts(raw: Mapping[str, Any], paths: tuple[str, str]) -> PlanFacts:
    """One step's sums, by letters.

    n all, x exhausted with the lowest and highest limits al and ah, p priority, c children, o
    without a waiting parent, u unread, t oldest creation, f and l first and last failure, r rows of
    id, score, creation and the values.
    """
    lowest, highest = whole(raw.get("al")), whole(raw.get("ah"))
    return PlanFacts(
        count=whole(raw["n"]) or 0,
        exhausted=whole(raw["x"]) or 0,
        attempts=lowest if lowest == highest else None,
        prioritized=whole(raw["p"]) or 0,
        children=whole(raw["c"]) or 0,
        orphaned=whole(raw["o"]) or 0,
        oldest_created=whole(raw.get("t")),
        first_failed=whole(raw.get("f")),
        last_failed=whole(raw.get("l")),
        about=tuple(_about(row, paths) for row in raw["r"] or ()),
        unread=whole(raw["u"]) or 0,
    )


def _about(row: Sequence[Any], paths: tuple[str, str]) -> FailedAbout:
    id_, score, created, *values = row
    told = iter(values)
    business, subject = (next(told) or None if path else None for path in paths)
    return FailedAbout(
        id=id_,
        failed_at=whole(score) or 0,
        created_at=whole(created),
        business=business,
        subject=subject,
    )
