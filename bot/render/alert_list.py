"""`alerts`: what is firing, what is about to, and what is silenced."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bot.domain.health import Level
from bot.domain.incidents import Incident, Silence
from bot.domain.message import Message
from bot.domain.policy import Catalog
from bot.domain.times import Ms
from bot.render import levels
from bot.render.kit import Block, actions, button, context, finish, section
from bot.render.problems import covers
from bot.render.typed import typed
from bot.render.words import date, escape, mention, number, plural, span

INCIDENTS: Final = 10
PENDING: Final = 8
SILENCES: Final = 8

Pending = tuple[str, str, Ms]
"""A queue, a rule whose condition holds but not yet for long enough, and since when."""


def listing(
    incidents: Sequence[Incident],
    silences: Sequence[Silence],
    pending: Sequence[Pending],
    now: Ms,
    catalog: Catalog,
    *,
    stale: bool = False,
) -> Message:
    """Open incidents worst first, pending rules and silences, each with its buttons.

    `stale` says that the watch has not run lately, so that "no alerts" proves nothing.
    """
    firing = sorted(
        (one for one in incidents if one.firing), key=lambda one: (-one.severity.rank, one.number)
    )
    active = [one for one in silences if one.until > now]
    counts = [
        f"*{plural(len(firing), 'alert')} firing*"
        if firing
        else ""
        if stale
        else f"{levels.RESOLVED} *No alerts*",
        f"{number(len(pending))} pending" if pending else "",
        plural(len(active), "silence") if active else "",
        date(now),
    ]
    headline = " · ".join(part for part in counts if part)
    blocks: list[Block | None] = [section(headline, levels.STALE if stale else "")]
    for incident in firing[:INCIDENTS]:
        blocks += _incident(incident, now, catalog)
    blocks.append(context(_more(len(firing), INCIDENTS, "alert")))
    blocks.append(_pending(pending, now))
    for silence in active[:SILENCES]:
        blocks += _silence(silence, now, catalog)
    blocks.append(context(_more(len(active), SILENCES, "silence")))
    blocks.append(actions(button("Refresh", typed("alerts"))))
    unsure = f" {levels.STALE}" if stale else ""
    return finish(f"{_fallback(firing, catalog)}{unsure}", blocks)


def _fallback(firing: Sequence[Incident], catalog: Catalog) -> str:
    if not firing:
        return "No alerts."
    worst = firing[0]
    value, _ = levels.readings(worst)
    word = levels.word(Level.of(worst.severity)).lower()
    queue = escape(catalog.address(worst.queue), 80)
    return f"{plural(len(firing), 'alert')} firing; worst: {queue} {word}, {value}."


def _incident(incident: Incident, now: Ms, catalog: Catalog) -> list[Block | None]:
    address = catalog.address(incident.queue)
    value, threshold = levels.readings(incident)
    mark = levels.marked(Level.of(incident.severity))
    state = ""
    if incident.silenced_by:
        until = f" until {date(incident.silenced_until, now)}" if incident.silenced_until else ""
        state = f" · {levels.SILENCED} silenced{until}"
    elif incident.acknowledged:
        taken = incident.acknowledged
        state = f" · acknowledged by {mention(taken.by)} {date(taken.at, now)}"
    long = span(now - incident.began_at)
    hush = typed("silence", address, incident.family, "1h")
    return [
        section(
            f"{mark} · *{escape(address, 80)}* · {value} ({threshold})",
            f"#{incident.number} since {date(incident.began_at, now)}, {long}{state}",
        ),
        actions(
            button("Acknowledge", typed("ack", str(incident.number)))
            if not incident.acknowledged and not incident.silenced_by
            else None,
            None if incident.silenced_by else button("Silence 1 h", hush),
            button("Status", typed("status", address)),
        ),
    ]


def _pending(pending: Sequence[Pending], now: Ms) -> Block | None:
    if not pending:
        return None
    lines = [
        f"\u2022 {escape(queue, 80)}: {escape(rule.replace('_', ' '), 60)} since {date(since, now)}"
        for queue, rule, since in pending[:PENDING]
    ]
    return section(
        "*Pending*: true, but not for long enough yet", *lines, _more(len(pending), PENDING, "rule")
    )


def _silence(silence: Silence, now: Ms, catalog: Catalog) -> list[Block | None]:
    why = f": {escape(silence.reason, 160)}" if silence.reason else ""
    text = (
        f"{levels.SILENCED} {covers(silence, catalog)} silenced until "
        f"{date(silence.until, now)} by {mention(silence.by)}{why}"
    )
    end = button("End silence", typed("unsilence", silence.id))
    return [section(text, accessory=end)]


def _more(total: int, shown: int, what: str) -> str:
    return f"\u2026 {plural(total - shown, f'more {what}')}" if total > shown else ""
