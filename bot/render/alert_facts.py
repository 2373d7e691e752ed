"""The lines of an alert between its number and its buttons: what was seen beside it."""

from __future__ import annotations

from typing import Final

from bot.domain.incidents import Facts, Incident
from bot.domain.jobs import FailureGroup
from bot.domain.policy import QueuePolicy
from bot.domain.redaction import mask_text
from bot.domain.sample import ActiveJob
from bot.domain.times import Ms
from bot.render import levels
from bot.render.words import code, date, error_name, escape, number, plural, trusted

JOBS: Final = 5
GROUPS: Final = 3


def fact_lines(incident: Incident, policy: QueuePolicy) -> list[str]:
    """Since when and where it goes; who works on it; which errors or jobs it is about."""
    facts = incident.facts
    near = max(incident.fired_at, incident.began_at)
    since = f"Since {date(incident.began_at, near)}"
    lines = [" · ".join([since, *_course(incident)]), _hands(facts)]
    if incident.family == "failure_spike":
        lines += _errors(facts, policy)
    if incident.family == "job_timeout":
        lines += _jobs(facts, near)
    return [line for line in lines if line]


def _course(incident: Incident) -> list[str]:
    """The trend, and when anything last moved (the standstill's own number says that already)."""
    facts, said = incident.facts, []
    trend = facts.trend_per_min
    if trend is not None and incident.family == "backlog":
        said.append(levels.trend(trend, incident.value))
    if facts.last_progress is not None and incident.family == "backlog":
        said.append(f"last start or finish {date(facts.last_progress, incident.fired_at)}")
    return said


def _hands(facts: Facts) -> str:
    parts = ["paused"] if facts.paused else []
    if facts.workers == 0:
        parts.append("no worker connected")
    elif facts.workers is None:
        parts.append("workers unknown")
    else:
        parts.append(f"{plural(facts.workers, 'worker')} connected")
    parts.append(f"{number(facts.active)} active")
    line = " · ".join(parts)
    return line[:1].upper() + line[1:]


def _errors(facts: Facts, policy: QueuePolicy) -> list[str]:
    lines = [_error(group, policy) for group in facts.groups[:GROUPS]]
    others = facts.groups[GROUPS:]
    if others:
        count = sum(group.count for group in others)
        lines.append(f"\u2022 and {number(count)} in {plural(len(others), 'more kind')} of error")
    return lines


def _error(group: FailureGroup, policy: QueuePolicy) -> str:
    known = policy.error(group.code)
    name = error_name(mask_text(group.code, policy.redact), 60)
    todo = f" \u2192 {trusted(known.resolution, 160)}" if known.resolution else ""
    helps = levels.retry_word(known.retryable, policy)
    return f"\u2022 {number(group.count)} × *{name}*: {helps}{todo}"


def _jobs(facts: Facts, near: Ms) -> list[str]:
    lines = [_job(job, near) for job in facts.jobs[:JOBS]]
    more = len(facts.jobs) - JOBS
    if more > 0:
        lines.append(f"\u2022 and {number(more)} more")
    return lines


def _job(job: ActiveJob, near: Ms) -> str:
    since = f" since {date(job.started_at, near)}" if job.started_at is not None else ""
    orphan = "" if job.locked else " · its worker is gone (lock lost)"
    again = f" · attempt {number(job.attempt)}" if job.attempt > 1 else ""
    return f"\u2022 {code(job.id, 60)} {escape(job.name, 60)}{since}{again}{orphan}"
