"""Failure spike: many jobs failed for good in a short time (the runbook's "Failed Jobs Spike").

Two witnesses, each blind in its own way: the failed set loses what `removeOnFail` trims and what is
retried; the events stream loses what is trimmed before it is read. The larger number is believed.
"""

from __future__ import annotations

from bot.domain.policy import RuleSettings, Severity
from bot.domain.rules.base import Observation, Reading, Rule, Unit, number
from bot.domain.times import MINUTE


def read(seen: Observation, settings: RuleSettings) -> Reading:
    """Compare the final failures of the last `within` ms with `above`."""
    above, within = number(settings.above), number(settings.within)
    memory = seen.memory
    failures = max(memory.failures_within(within, seen.now), seen.sample.failed_in_window)
    return Reading(
        holds=failures > above,
        value=failures,
        threshold=above,
        at_least=memory.gap_at is not None and memory.gap_at > seen.now - within,
    )


RULE = Rule(
    name="failure_spike",
    family="failure_spike",
    title="Failed jobs spike",
    unit=Unit.FAILURES,
    advice="Investigate the top error. Retry only after its cause is fixed.",
    defaults=RuleSettings(severity=Severity.WARNING, above=5, within=15 * MINUTE),
    evaluate=read,
)
