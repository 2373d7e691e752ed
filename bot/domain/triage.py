"""Folding what people did into the incidents: acknowledgements, notes and silences.

Any replica takes a button and leaves a mark or a silence; the leader folds them in. Folding the
same things again changes nothing, so a fold whose commit was lost is simply repeated.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from bot.domain.incidents import (
    Acknowledgement,
    Happening,
    Incident,
    Mark,
    MarkKind,
    Silence,
    TimelineEntry,
)
from bot.domain.times import Ms


def fold(
    incidents: Mapping[int, Incident],
    marks: Sequence[Mark],
    silences: Collection[Silence],
    now: Ms,
) -> dict[int, Incident]:
    """The incidents, by number, that these marks and silences change; resolved ones never do.

    Marks are taken in order. Silences are compared with what each incident says of itself, so that
    the caller passes those that exist now, and a new incident is folded before it is committed.
    """
    changed: dict[int, Incident] = {}
    for number, incident in incidents.items():
        if incident.firing:
            after = incident
            for mark in marks:
                after = _marked(after, mark)
            after = _silenced(after, silences, now)
            if after is not incident:
                changed[number] = after
    return changed


def _marked(incident: Incident, mark: Mark) -> Incident:
    match mark.kind:
        case MarkKind.ACKNOWLEDGE if mark.number == incident.number:
            return _acknowledged(incident, mark)
        case MarkKind.NOTE if _concerns(mark, incident):
            return _noted(incident, mark)
    return incident


def _concerns(mark: Mark, incident: Incident) -> bool:
    """A note is for the incident it names, else for every open one of its queue."""
    if mark.number is not None:
        return mark.number == incident.number
    return mark.queue == incident.queue


def _acknowledged(incident: Incident, mark: Mark) -> Incident:
    """The first one has it. An acknowledgement that a rise of severity took away stays away."""
    entry = TimelineEntry(at=mark.at, what=Happening.ACKNOWLEDGED, by=mark.by)
    if incident.acknowledged is not None or entry in incident.timeline:
        return incident
    taken = replace(incident, acknowledged=Acknowledgement(by=mark.by, at=mark.at))
    return _shown(taken, entry)


def _noted(incident: Incident, mark: Mark) -> Incident:
    """A note shows in the thread alone, so the revision stays."""
    entry = TimelineEntry(at=mark.at, what=Happening.NOTE, by=mark.by, text=mark.text)
    if entry in incident.timeline:
        return incident
    return replace(incident, timeline=(*incident.timeline, entry))


def _silenced(incident: Incident, silences: Collection[Silence], now: Ms) -> Incident:
    """Bring the incident in line with the longest silence that covers it, or with none."""
    covering = [silence for silence in silences if silence.covers(incident, now)]
    chosen = max(covering, key=lambda silence: (silence.until, silence.id), default=None)
    if chosen is None:
        if incident.silenced_by is None:
            return incident
        loud = replace(incident, silenced_by=None, silenced_until=None)
        return _shown(loud, TimelineEntry(at=now, what=Happening.UNSILENCED))
    if chosen.id == incident.silenced_by and chosen.until == incident.silenced_until:
        return incident
    quiet = replace(incident, silenced_by=chosen.id, silenced_until=chosen.until)
    entry = TimelineEntry(
        at=now, what=Happening.SILENCED, by=chosen.by, until=chosen.until, text=chosen.reason
    )
    return _shown(quiet, entry)


def _shown(incident: Incident, entry: TimelineEntry) -> Incident:
    """With one more line in its thread, and to be shown at once."""
    return replace(incident, timeline=(*incident.timeline, entry), revision=incident.revision + 1)
