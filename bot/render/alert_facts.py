"""The lines of an alert between its number and its buttons: what was seen beside it."""

from __future__ import annotations

from typing import Final

from bot.domain.incidents import Facts, Happening, Incident, PutBack
from bot.domain.jobs import FailureGroup
from bot.domain.listing import listed
from bot.domain.policy import QueuePolicy
from bot.domain.put_back import is_explained, is_quiet, share
from bot.domain.redaction import mask_text
from bot.domain.sample import ActiveJob
from bot.domain.times import MINUTE, Ms
from bot.render import levels
from bot.render.reasons import named
from bot.render.words import code, date, escape, mention, number, plural, trusted

JOBS: Final = 5
GROUPS: Final = 3
PUT_BACK: Final = 2
_AT_ONCE: Final[Ms] = MINUTE
_FRESH: Final[Ms] = 5 * MINUTE
_RETRIED: Final = "retried "
"""How the note of a retry begins, after the name of who did it."""


def fact_lines(incident: Incident, policy: QueuePolicy) -> list[str]:
    """Since when and where it goes; who works on it; which errors or jobs it is about."""
    facts = incident.facts
    near = max(incident.fired_at, incident.began_at)
    since = f"Since {date(incident.began_at, near)}"
    course = " · ".join([since, *_course(incident, policy)])
    lines = [course, _put_back(incident, policy), _hands(facts)]
    if incident.family == "failure_spike":
        lines += _errors(facts, policy, latest(incident))
    if incident.family == "job_timeout":
        lines += _jobs(facts, near)
    return [line for line in lines if line]


def advice(incident: Incident) -> str:
    """What to do, as mrkdwn: the runbook's words, for a backlog those that fit what was seen."""
    facts = incident.facts
    if incident.family == "backlog":
        if facts.paused:
            return "The queue is paused: nothing runs until it is resumed"
        if facts.workers == 0:
            return "Check that the processor is running, then restart the BFF"
        if facts.workers and facts.active:
            return "Workers are busy: wait, or scale out if it keeps growing"
    usual = trusted(levels.advice_of(incident.rule)).rstrip(".")
    if not facts.lost:
        return usual
    if len(facts.lost) == len(facts.jobs):
        one = len(facts.jobs) == 1
        return f"Unstick {'it: its' if one else 'them: their'} worker is gone"
    return f"Unstick {listed([job.id for job in facts.lost])}. For the rest: {usual}"


def latest(incident: Incident) -> Ms:
    """The latest time that the incident tells of: now is not before it."""
    moved = incident.facts.last_progress or 0
    return max([incident.fired_at, moved, *(entry.at for entry in incident.timeline)])


def _course(incident: Incident, policy: QueuePolicy) -> list[str]:
    """The trend, and when anything last moved (the standstill's own number says that already)."""
    facts = incident.facts
    if incident.family != "backlog":
        return []
    said: list[str] = []
    if facts.trend_per_min is not None:
        runs = facts.workers != 0 and not facts.paused
        said.append(levels.trend(facts.trend_per_min, incident.value, runs=runs))
    if (retried := _retried(incident, policy)) and not facts.put_back:
        said.append(f"after a retry of {retried}")
    if facts.last_progress is not None:
        said.append(f"last start or finish {date(facts.last_progress, incident.fired_at)}")
    return [one for one in said if one]


def _retried(incident: Incident, policy: QueuePolicy) -> str:
    """What was retried in the last minutes, as its note says: "8 WHMCS_ERROR jobs"."""
    since = latest(incident) - _FRESH
    notes = [
        entry.text.removeprefix(_RETRIED)
        for entry in incident.timeline
        if entry.what is Happening.NOTE and entry.at >= since and entry.text.startswith(_RETRIED)
    ]
    return escape(mask_text(notes[-1], policy.redact), 100) if notes else ""


def _put_back(incident: Incident, policy: QueuePolicy) -> str:
    """What of the number people have just put back, and that nobody is called for that."""
    found = incident.facts.put_back
    if not found:
        return ""
    first, *more = found
    say = _failed_again if incident.family == "failure_spike" else _waits_again
    said = [say(incident, first), *(_part(incident, one) for one in more[: PUT_BACK - 1])]
    if len(found) > PUT_BACK:
        said.append(f"and {plural(len(found) - PUT_BACK, 'more operation')}")
    hushed = policy.mention is not None and is_quiet(incident) and is_explained(incident)
    return ", ".join(said) + (": nobody is called for that" if hushed else "")


def _waits_again(incident: Incident, one: PutBack) -> str:
    """`20,000 of them were put back by @bob's retry at 03:12`."""
    count = share(incident, one)
    return f"{number(count)} of them {'was' if count == 1 else 'were'} put back by {_by(one)}"


def _failed_again(incident: Incident, one: PutBack) -> str:
    """How many, or, while its jobs have still to be looked at, how many at most."""
    known = min(one.failed, incident.value)
    count = number(known) if known else f"up to {number(share(incident, one))}"
    return f"{count} of them failed again after {_by(one)}"


def _part(incident: Incident, one: PutBack) -> str:
    spike = incident.family == "failure_spike"
    count = min(one.failed, incident.value) if spike and one.failed else share(incident, one)
    return f"{number(count)} {'after' if spike else 'by'} {_by(one)}"


def _by(one: PutBack) -> str:
    """Who, by what, and when: for a drip since when."""
    when = "since" if one.last - one.at > _AT_ONCE else "at"
    return f"{mention(one.by)}'s {escape(one.verb, 40)} {when} {date(one.at, one.last)}"


def _hands(facts: Facts) -> str:
    parts = ["paused"] if facts.paused else []
    if facts.workers == 0:
        parts.append("no worker connected")
    elif facts.workers is None or facts.more_workers:
        parts.append(levels.workers(facts.workers, more=True))
    else:
        parts.append(f"{plural(facts.workers, 'worker')} connected")
    parts.append(f"{number(facts.active)} active")
    line = " · ".join(parts)
    return line[:1].upper() + line[1:]


def _errors(facts: Facts, policy: QueuePolicy, now: Ms) -> list[str]:
    """The groups were counted now: what was retried since it failed is not in them."""
    if not facts.groups:
        return []
    lines = ["Still failed, by error:"]
    lines += [_error(group, policy, now) for group in facts.groups[:GROUPS]]
    others = facts.groups[GROUPS:]
    if others:
        count = sum(group.count for group in others)
        lines.append(f"\u2022 and {number(count)} in {plural(len(others), 'more kind')} of error")
    return lines


def _error(group: FailureGroup, policy: QueuePolicy, now: Ms) -> str:
    known = policy.error(group.code)
    name = named(group.code, policy, 60)
    todo = f" \u2192 {trusted(known.resolution, 160)}" if known.resolution else ""
    helps = levels.retry_word(known.retryable, policy, last_at=group.last_at, now=now)
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
