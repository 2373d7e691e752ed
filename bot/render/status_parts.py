"""What both kinds of `status` say: open alerts, names, and what cannot be seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bot.domain.health import Level, Metric, QueueHealth, StatusView
from bot.domain.policy import Catalog
from bot.render import levels
from bot.render.alert_facts import advice
from bot.render.problems import covers
from bot.render.words import code, date, escape, mention, number, plural, trusted

NO_WORKER: Final = "No worker is connected: check that the processor is running"
_NAMES: Final = 10
_NAMED: Final = 3
_SILENCES: Final = 3
_BROKEN: Final = 3


def alert_lines(view: StatusView, health: QueueHealth, most: int) -> list[str]:
    """A line for each open alert of a queue, at most `most` and a count of the rest."""
    lines = []
    firing = view.firing(health.queue)
    for incident in firing[:most]:
        severity = levels.word(Level.of(incident.severity)).lower()
        states = [
            f"since {date(incident.began_at, view.now)}",
            "silenced" if incident.silenced_by else "",
            "acknowledged" if incident.acknowledged else "",
        ]
        state = " · ".join(one for one in states if one)
        lines.append(
            f"{levels.BELL} Alert #{incident.number} {severity}: {levels.titled(incident)} {state}"
        )
    if len(firing) > most:
        lines.append(f"{levels.BELL} and {plural(len(firing) - most, 'more alert')}")
    return lines


def action(view: StatusView, health: QueueHealth) -> str:
    """What to do first, as mrkdwn; "" where nothing is wrong.

    A critical alert knows best. Else it is the worst finding's; that nothing runs the jobs comes
    before whatever became of them.
    """
    if view.level_of(health) is Level.HEALTHY:
        return ""
    firing = view.firing(health.queue)
    advised = [(one, todo) for one in firing if (todo := advice(one))]
    for incident, todo in advised:
        if Level.of(incident.severity) is Level.CRITICAL:
            return todo
    sample, worst = health.sample, health.worst
    other = worst is not None and worst.metric is not Metric.WAITING
    if sample.workers == 0 and sample.counts.backlog and not sample.paused:
        return f"{NO_WORKER}. {trusted(worst.action)}" if worst and other else NO_WORKER
    if worst is not None:
        return trusted(worst.action)
    return advised[0][1] if advised else ""


def silence_lines(view: StatusView, health: QueueHealth) -> list[str]:
    """The silences that cover a queue."""
    lines = []
    for silence in view.silences_of(health.queue)[:_SILENCES]:
        all_of = "" if silence.queue is not None else " with all queues"
        rule = "" if silence.rule is None else f" ({escape(silence.rule, 60)})"
        until = f"until {date(silence.until, view.now)} by {mention(silence.by)}"
        why = f": {escape(silence.reason, 120)}" if silence.reason else ""
        lines.append(f"{levels.SILENCED} Silenced{all_of}{rule} {until}{why}")
    return lines


def names(addresses: Sequence[str], most: int = _NAMES) -> str:
    """A few names, and how many there are beyond them."""
    shown = [escape(address, 60) for address in addresses[:most]]
    more = len(addresses) - len(shown)
    return ", ".join(shown) + (f" and {number(more)} more" if more else "")


def blindness(view: StatusView) -> list[str]:
    """What cannot be seen."""
    lines = [
        f"{levels.WARNING_SIGN} I cannot see the queues of {code(source, 60)}: {trusted(why, 200)}"
        for source, why in list(view.unreachable.items())[:_NAMES]
    ]
    if view.stale:
        lines.append(levels.STALE)
    lines += [
        f"{levels.WARNING_SIGN} I cannot read *{escape(queue, 80)}*: {trusted(why, 200)}"
        for queue, why in list(view.broken.items())[:_BROKEN]
    ]
    if len(view.broken) > _BROKEN:
        more = plural(len(view.broken) - _BROKEN, "more queue")
        lines.append(f"{levels.WARNING_SIGN} nor {more}")
    return lines


def absent(view: StatusView, catalog: Catalog) -> list[str]:
    """What is not there, and what is kept quiet."""
    lines = []
    if view.not_seen:
        lines.append(f"Not seen yet: {names(view.not_seen)}")
    silences = [one for one in view.silences if one.until > view.now]
    if silences:
        shown = [
            f"{covers(one, catalog)} until {date(one.until, view.now)}" for one in silences[:_NAMED]
        ]
        more = f" and {number(len(silences) - _NAMED)} more" if len(silences) > _NAMED else ""
        lines.append(f"{levels.SILENCED} Silenced: {', '.join(shown)}{more}")
    return lines
