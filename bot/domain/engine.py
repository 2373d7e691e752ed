"""The engine: a queue's memory, its open incidents and one sample more give what is true now.

`for` is Prometheus': a rule is pending from the first evaluation at which its condition holds (or
from the time that the rule itself knows), and fires at the first one at which it has held at every
evaluation for at least that long. One evaluation at which it does not hold forgets the pending
time and ends the firing. Only evaluations count, not the time between them, so that a restart
neither repeats nor forgets an alert. After being away for longer than Prometheus' outage tolerance
what was pending starts again, and what was firing goes on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from bot.domain.engine_incidents import Judged, facts_of, opened, resolved, updated
from bot.domain.engine_memory import remember
from bot.domain.incidents import Incident
from bot.domain.memory import QueueMemory
from bot.domain.policy import QueuePolicy
from bot.domain.rules import FAMILIES, RULES, failure_spike, settings_of
from bot.domain.rules.base import Observation, Rule, number
from bot.domain.sample import Sample
from bot.domain.times import HOUR, Ms

__all__ = ["OUTAGE_TOLERANCE", "Evaluation", "evaluate_queue", "pending", "remember"]

OUTAGE_TOLERANCE: Final[Ms] = HOUR
"""Prometheus' default `rules.alert.for-outage-tolerance`; for a rule never less than its `for`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What an evaluation changed. `incidents` are those that opened or changed in any way."""

    memory: QueueMemory
    incidents: tuple[Incident, ...]
    next_number: int


def evaluate_queue(
    *,
    memory: QueueMemory | None,
    open_incidents: Mapping[str, Incident],
    sample: Sample,
    policy: QueuePolicy,
    next_number: int,
) -> Evaluation:
    """Evaluate every rule for one queue at `sample.taken_at`.

    `open_incidents` holds the queue's firing incidents by family; `next_number` is the number that
    the next incident gets. A late sample (see `remember`) changes nothing.
    """
    window = number(settings_of(failure_spike.RULE, policy).within)
    remembered = remember(memory, sample, window=window)
    if remembered is memory:
        return Evaluation(memory=memory, incidents=(), next_number=next_number)
    # What was remembered of conditions counts from the evaluation before this one.
    away = 0 if memory is None else sample.taken_at - memory.evaluated_at
    seen = Observation(sample=sample, memory=remembered, now=sample.taken_at)
    judged = [_judge(rule, policy, seen, away) for rule in RULES]
    after = replace(
        remembered,
        pending={one.rule.name: one.since for one in judged if one.since is not None},
        firing=tuple(one.rule.name for one in judged if one.firing),
    )
    changed: list[Incident] = []
    for incident in _moves(judged, open_incidents, seen, next_number):
        changed.append(incident)
        next_number = max(next_number, incident.number + 1)
    return Evaluation(memory=after, incidents=tuple(changed), next_number=next_number)


def pending(memory: QueueMemory, policy: QueuePolicy) -> tuple[tuple[str, Ms], ...]:
    """The rules that are pending, not yet firing, with since when; the oldest first.

    A rule whose `for` is 0 never is: it fires at once.
    """
    waiting = [
        (rule.name, memory.pending[rule.name])
        for rule in RULES
        if rule.name in memory.pending
        and rule.name not in memory.firing
        and settings_of(rule, policy).for_
    ]
    return tuple(sorted(waiting, key=lambda pair: pair[1]))


def _judge(rule: Rule, policy: QueuePolicy, seen: Observation, away: Ms) -> Judged:
    settings = settings_of(rule, policy)
    reading = rule.evaluate(seen, settings)
    hold = settings.for_ or 0
    since = None
    if reading.holds:
        known = reading.since
        if known is None and _still_counts(rule, seen.memory, away, hold):
            known = seen.memory.pending.get(rule.name)
        since = seen.now if known is None else min(known, seen.now)
    firing = since is not None and seen.now - since >= hold
    return Judged(rule=rule, settings=settings, reading=reading, since=since, firing=firing)


def _still_counts(rule: Rule, memory: QueueMemory, away: Ms, hold: Ms) -> bool:
    """Whether pending time from before the last `away` ms without an evaluation still counts.

    A tolerance shorter than `for` would do harm: a memory in which nothing changes is not stored
    again, so that `away` can be as long as the condition has held.
    """
    return away <= max(OUTAGE_TOLERANCE, hold) or rule.name in memory.firing


def _moves(
    judged: Sequence[Judged],
    open_incidents: Mapping[str, Incident],
    seen: Observation,
    next_number: int,
) -> Iterator[Incident]:
    """The incidents that opened, changed or ended, family by family."""
    for family in FAMILIES:
        mine = [one for one in judged if one.rule.family == family]
        worst = _worst([one for one in mine if one.firing])
        incident = open_incidents.get(family)
        if incident is None or not incident.firing:
            if worst is not None:
                facts = facts_of(worst, seen.sample, seen.memory)
                yield opened(next_number, seen.sample.queue, worst, facts, seen.now)
                next_number += 1
            continue
        after = _moved(incident, mine, worst, seen)
        if after != incident:
            yield after
    for family, incident in open_incidents.items():
        if family not in FAMILIES and incident.firing:
            # Its rule is gone from the code: nothing could ever end it.
            yield resolved(incident, None, None, seen.now)


def _moved(
    incident: Incident, mine: Sequence[Judged], worst: Judged | None, seen: Observation
) -> Incident:
    if worst is not None:
        return updated(incident, worst, facts_of(worst, seen.sample, seen.memory), seen.now)
    last = next((one for one in mine if one.rule.name == incident.rule), mine[0])
    return resolved(incident, last, facts_of(last, seen.sample, seen.memory), seen.now)


def _worst(firing: Sequence[Judged]) -> Judged | None:
    """The most severe; of equals the later in `RULES`."""
    ranked = [(one.settings.severity.rank, place) for place, one in enumerate(firing)]
    return firing[max(ranked)[1]] if ranked else None
