"""What is known so far of the new jobs that a retry through Salesforce waits for."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from bot.domain.queues import QueueId
from bot.domain.salesforce import NewJob
from bot.domain.times import Ms

_AT_MOST: Final = 2_000
"""Orders whose jobs are gone that are asked for at a time: ten calls."""


@dataclass
class NewJobWatch:
    """A watch for new jobs: what is known so far, by the order's id as it was asked."""

    queue: QueueId
    order_ids: tuple[str, ...]
    since: Ms
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
        return [one for one in self.order_ids if one not in self.known]

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
