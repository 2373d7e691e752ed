"""`alerts`: what is firing, what is about to, and what is silenced."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from bot.domain.health import Level
from bot.domain.incidents import Incident, Silence
from bot.domain.message import Message
from bot.domain.policy import Catalog
from bot.domain.queues import QueueId
from bot.domain.times import Ms
from bot.render import levels
from bot.render.alert_buttons import acknowledge
from bot.render.alert_buttons import silence as hush
from bot.render.kit import Block, actions, button, context, finish, section
from bot.render.problems import covers
from bot.render.typed import typed
from bot.render.words import date, escape, length, mention, number, plural

INCIDENTS: Final = 10
PENDING: Final = 8
SILENCES: Final = 8

MayAct = Callable[[QueueId | str | None], bool]
"""Whether the reader may act on a queue (one by its address, or None: all of them)."""

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
    may_act: MayAct = lambda _queue: True,
) -> Message:
    """Open incidents worst first, pending rules and silences, each with its buttons.

    What changes something is drawn where the reader `may_act`.
    `stale` says that the watch has not run lately, so that "no alerts" proves nothing.
    """
    firing = sorted(
        (one for one in incidents if one.firing), key=lambda one: (-one.severity.rank, one.number)
    )
    active = [one for one in silences if one.until > now]
    counts = [
        *_counted(firing, stale=stale),
        f"{number(len(pending))} pending" if pending else "",
        plural(len(active), "silence") if active else "",
        date(now),
    ]
    headline = " · ".join(part for part in counts if part)
    blocks: list[Block | None] = [section(headline, levels.STALE if stale else "")]
    for incident in firing[:INCIDENTS]:
        blocks += _incident(incident, now, catalog, acts=may_act(incident.queue))
    blocks.append(context(_more(len(firing), INCIDENTS, "alert")))
    blocks.append(_pending(pending, now))
    for silence in active[:SILENCES]:
        blocks += _silence(silence, now, catalog, acts=may_act(silence.queue))
    blocks.append(context(_more(len(active), SILENCES, "silence")))
    blocks.append(actions(button("Refresh", typed("alerts"))))
    unsure = f" {levels.STALE}" if stale else ""
    return finish(f"{_fallback(firing, catalog)}{unsure}", blocks)


def _counted(firing: Sequence[Incident], *, stale: bool) -> list[str]:
    """How many ring and how many are silenced; good news only when there is none at all."""
    silenced = sum(one.silenced_by is not None for one in firing)
    hushed = f"{number(silenced)} silenced" if silenced else ""
    if silenced < len(firing):
        return [f"*{plural(len(firing), 'alert')} firing*", hushed]
    if silenced:
        return [f"{levels.SILENCED} *No alerts ringing*", hushed]
    return [] if stale else [f"{levels.RESOLVED} *No alerts*"]


def _fallback(firing: Sequence[Incident], catalog: Catalog) -> str:
    ringing = [one for one in firing if one.silenced_by is None]
    if not ringing:
        return f"No alerts ringing, {number(len(firing))} silenced." if firing else "No alerts."
    worst = ringing[0]
    word = levels.word(Level.of(worst.severity)).lower()
    queue = escape(catalog.address(worst.queue), 80)
    said = levels.titled(worst)
    return f"{plural(len(firing), 'alert')} firing; worst: {queue} {word}, {said}."


def _incident(incident: Incident, now: Ms, catalog: Catalog, *, acts: bool) -> list[Block | None]:
    address = catalog.address(incident.queue)
    mark = levels.marked(Level.of(incident.severity))
    lasts = length(now - incident.began_at)
    states = [f"#{incident.number} since {date(incident.began_at, now)}, {lasts}"]
    if incident.silenced_by:
        until = f" until {date(incident.silenced_until, now)}" if incident.silenced_until else ""
        states.append(f"{levels.SILENCED} silenced{until}")
    if taken := incident.acknowledged:
        states.append(f"acknowledged by {mention(taken.by)} {date(taken.at, now)}")
    quiet = incident.silenced_by is not None or not acts
    return [
        section(
            f"{mark} · *{escape(address, 80)}* · {levels.titled(incident)}", " · ".join(states)
        ),
        actions(
            button("Status", typed("status", address)),
            None if quiet else hush(address, incident.family),
            None if quiet or incident.acknowledged else acknowledge(incident),
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


def _silence(silence: Silence, now: Ms, catalog: Catalog, *, acts: bool) -> list[Block | None]:
    why = f": {escape(silence.reason, 160)}" if silence.reason else ""
    text = (
        f"{levels.SILENCED} {covers(silence, catalog)} silenced until "
        f"{date(silence.until, now)} by {mention(silence.by)}{why}"
    )
    end = button("End silence", typed("unsilence", silence.id)) if acts else None
    return [section(text, accessory=end)]


def _more(total: int, shown: int, what: str) -> str:
    return f"\u2026 {plural(total - shown, f'more {what}')}" if total > shown else ""
