"""Alerts: the message of an incident, its thread, and what is said when the bot is blind."""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain.health import Level
from bot.domain.incidents import Happening, Incident, TimelineEntry
from bot.domain.message import Message
from bot.domain.policy import Catalog, Severity
from bot.domain.put_back import is_quiet
from bot.domain.redaction import mask_text
from bot.domain.rules.base import Unit
from bot.domain.times import Ms, say_duration
from bot.render import levels
from bot.render.alert_buttons import rows
from bot.render.alert_facts import advice, fact_lines
from bot.render.alert_list import listing as list_alerts
from bot.render.kit import Block, context, finish, section, with_bar
from bot.render.problems import channel_name
from bot.render.words import code, date, escape, length, link, mention, trusted

__all__ = ["AlertRenderer", "listing", "test_alert"]

_LINKS = 6
_ESCALATIONS = frozenset({Happening.ESCALATED})

listing = list_alerts


class AlertRenderer:
    """Writes alerts with what the catalog knows of their queues: it is the port `AlertWriter`."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def alert(self, incident: Incident, *, first: bool) -> Message:
        """The incident's message as it stands; the `first` post of a critical one mentions."""
        if not incident.firing:
            return self._resolved(incident)
        policy = self._catalog.policy(incident.queue)
        address = self._catalog.address(incident.queue)
        said = levels.titled(incident, policy=policy)
        headline = f"{self._state(incident)} · *{escape(address, 80)}* · {said}"
        calls = first and incident.severity is Severity.CRITICAL and not is_quiet(incident)
        called = f" {mention(policy.mention)}" if calls and policy.mention else ""
        todo = advice(incident)
        blocks: list[Block | None] = [
            section(*fact_lines(incident, policy), f"\u2192 {todo}" if todo else ""),
            *rows(
                incident,
                address,
                policy,
                acts=self._catalog.changes_in_its_channel(incident.queue),
            ),
            context(self._footer(incident)),
        ]
        return with_bar(f"{headline}{called}", blocks, _bar(incident))

    def entry(self, incident: Incident, index: int) -> Message:
        """One line of the thread; only what makes it worse mentions anyone."""
        entry = incident.timeline[index]
        said = self._happened(incident, entry)
        policy = self._catalog.policy(incident.queue)
        worse = entry.what in _ESCALATIONS and entry.severity is Severity.CRITICAL
        worse = worse and not entry.quiet
        called = f" {mention(policy.mention)}" if worse and policy.mention else ""
        return finish(said, [section(f"{date(entry.at)} {said}{called}")])

    def blind(self, sources: Mapping[str, str], *, since: Ms, until: Ms | None) -> Message:
        """Say that queues cannot be seen since then; with `until`, that they can be again."""
        names = ", ".join(code(source, 60) for source in list(sources)[:5])
        which = (
            f"the queues of {names}" if names and len(self._catalog.prefixes) > 1 else "the queues"
        )
        if until is not None:
            after = length(until - since)
            text = f"{levels.RESOLVED} I can see {which} again"
            since_then = section(f"Unseen from {date(since, until)} to {date(until)}")
            return with_bar(f"{text} after {after}", [since_then], levels.GREEN)
        reasons = [f"{code(source, 60)}: {trusted(why, 200)}" for source, why in sources.items()]
        text = f"{levels.WARNING_SIGN} I cannot see {which}"
        later = "Alerts stay as they are until I can. What happens meanwhile is unknown."
        headline = f"{text} since {date(since)}"
        return with_bar(headline, [section(*reasons[:5], later)], levels.RED)

    def _resolved(self, incident: Incident) -> Message:
        policy = self._catalog.policy(incident.queue)
        address = escape(self._catalog.address(incident.queue), 80)
        end = incident.resolved_at if incident.resolved_at is not None else incident.fired_at
        what = self._last_number(incident)
        severity = levels.word(Level.of(incident.severity))
        after = length(end - incident.began_at)
        headline = f"{levels.RESOLVED} *Resolved* after {after} · *{address}* · {what}"
        times = f"Was {severity.lower()}, {date(incident.began_at, end)} \u2013 {date(end)}"
        taken = (
            f" · acknowledged by {mention(incident.acknowledged.by)}"
            if incident.acknowledged
            else ""
        )
        buttons = rows(incident, self._catalog.address(incident.queue), policy)
        blocks = [
            section(times + taken, "Failed jobs may remain" if any(buttons) else ""),
            *buttons,
            context(self._footer(incident)),
        ]
        return with_bar(headline, blocks, levels.GREEN)

    def _last_number(self, incident: Incident) -> str:
        """The number at the end and the peak; of durations only the longest tells something."""
        if levels.unit_of(incident.rule) is Unit.DURATION:
            title = escape(levels.title_of(incident.rule), 60)
            return f"{title} (longest {levels.peak(incident)})"
        return levels.titled(incident, f"peak {levels.peak(incident)}")

    def _state(self, incident: Incident) -> str:
        """The first words: who has it or until when it is silent, and how bad it is."""
        level = Level.of(incident.severity)
        near = _latest(incident)
        took = incident.acknowledged
        taken = f"{mention(took.by)} {date(took.at, near)}" if took else ""
        if incident.silenced_by:
            until = (
                f" until {date(incident.silenced_until, near)}" if incident.silenced_until else ""
            )
            who = next(
                (one.by for one in reversed(incident.timeline) if one.what is Happening.SILENCED),
                None,
            )
            by = f" by {mention(who)}" if who else ""
            state = f"{levels.SILENCED} Silenced{until}{by}"
            has_it = f"acknowledged by {taken}" if taken else ""
            return " · ".join(part for part in (state, has_it, f"*{levels.word(level)}*") if part)
        if taken:
            return f"{levels.ACKNOWLEDGED} Acknowledged by {taken} · *{levels.word(level)}*"
        return f"{levels.emoji(level)} *{levels.word(level)}*"

    def _footer(self, incident: Incident) -> str:
        links = self._catalog.policy(incident.queue).links
        made = [link(url, label) for label, url in list(links.items())[:_LINKS]]
        return " · ".join([f"#{incident.number}", *made])

    def _happened(self, incident: Incident, entry: TimelineEntry) -> str:
        by = mention(entry.by) if entry.by else "someone"
        until = f" until {date(entry.until, entry.at)}" if entry.until is not None else ""
        # A note names what was retried: a failure code may be a job's own message.
        policy = self._catalog.policy(incident.queue)
        note = escape(mask_text(entry.text, policy.redact), 300)
        match entry.what:
            case Happening.FIRED | Happening.ESCALATED | Happening.EASED:
                return self._number_line(incident, entry)
            case Happening.ACKNOWLEDGED:
                return f"{by} acknowledged"
            case Happening.SILENCED:
                return f"{by} silenced this{until}" + (f": {note}" if note else "")
            case Happening.UNSILENCED:
                return f"{by} ended the silence" if entry.by else "The silence is over"
            case Happening.NOTE:
                return f"{mention(entry.by)} {note}" if entry.by else note or "A note"
            case Happening.RESOLVED:
                after = length(entry.at - incident.began_at)
                return f"{levels.RESOLVED} Resolved after {after}, peak {levels.peak(incident)}"

    def _number_line(self, incident: Incident, entry: TimelineEntry) -> str:
        """For example "Critical: backlog 52 (above 50)", and why, where that is known."""
        severity = entry.severity or incident.severity
        level = Level.of(severity)
        value, threshold = levels.readings(levels.at(incident, entry))
        eased = " again" if entry.what is Happening.EASED else ""
        why = f" \u00b7 {escape(entry.text, 100)}" if entry.text else ""
        return f"{levels.emoji(level)} {levels.word(level)}{eased}: {value} ({threshold}){why}"


def test_alert(channel: str, user: str, catalog: Catalog) -> Message:
    """Posted by `alerts test`, so that people see where alerts arrive."""
    seconds = say_duration(catalog.poll_interval)
    return with_bar(
        f"{levels.BELL} *This is a test* · nothing is wrong",
        [
            section(
                f"{mention(user)} asked where alerts arrive: here, in {channel_name(channel)}.",
                f"I look at the queues every {seconds}.",
            )
        ],
        levels.BLUE,
    )


def _bar(incident: Incident) -> str:
    if incident.silenced_by:
        return levels.GREY
    return levels.ORANGE if incident.acknowledged else levels.color(incident.severity)


def _latest(incident: Incident) -> Ms:
    return max([incident.fired_at, *(entry.at for entry in incident.timeline)])
