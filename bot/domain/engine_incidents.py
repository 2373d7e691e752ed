"""How an incident moves: it opens, becomes worse or better, and is resolved."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bot.domain.incidents import Facts, Happening, Incident, Status, TimelineEntry
from bot.domain.memory import QueueMemory
from bot.domain.policy import RuleSettings
from bot.domain.queues import QueueId
from bot.domain.rules.base import Reading, Rule, Unit
from bot.domain.sample import Sample
from bot.domain.times import Ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What became of one rule at one evaluation.

    `since` is when its condition began to hold, None when it does not; `firing` says that it has
    held for its `for`.
    """

    rule: Rule
    settings: RuleSettings
    reading: Reading
    since: Ms | None
    firing: bool


def facts_of(judged: Judged, sample: Sample, memory: QueueMemory) -> Facts:
    """What was seen beside the number. The groups are filled in by whoever can read them."""
    return Facts(
        workers=sample.workers,
        more_workers=sample.more_workers,
        paused=sample.paused,
        active=sample.counts.active,
        last_progress=memory.last_progress,
        trend_per_min=memory.trend if judged.rule.unit is Unit.JOBS else None,
        jobs=judged.reading.jobs,
        at_least=judged.reading.at_least,
        backlog=sample.counts.backlog,
    )


def opened(number: int, queue: QueueId, worst: Judged, facts: Facts, now: Ms) -> Incident:
    """A new incident, led by the worst rule that fires."""
    reading, severity = worst.reading, worst.settings.severity
    return Incident(
        number=number,
        queue=queue,
        family=worst.rule.family,
        rule=worst.rule.name,
        severity=severity,
        began_at=now if worst.since is None else worst.since,
        fired_at=now,
        value=reading.value,
        threshold=reading.threshold,
        peak=reading.value,
        window=worst.settings.within,
        facts=facts,
        timeline=(_entry(Happening.FIRED, worst, now),),
    )


def updated(incident: Incident, worst: Judged, facts: Facts, now: Ms) -> Incident:
    """The incident with today's number; severity, rule and threshold are the worst firing rule's.

    Becoming worse takes the acknowledgement away, so that the message calls again: whoever took a
    warning has not taken this. A mere change of the number does not raise the revision.
    """
    reading, severity = worst.reading, worst.settings.severity
    rise = severity.rank - incident.severity.rank
    after = replace(
        incident,
        rule=worst.rule.name,
        severity=severity,
        value=reading.value,
        threshold=reading.threshold,
        peak=max(incident.peak, reading.value),
        window=worst.settings.within,
        facts=replace(facts, groups=incident.facts.groups),
    )
    if rise:
        what = Happening.ESCALATED if rise > 0 else Happening.EASED
        after = replace(
            after,
            acknowledged=None if rise > 0 else incident.acknowledged,
            timeline=(*incident.timeline, _entry(what, worst, now)),
        )
    shown = ("rule", "severity", "threshold", "window")
    if any(getattr(after, name) != getattr(incident, name) for name in shown):
        after = replace(after, revision=incident.revision + 1)
    return after


def resolved(incident: Incident, last: Judged | None, facts: Facts | None, now: Ms) -> Incident:
    """The incident, over. `last` is what its rule reads now; None when the rule is gone."""
    # never before it fired, whatever a clock that was set back says
    at = max(now, incident.fired_at)
    value = incident.value if last is None else last.reading.value
    ended = TimelineEntry(
        at=at,
        what=Happening.RESOLVED,
        severity=incident.severity,
        value=value,
        threshold=incident.threshold,
    )
    return replace(
        incident,
        status=Status.RESOLVED,
        resolved_at=at,
        value=value,
        facts=replace(facts or incident.facts, groups=incident.facts.groups),
        timeline=(*incident.timeline, ended),
        revision=incident.revision + 1,
    )


def _entry(what: Happening, judged: Judged, now: Ms) -> TimelineEntry:
    return TimelineEntry(
        at=now,
        what=what,
        severity=judged.settings.severity,
        value=judged.reading.value,
        threshold=judged.reading.threshold,
    )
