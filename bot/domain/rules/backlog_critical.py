"""Backlog, critical: far too many jobs wait (the runbook's "Queue Backlog Critical")."""

from __future__ import annotations

from bot.domain.policy import RuleSettings, Severity
from bot.domain.rules import backlog
from bot.domain.rules.base import Rule, Unit

RULE = Rule(
    name="backlog_critical",
    family=backlog.RULE.family,
    title="Queue backlog, critical",
    unit=Unit.JOBS,
    advice="Check that the processor is running, then restart the BFF. "
    "Scale out if the volume is high.",
    defaults=RuleSettings(severity=Severity.CRITICAL, above=50, for_=0),
    evaluate=backlog.read,
)
