"""Processor down: jobs wait and nothing moves (the runbook's "No job processed in 10 minutes").

Judged by starts and finishes, never by how old a waiting job is: a retried or promoted job is as
old as its creation. A queue that rightly starts nothing (paused, at its concurrency, rate limited)
is not down, and neither is one whose workers are busy on long jobs with live locks: job_timeout
speaks for those.
"""

from __future__ import annotations

from bot.domain.policy import RuleSettings, Severity
from bot.domain.rules.base import Observation, Reading, Rule, Unit, number
from bot.domain.times import MINUTE, Ms


def read(seen: Observation, settings: RuleSettings) -> Reading:
    """The value is how long nothing has moved, in ms; `since` is when that began."""
    sample = seen.sample
    backlog = sample.counts.backlog
    since = _still_since(seen)
    return Reading(
        holds=backlog > 0 and sample.held_back is None and not sample.busy,
        value=seen.now - since if backlog else 0,
        threshold=number(settings.for_),
        since=since,
    )


def _still_since(seen: Observation) -> Ms:
    """The latest of: a start or finish, the backlog's beginning, being held back."""
    memory = seen.memory
    known = (memory.last_progress, memory.backlog_since, memory.held_back_at)
    return max((at for at in known if at is not None), default=seen.now)


RULE = Rule(
    name="processor_down",
    family="processor_down",
    title="Processor down",
    unit=Unit.DURATION,
    advice="Check that the processor is running, then restart the BFF.",
    defaults=RuleSettings(severity=Severity.CRITICAL, for_=10 * MINUTE),
    evaluate=read,
)
