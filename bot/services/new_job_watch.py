"""What is known so far of the new jobs that a retry through Salesforce waits for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from bot.domain.queues import QueueId
from bot.domain.salesforce import NewJob, order_key
from bot.domain.subjects import JobAbout
from bot.domain.times import MINUTE, Ms

SKEW: Final[Ms] = MINUTE
"""A job's time of creation is its producer's clock: by so much it may be behind ours."""

_AT_MOST: Final = 2_000
"""Orders whose jobs are gone that are asked for at a time: ten calls."""


@dataclass
class NewJobWatch:
    """A watch for new jobs: what is known so far, by the order's id as it was asked.

    `set_at` is when each order was set, `old` are jobs that were there before that.
    """

    queue: QueueId
    set_at: Mapping[str, Ms]
    old: frozenset[str]
    known: dict[str, NewJob] = field(default_factory=dict)
    odd: dict[str, str] = field(default_factory=dict)
    """Orders without a new job whose status says neither that it ended nor that it will come."""
    gone: dict[str, float] = field(default_factory=dict)
    """Orders whose job is gone, with when they may be asked for: until then it waits."""

    def due(self, now: float) -> list[str]:
        """Those of them that are to be asked for now."""
        return [one for one, at in self.gone.items() if at <= now][:_AT_MOST]

    def missing(self) -> list[str]:
        """The orders without a new job."""
        return [one for one in self.set_at if one not in self.known]

    def earliest(self) -> Ms:
        """When the first new job can have been made that is not known yet."""
        return min(self.set_at[one] for one in self.missing()) - SKEW

    def take(self, jobs: Mapping[str, Sequence[JobAbout]]) -> None:
        """The newest job of each order, by `order_key`, if it came after the order was set."""
        for order_id in self.missing():
            earliest = self.set_at[order_id] - SKEW
            new = [
                job
                for job in jobs.get(order_key(order_id), ())
                if job.id not in self.old
                and min(job.created_at or 0, job.finished_at or earliest) >= earliest
            ]
            if new:
                newest = max(new, key=lambda job: job.created_at or 0)
                self.known[order_id] = NewJob(order_id=order_id, state="waiting", job_id=newest.id)

    def open(self) -> list[NewJob]:
        """The new jobs that have not ended."""
        return [job for job in self.known.values() if not job.ended]

    def give_up(self) -> None:
        """No new job will come of an order that somebody set to a state of its own.

        Of a job that is gone, nothing more will be known.
        """
        for order_id in self.gone:
            self.known[order_id] = replace(self.known[order_id], state="gone")
        for order_id in self.missing():
            if status := self.odd.get(order_id):
                self.known[order_id] = NewJob(order_id=order_id, state="gone", status=status)
