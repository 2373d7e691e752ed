"""Short messages: what went wrong, plain information, and what people did to alerts."""

from __future__ import annotations

import re

from bot.domain.incidents import Incident, Silence
from bot.domain.message import Message
from bot.domain.policy import Catalog
from bot.domain.queues import QueueId
from bot.render import levels
from bot.render.kit import actions, button, finish, section, simple
from bot.render.typed import typed
from bot.render.words import date, escape, mention, trusted

_ID = re.compile(r"[CG][A-Z0-9]{2,20}")


def problem(text: str, ref: str | None = None) -> Message:
    """An error in one sentence, with the reference that is also in the log.

    `text` is an error's own: it may hold our mrkdwn, never a job's bare words.
    """
    said = trusted(text, 1500) or "Something went wrong."
    return simple(f"{said} (ref {escape(ref, 12)})" if ref else said)


def notice(text: str) -> Message:
    """Plain information, of as many lines as it has."""
    lines = [trusted(line, 600) for line in text.splitlines()[:30]]
    shown = "\n".join(line for line in lines if line)
    return simple(shown or "Nothing to say.")


def posted_in(channel: str) -> Message:
    """Where a test alert went."""
    return simple(f"\u2705 Posted a test alert in {channel_name(channel)}.")


def channel_name(channel: str) -> str:
    """A channel by its id; a name as it is."""
    is_id = channel[:1] in {"C", "G"} and _ID.fullmatch(channel) is not None
    return f"<#{channel}>" if is_id else escape(channel, 80)


def silence_set(silence: Silence, catalog: Catalog) -> Message:
    """Announce a silence: what, until when, by whom and why."""
    text = f"{levels.SILENCED} {mention(silence.by)} silenced {covers(silence, catalog)}"
    until = date(silence.until, silence.at)
    why = f": {escape(silence.reason, 200)}" if silence.reason else "."
    end = button("End silence", typed("unsilence", silence.id))
    del catalog  # the silence names its queue as people do
    return finish(f"{text}{why}", [section(f"{text} until {until}{why}"), actions(end)])


def silence_ended(silence: Silence, by: str, catalog: Catalog | None = None) -> Message:
    """Announce that a silence was ended early."""
    return simple(f"{levels.BELL} {mention(by)} ended the silence of {covers(silence, catalog)}.")


def acknowledged(incident: Incident, by: str, catalog: Catalog | None = None) -> Message:
    """Announce that someone has taken an alert."""
    queue = catalog.address(incident.queue) if catalog else incident.queue.name
    what = f"#{incident.number} · *{escape(queue, 80)}* · {levels.titled(incident)}"
    return simple(f"{levels.ACKNOWLEDGED} {mention(by)} acknowledged {what}")


def covers(silence: Silence, catalog: Catalog | None = None) -> str:
    """What a silence covers: "order-provisioning (backlog)", "all queues"."""
    queue = "*all queues*"
    if silence.queue is not None:
        queue = f"*{escape(_name(silence.queue, catalog), 80)}*"
    return queue if silence.rule is None else f"{queue} ({escape(silence.rule, 60)})"


def _name(queue: str, catalog: Catalog | None) -> str:
    """A silence names a queue as people do, or by its whole identity."""
    try:
        identity = QueueId.parse(queue)
    except ValueError:
        return queue
    return catalog.address(identity) if catalog else identity.name
