"""Severity as a word, an emoji and a colour, never one of them alone; and the words for numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from bot.domain.health import Finding, Level, Metric
from bot.domain.incidents import Incident, TimelineEntry
from bot.domain.policy import QueuePolicy, Retryable, Severity
from bot.domain.rules import rule, settings_of
from bot.domain.rules.base import Unit
from bot.domain.times import MINUTE, Ms, say_duration
from bot.render.words import escape, length, number, plural, span

RED: Final = "#d72b3f"
AMBER: Final = "#e8a33d"
ORANGE: Final = "#e07b39"
GREEN: Final = "#2eb67d"
GREY: Final = "#8d9096"
BLUE: Final = "#3f7fbf"

ACKNOWLEDGED: Final = "\U0001f7e0"
SILENCED: Final = "\U0001f515"
RESOLVED: Final = "\U0001f7e2"
BELL: Final = "\U0001f514"
WARNING_SIGN: Final = "\u26a0\ufe0f"
STALE: Final = f"{WARNING_SIGN} The watch has not run lately: alerts may be out of date"

_STEADY: Final = 0.5

_EMOJI = {
    Level.HEALTHY: "\U0001f7e2",
    Level.WARNING: "\U0001f7e1",
    Level.CRITICAL: "\U0001f534",
}
_WORD = {Level.HEALTHY: "Healthy", Level.WARNING: "Warning", Level.CRITICAL: "Critical"}
_COLOR = {Level.HEALTHY: GREEN, Level.WARNING: AMBER, Level.CRITICAL: RED}


def emoji(level: Level) -> str:
    """The level's coloured dot."""
    return _EMOJI[level]


def word(level: Level) -> str:
    """The level's word."""
    return _WORD[level]


def color(severity: Severity) -> str:
    """The colour of an alert's bar."""
    return _COLOR[Level.of(severity)]


def marked(level: Level) -> str:
    """Emoji and word."""
    return f"{_EMOJI[level]} {_WORD[level]}"


def finding(found: Finding) -> str:
    """A finding's number: "backlog 63", "a job active for 1 min 5 s"."""
    if found.metric is Metric.WAITING:
        return f"backlog {number(found.value)}"
    if found.metric is Metric.FAILED:
        return f"{number(found.value)} failed in 24 h"
    if found.running:
        return f"a job active for {length(found.value)}"
    return f"{span(found.value)} a job (p95)"


def limit(found: Finding) -> str:
    """The limit a finding is above, and how bad that is: "critical above 50"."""
    said = span(found.limit) if found.metric is Metric.PROCESSING else number(found.limit)
    return f"{word(found.level).lower()} above {said}"


def retry_word(
    retryable: Retryable, policy: QueuePolicy, *, last_at: Ms | None = None, now: Ms | None = None
) -> str:
    """Whether a retry helps, in words; the queue's least time between tries only until it is over.

    `last_at` is the newest failure it is about.
    """
    if retryable is Retryable.AFTER_GAP:
        if last_at is not None and now is not None and now - last_at >= policy.min_gap:
            return "a retry can help"
        gap = f"{say_duration(policy.min_gap)} after the last try" if policy.min_gap else "later"
        return f"a retry can help {gap}"
    return {
        Retryable.YES: "a retry can help",
        Retryable.AFTER_FIX: "retry after the cause is fixed",
        Retryable.UNKNOWN: "unknown whether a retry helps",
    }[retryable]


def workers(count: int | None, *, more: bool = False) -> str:
    """How many workers are connected; unknown is never said as none.

    With `more` there may be more of them than were counted, and no number is said.
    """
    if count is None:
        return "workers unknown"
    if not count:
        return "no workers"
    return "workers connected" if more else plural(count, "worker")


def readings(incident: Incident, policy: QueuePolicy | None = None) -> tuple[str, str]:
    """An incident's number and its threshold: ("backlog 63", "above 50").

    With the policy, also for how long it must hold: "above 10 for 5 min".
    """
    value, threshold = _PHRASES.get(incident.family, _by_unit)(incident)
    if policy is None or unit_of(incident.rule) is Unit.DURATION:
        return value, threshold
    return value, f"{threshold}{_for(incident, policy)}"


