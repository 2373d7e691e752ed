"""What has been shown of an incident, and what to do next to make Slack match the truth.

The notifier is level-triggered: it compares, does one thing, records it, and compares again. A crash
anywhere is repaired by the next comparison.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bot.domain.incidents import Happening, Incident, TimelineEntry
from bot.domain.times import SECOND, Ms

EDIT_GAP: Final[Ms] = 30 * SECOND
"""A changed number alone edits the message no more often than this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What Slack shows of one incident.

    `posting_since` is set before the first post is tried, and cleared when its `ts` is known: while
    it is set with no `ts`, the message may exist and is looked for by its metadata before another
    try. `replying_since` does the same for the timeline entry after the `replies` already posted.
    `refused` is Slack's final no (its error name); `retry_at` is when to try again.
    """

    number: int
    channel: str | None = None
    ts: str | None = None
    posting_since: Ms | None = None
    shown_revision: int = 0
    shown_value: int | None = None
    shown_at: Ms = 0
    replies: int = 0
    replying_since: Ms | None = None
    refused: str | None = None
    retry_at: Ms = 0


class Step(StrEnum):
    """One thing to do in Slack."""

    POST = "post"
    EDIT = "edit"
    REPLY = "reply"
    RETIRE = "retire"


THREAD_SKIPS: Final = frozenset({Happening.FIRED})
"""The post itself says that it fired: the thread does not repeat it."""


def next_step(incident: Incident, notice: Notice, now: Ms) -> Step | None:
    """What to do now for this incident, None when Slack matches.

    A silenced incident that was never posted is not posted; one that was is edited to say so, and
    is closed in the end. A resolved incident that was never shown is retired without a word.
    """
    if now < notice.retry_at:
        return None
    if notice.ts is None:
        if not incident.firing:
            # A post that may have taken effect is still looked for, so that nothing stays red.
            return Step.POST if notice.posting_since is not None else Step.RETIRE
        return None if incident.silenced_by else Step.POST
    if notice.shown_revision < incident.revision:
        return Step.EDIT
    if notice.replies < len(incident.timeline):
        return Step.REPLY
    if not incident.firing:
        return Step.RETIRE
    stale = notice.shown_value != incident.value and now - notice.shown_at >= EDIT_GAP
    return Step.EDIT if stale else None


def reply_due(incident: Incident, notice: Notice) -> TimelineEntry:
    """The next timeline entry for the thread."""
    return incident.timeline[notice.replies]
