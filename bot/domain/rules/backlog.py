"""Backlog: more than a few jobs could run and do not (the runbook's "Queue Backlog")."""

from __future__ import annotations

from bot.domain.policy import RuleSettings, Severity
from bot.domain.rules.base import Observation, Reading, Rule, Unit, number
from bot.domain.times import MINUTE


def read(seen: Observation, settings: RuleSettings) -> Reading:
    """Compare the backlog with `above`; a paused queue's jobs count too."""
    backlog, above = seen.sample.counts.backlog, number(settings.above)
    return Reading(holds=backlog > above, value=backlog, threshold=above)


RULE = Rule(
    name="backlog",
    family="backlog",
    title="Queue backlog",
    unit=Unit.JOBS,
    advice="Check processor status. Scale out if the volume is high.",
    defaults=RuleSettings(severity=Severity.WARNING, above=10, for_=5 * MINUTE),
    evaluate=read,
)