def titled(incident: Incident, beside: str | None = None, policy: QueuePolicy | None = None) -> str:
    """The rule's title, the number, and its threshold (or what else is to be said) `beside` it.

    For example "Queue backlog 63 (above 50)", "Job timeout · a job active for 6 min (limit 5 min)".
    """
    value, threshold = readings(incident, policy)
    said = f"{value} ({beside or threshold})"
    if incident.family == "backlog":
        return f"Queue {said}"
    if incident.family not in _PHRASES:
        return said[:1].upper() + said[1:]
    waiting = incident.facts.backlog if incident.family == "processor_down" else 0
    more = f" · backlog {number(waiting)}" if waiting and incident.firing else ""
    return f"{escape(title_of(incident.rule), 60)} · {said}{more}"


def _for(incident: Incident, policy: QueuePolicy) -> str:
    try:
        least = settings_of(rule(incident.rule), policy).for_
    except LookupError:
        return ""
    return f" for {say_duration(least)}" if least else ""


def trend(per_minute: float, backlog: int, *, runs: bool = True) -> str:
    """Where a backlog goes: "growing 4/min", "clears in ~25 min", "steady"; "" when not known.

    `runs` False says that nobody works on it now: what it shrank by before says nothing then.
    """
    if abs(per_minute) < _STEADY:
        return "steady"
    if per_minute > 0:
        return f"growing {number(max(1, round(per_minute)))}/min"
    if not runs:
        return ""
    return f"clears in ~{say_duration(round(backlog / -per_minute * MINUTE))}"


def at(incident: Incident, entry: TimelineEntry) -> Incident:
    """The incident with the number it had at an entry of its timeline."""
    value = incident.value if entry.value is None else entry.value
    threshold = incident.threshold if entry.threshold is None else entry.threshold
    return replace(incident, value=value, threshold=threshold)


def peak(incident: Incident) -> str:
    """The worst number of an incident, alone."""
    if unit_of(incident.rule) is Unit.DURATION:
        return length(incident.peak)
    return number(incident.peak)


def unit_of(name: str) -> Unit:
    """What a rule's number counts; jobs for a rule that is gone from the code."""
    try:
        return rule(name).unit
    except LookupError:
        return Unit.JOBS


def title_of(name: str) -> str:
    """How people call a rule; its name for one that is gone from the code."""
    try:
        return rule(name).title
    except LookupError:
        return name.replace("_", " ")


def advice_of(name: str) -> str:
    """What the runbook says to do, "" for a rule that is gone from the code."""
    try:
        return rule(name).advice
    except LookupError:
        return ""


def _backlog(incident: Incident) -> tuple[str, str]:
    return f"backlog {_count(incident)}", f"above {number(incident.threshold)}"


def _failures(incident: Incident) -> tuple[str, str]:
    one = incident.value == 1
    within = f" in {say_duration(incident.window)}" if incident.window else ""
    said = f"{_count(incident)} {'failure' if one else 'failures'}{within}"
    return said, f"above {number(incident.threshold)}"


def _standstill(incident: Incident) -> tuple[str, str]:
    return (
        f"nothing started or finished for {length(incident.value)}",
        f"limit {length(incident.threshold)}",
    )


def _timeout(incident: Incident) -> tuple[str, str]:
    jobs = len(incident.facts.jobs)
    who = f"{number(jobs)} jobs active for up to" if jobs > 1 else "a job active for"
    return f"{who} {length(incident.value)}", f"limit {length(incident.threshold)}"


def _by_unit(incident: Incident) -> tuple[str, str]:
    title = escape(title_of(incident.rule).lower(), 60)
    if unit_of(incident.rule) is Unit.DURATION:
        return f"{title} {length(incident.value)}", f"limit {length(incident.threshold)}"
    return f"{title} {_count(incident)}", f"above {number(incident.threshold)}"


def _count(incident: Incident) -> str:
    least = "at least " if incident.facts.at_least else ""
    return f"{least}{number(incident.value)}"


_PHRASES: Final[dict[str, Callable[[Incident], tuple[str, str]]]] = {
    "backlog": _backlog,
    "failure_spike": _failures,
    "processor_down": _standstill,
    "job_timeout": _timeout,
}
