"""What has been shown of an incident, and what to do next to make Slack match the truth.

The notifier is level-triggered: it compares, does one thing, records it, and compares again. A
crash anywhere is repaired by the next comparison.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from bot.domain.incidents import Incident
from bot.domain.message import Urgency
from bot.domain.policy import Severity
from bot.domain.times import DAY, SECOND, Ms

EDIT_GAP: Final[Ms] = 30 * SECOND
"""A changed number alone edits the message no more often than this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What Slack shows of one incident.

    `posting_since` is set before the first post is tried, and cleared when its `ts` is known: while
    it is set with no `ts`, the message may exist and is looked for by its metadata before another
    try. `replies` counts the timeline entries that Slack has: the post itself is the first of them
    (FIRED), so the thread begins with the second. `replying_since` does for the entry after those
    what `posting_since` does for the post. After a try that may have taken effect both stay set,
    whatever else fails in between, until the message was looked for.
    `refused` is Slack's final no (its error name); `retry_at` is when to try again.
    """

    number: int
    channel: str | None = None
    ts: str | None = None
    posting_since: Ms | None = None
    shown_revision: int = 0
    shown_value: int | None = None
    shown_at: Ms = 0
    replies: int = 1
    replying_since: Ms | None = None
    refused: str | None = None
    retry_at: Ms = 0


class Step(StrEnum):
    """One thing to do in Slack."""

    POST = "post"
    EDIT = "edit"
    REPLY = "reply"
    RETIRE = "retire"


GIVE_UP: Final[Ms] = DAY
"""A resolved incident that Slack refuses to show (an archived channel) is retired after this."""


SETTLE: Final[Ms] = 15 * SECOND
"""How long after an unclear post it is looked for: longer than a call may take, so that a request
that Slack still carries out is not missed."""


def urgency_of(incident: Incident) -> Urgency:
    """What of this incident goes first when Slack takes no more."""
    critical = incident.firing and incident.severity is Severity.CRITICAL
    return Urgency.CRITICAL if critical else Urgency.ALERT


def shown(notice: Notice, incident: Incident, now: Ms) -> Notice:
    """The notice once Slack shows the incident as it is here."""
    return replace(
        notice,
        shown_revision=incident.revision,
        shown_value=incident.value,
        shown_at=now,
        retry_at=0,
    )


def may_post(incident: Incident) -> bool:
    """Whether a message that is not there may be posted now.

    A silenced incident is not posted, and a resolved one has nothing to call anyone for.
    """
    return incident.firing and incident.silenced_by is None


def next_step(incident: Incident, notice: Notice, now: Ms) -> Step | None:
    """What to do now for this incident, None when Slack matches.

    POST means: look for the message if `posting_since` is set; if it is not there and `may_post`,
    post it; if it may not be posted, clear `posting_since`. EDIT shows the present revision. REPLY
    posts the timeline entry of index `notice.replies`, after looking for it if `replying_since` is
    set (not before `SETTLE` has passed). RETIRE moves the incident to the archive.

    A silenced incident that was never posted is not posted; one that was, or may have been, is
    edited to say so, and is closed in the end, so that nothing stays red. A resolved incident that
    was never shown is retired without a word.
    """
    absent = notice.ts is None and notice.posting_since is None
    if not incident.firing and (absent or _hopeless(incident, notice, now)):
        return Step.RETIRE
    if now < notice.retry_at:
        return None
    if notice.ts is None:
        waits = _settling(notice.posting_since, now) or (absent and not may_post(incident))
        return None if waits else Step.POST
    if notice.shown_revision < incident.revision:
        return Step.EDIT
    if notice.replies < len(incident.timeline):
        return None if _settling(notice.replying_since, now) else Step.REPLY
    return _at_rest(incident, notice, now)


def _settling(since: Ms | None, now: Ms) -> bool:
    """Whether an unclear post of then may still take effect."""
    return since is not None and now < since + SETTLE


def _at_rest(incident: Incident, notice: Notice, now: Ms) -> Step | None:
    """What to do when all that happened is shown: close it, or show the newest number."""
    if not incident.firing:
        return Step.RETIRE
    stale = notice.shown_value != incident.value and now - notice.shown_at >= EDIT_GAP
    return Step.EDIT if stale else None


def _hopeless(incident: Incident, notice: Notice, now: Ms) -> bool:
    """Whether Slack still refuses what has been over for a day."""
    over_since = incident.resolved_at
    return notice.refused is not None and over_since is not None and now - over_since >= GIVE_UP
