"""What the watch remembers of a queue from one evaluation to the next, across restarts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.domain.times import Ms


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueMemory:
    """State of one queue, committed with each evaluation.

    `cursor` is the id of the last event read. `last_progress` is the latest start or finish seen.
    `backlog_since` is when the backlog was first seen above 0, None while it is 0.
    `held_back_at` is when the queue was last seen paused, at its concurrency or rate limited.
    `failures` are (start of a 10 s bucket, failures), oldest first, no longer than the window.
    `gap_at` is when the events stream was last found trimmed past the cursor.
    `trend` is the smoothed change of the backlog a minute, None when not known yet.
    `pending` holds, by rule name, since when the rule's condition has held at every evaluation;
    `firing` names those of them that have held for their `for`.
    `evaluated_at` may lag: a memory in which nothing else has changed need not be stored again.
    """

    cursor: str | None = None
    evaluated_at: Ms = 0
    backlog: int = 0
    last_progress: Ms | None = None
    backlog_since: Ms | None = None
    held_back_at: Ms | None = None
    failures: tuple[tuple[Ms, int], ...] = ()
    gap_at: Ms | None = None
    trend: float | None = None
    pending: Mapping[str, Ms] = field(default_factory=dict)
    firing: tuple[str, ...] = ()

    def failures_within(self, window: Ms, now: Ms) -> int:
        """Final failures seen in the events stream in the last `window` ms (to a bucket's 10 s)."""
        return sum(count for start, count in self.failures if start > now - window)
