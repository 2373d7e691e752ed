"""What follows when Slack finally refuses an alert's post, edit or thread line."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from bot.domain.incidents import Incident
from bot.domain.notices import Notice, Step, may_post, shown
from bot.domain.times import MINUTE, Ms

AGAIN_AFTER: Final[Ms] = MINUTE
_MESSAGE_GONE: Final = frozenset(
    {"message_not_found", "thread_not_found", "cant_update_message", "edit_window_closed"}
)
_CHANNEL_GONE: Final = frozenset({"is_archived", "channel_not_found", "not_in_channel"})


def after_refusal(
    incident: Incident, notice: Notice, *, code: str, step: Step, fallback: str | None, now: Ms
) -> Notice:
    """The notice after a final no.

    A post goes to the default channel if there is another one, else it is tried again now and then.
    Where somebody deleted the message or archived its channel, the incident is posted anew as soon
    as something happens to it, so that nobody misses that a warning became critical; a mere change
    of the number is not worth that.
    """
    later = replace(notice, refused=code, retry_at=now + AGAIN_AFTER)
    if step is Step.POST:
        moved = fallback is not None and notice.channel != fallback
        if moved:
            return replace(later, channel=fallback, posting_since=None, retry_at=0)
        return replace(later, channel=None, posting_since=None)
    elsewhere = code in _CHANNEL_GONE
    if not elsewhere and code not in _MESSAGE_GONE:
        if step is Step.REPLY:
            return replace(notice, replies=notice.replies + 1, replying_since=None, refused=code)
        return later
    news = step is Step.REPLY or notice.shown_revision < incident.revision
    if news and may_post(incident):
        channel = (fallback or notice.channel) if elsewhere else notice.channel
        return Notice(number=notice.number, channel=channel, replies=len(incident.timeline))
    return replace(
        shown(notice, incident, now),
        replies=len(incident.timeline),
        replying_since=None,
        refused=code,
    )
