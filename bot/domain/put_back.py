"""What a person has just put back into a queue: an alert says so, and calls nobody for that alone.

A retry of 20,000 jobs makes a backlog of 20,000. The rule fires as always, and the alert is shown;
but it mentions nobody while the number, without those jobs, would not be over the threshold. When
it is no longer so, whoever was not called then is called.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from bot.domain.incidents import Happening, Incident, PutBack, TimelineEntry
from bot.domain.policy import Severity
from bot.domain.rules import backlog, failure_spike
from bot.domain.times import HOUR, Ms

FAMILIES: Final = frozenset({backlog.RULE.family, failure_spike.RULE.family})
"""The alerts that may come of jobs that were put back. A standstill never does."""
LATELY: Final[Ms] = HOUR
"""For so long after an operation's last job was put back it may explain an alert."""

_QUIET: Final = "jobs that were put back explain this"
_LOUD: Final = "jobs that were put back no longer explain this"


def told(
    before: Incident | None, after: Incident, found: Iterable[PutBack], *, now: Ms, slack: Ms
) -> Incident:
    """A firing incident with what was put back, and with whether it calls.

    `before` is the incident as it was stored, None for a new one; `slack` see `relevant`. What was
    not called for is called for once, when it is no longer explained; not where somebody has
    taken the alert, or silenced it.
    """
    shares = relevant(after, found, now=now, slack=slack)
    incident = replace(after, facts=replace(after.facts, put_back=shares))
    explained = is_explained(incident)
    new = before is None or len(incident.timeline) > len(before.timeline)
    if explained and new and incident.timeline and _calls(incident.timeline[-1]):
        *earlier, last = incident.timeline
        return replace(incident, timeline=(*earlier, replace(last, quiet=True, text=_QUIET)))
    if explained or not is_quiet(incident) or incident.acknowledged or incident.silenced_by:
        return incident
    entry = TimelineEntry(
        at=now,
        what=Happening.ESCALATED,
        severity=incident.severity,
        value=incident.value,
        threshold=incident.threshold,
        text=_LOUD,
    )
    return replace(incident, timeline=(*incident.timeline, entry), revision=incident.revision + 1)


def relevant(
    incident: Incident, found: Iterable[PutBack], *, now: Ms, slack: Ms
) -> tuple[PutBack, ...]:
    """What has a share in the incident's number, the largest first.

    Before a backlog's alert began, less than the threshold waited: what was put back by then, and
    `slack` before (the time between two looks), is no part of it.
    """
    since = now - LATELY
    if incident.family == backlog.RULE.family:
        since = max(since, incident.began_at - slack)
    some = [one for one in found if one.last >= since and share(incident, one)]
    return tuple(sorted(some, key=lambda one: (-share(incident, one), one.at)))


def share(incident: Incident, one: PutBack) -> int:
    """How many of an incident's number this may be."""
    if incident.family == backlog.RULE.family:
        return min(one.left, incident.value)
    return min(one.may_fail, incident.value) if incident.family in FAMILIES else 0


def is_explained(incident: Incident) -> bool:
    """Whether, without what was put back, the number would not be over the threshold."""
    shares = [share(incident, one) for one in incident.facts.put_back]
    return bool(shares) and incident.value - sum(shares) <= incident.threshold


def is_quiet(incident: Incident) -> bool:
    """Whether it is critical, and nobody was called for that."""
    calls = [entry.quiet for entry in incident.timeline if _calls(entry)]
    return incident.severity is Severity.CRITICAL and bool(calls) and calls[-1]


def _calls(entry: TimelineEntry) -> bool:
    worse = entry.what in (Happening.FIRED, Happening.ESCALATED)
    return worse and entry.severity is Severity.CRITICAL
