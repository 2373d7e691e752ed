"""Slack: who is in which group, posts and edits, what they look like."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from bot.domain.access import Membership
from bot.domain.incidents import Incident
from bot.domain.message import Message, MessageRef, Tag, Urgency
from bot.domain.times import Ms


class Directory(Protocol):
    """Who is in which Slack user group."""

    async def memberships(self, user: str, groups: frozenset[str]) -> Membership:
        """Those of `groups` that `user` is in, and which cannot be told; cached for five minutes.

        Never an error: who is named by user id must get in while Slack is away.
        """
        ...


Fresh = Callable[[], Awaitable[Message]]
"""Makes a message when its turn has come, at most a moment before it is sent; may be called again.

What it raises is raised to the caller, and nothing is sent.
"""


class Messenger(Protocol):
    """Posts and edits, all through one budget.

    Each method may raise SlackUnavailableError (`unclear`: it may have taken effect) or
    SlackRefusedError (final).
    """

    async def post(
        self,
        message: Message | Fresh,
        *,
        channel: str,
        tag: Tag,
        thread: str | None = None,
        broadcast: bool = False,
        urgency: Urgency = Urgency.ANSWER,
    ) -> MessageRef:
        """Post a message; never resent after an unclear failure."""
        ...

    async def update(
        self,
        message: Message | Fresh,
        ref: MessageRef,
        *,
        tag: Tag | None = None,
        urgency: Urgency = Urgency.ANSWER,
    ) -> None:
        """Replace a message; edits of the same message that still wait are coalesced."""
        ...

    async def find(
        self, *, channel: str, tag: Tag, since: Ms, thread: str | None = None
    ) -> MessageRef | None:
        """Look for a message of ours by its metadata, posted at or after `since`; the oldest."""
        ...

    async def remove(self, ref: MessageRef) -> None:
        """Delete a message of ours: one that was said twice."""
        ...


class AlertWriter(Protocol):
    """Renders alerts for the notifier; `render/` provides it, wiring passes it in."""

    def alert(self, incident: Incident, *, first: bool) -> Message:
        """The incident's message; `first` mentions whoever must know."""
        ...

    def entry(self, incident: Incident, index: int) -> Message:
        """The thread line of `incident.timeline[index]`."""
        ...

    def blind(self, sources: Mapping[str, str], *, since: Ms, until: Ms | None) -> Message:
        """Say that the queues cannot be seen since then; with `until`, that they can again."""
        ...
