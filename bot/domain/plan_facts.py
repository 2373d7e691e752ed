"""What is known of the failed jobs that a plan is about, before any of them is changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bot.domain.times import Ms


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedAbout:
    """A failed job and what it is about: the values at the two paths that were asked for."""

    id: str
    failed_at: Ms
    created_at: Ms | None = None
    business: str | None = None
    subject: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanFacts:
    """Sums over failed jobs.

    `exhausted` have used all their attempts, `attempts` is how many that were when all had the same
    number. `children` belong to a flow, and the parent of `orphaned` ones has left
    `waiting-children`, so that no retry of theirs brings it back. `vanished` have no hash, and are
    in no other number. `about` is there for those whose data could be read, of `unread` ones it is
    over 64 KB or no JSON; `complete` is False when there were too many to tell.
    """

    count: int = 0
    exhausted: int = 0
    attempts: int | None = None
    prioritized: int = 0
    children: int = 0
    orphaned: int = 0
    vanished: int = 0
    oldest_created: Ms | None = None
    first_failed: Ms | None = None
    last_failed: Ms | None = None
    about: tuple[FailedAbout, ...] = ()
    unread: int = 0
    complete: bool = True


def summed(parts: Iterable[PlanFacts]) -> PlanFacts:
    """The sums of disjoint parts."""
    every = list(parts)
    attempts = {one.attempts for one in every if one.exhausted}
    return PlanFacts(
        count=sum(one.count for one in every),
        exhausted=sum(one.exhausted for one in every),
        attempts=attempts.pop() if len(attempts) == 1 else None,
        prioritized=sum(one.prioritized for one in every),
        children=sum(one.children for one in every),
        orphaned=sum(one.orphaned for one in every),
        vanished=sum(one.vanished for one in every),
        oldest_created=_least(one.oldest_created for one in every),
        first_failed=_least(one.first_failed for one in every),
        last_failed=max((t for one in every if (t := one.last_failed) is not None), default=None),
        about=tuple(job for one in every for job in one.about),
        unread=sum(one.unread for one in every),
        complete=all(one.complete for one in every),
    )


def _least(times: Iterable[Ms | None]) -> Ms | None:
    return min((time for time in times if time is not None), default=None)
