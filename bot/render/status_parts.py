"""What both kinds of `status` say: open alerts, names, and what cannot be seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bot.domain.health import Level, Metric, QueueHealth, StatusView
from bot.domain.incidents import Incident
from bot.render import levels
from bot.render.words import code, date, escape, number, plural, trusted

_NAMES: Final = 10
_BROKEN: Final = 3


def alert_lines(view: StatusView, health: QueueHealth, most: int) -> list[str]:
    """A line for each open alert of a queue, at most `most` and a count of the rest."""
    lines = []
    firing = view.firing(health.queue)
    for incident in firing[:most]:
        state = ""
        if incident.silenced_by:
            state = " · silenced"
        elif incident.acknowledged:
            state = " · acknowledged"
        since = f"since {date(incident.began_at, view.now)}"
        lines.append(
            f"{levels.BELL} Alert #{incident.number} {_said(incident, health)}{since}{state}"
        )
    if len(firing) > most:
        lines.append(f"{levels.BELL} and {plural(len(firing) - most, 'more alert')}")
    return lines


def _said(incident: Incident, health: QueueHealth) -> str:
    """What an alert is about, unless the queue's first number says the same."""
    same = incident.family == "backlog" and health.worst and health.worst.metric is Metric.WAITING
    if same:
        return ""
    severity = levels.word(Level.of(incident.severity)).lower()
    value, threshold = levels.readings(incident)
    return f"{severity}: {value} ({threshold}) "


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


def absent(view: StatusView) -> list[str]:
    """What is not there, and what is kept quiet."""
    lines = []
    if view.not_seen:
        lines.append(f"Not seen yet: {names(view.not_seen)}")
    silences = [one for one in view.silences if one.until > view.now]
    if silences:
        until = max(one.until for one in silences)
        count = plural(len(silences), "silence")
        lines.append(f"{levels.SILENCED} {count}, until {date(until, view.now)} at the latest")
    return lines
