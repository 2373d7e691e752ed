"""What `bullhorn check` needs from outside, as protocols; see `ports`."""

from __future__ import annotations

from typing import Protocol

from bot.domain.checkup import (
    ChannelFacts,
    Identity,
    QueuesFound,
    SalesforceFacts,
    ServerFacts,
    Trouble,
)


class ServerProbe(Protocol):
    """Tries one Redis for `bullhorn check`. What goes wrong is returned, not raised."""

    async def look(self) -> ServerFacts | Trouble:
        """Whether it answers, and what it tells of itself."""
        ...

    async def write(self) -> Trouble | None:
        """Write a key of Bullhorn's own and remove it; for Bullhorn's own Redis only."""
        ...

    async def queues(self, *, within: float) -> QueuesFound | Trouble:
        """One pass over all keys, for at most so many seconds."""
        ...


class OperationsProbe(Protocol):
    """Tries, for `bullhorn check`, whether Bullhorn's own queue and its worker can work."""

    async def run(self) -> Trouble | None:
        """Let jobs go through a queue beside that of operations, which is left alone."""
        ...


class SlackProbe(Protocol):
    """Tries Slack for `bullhorn check`; nothing is posted. What goes wrong is returned."""

    async def identity(self) -> Identity | Trouble:
        """Who the bot token belongs to."""
        ...

    async def app_token(self) -> Trouble | None:
        """Whether the app token opens Socket Mode; without one there is nothing to try."""
        ...

    async def channel(self, channel: str) -> ChannelFacts | Trouble:
        """A channel by its id or `#name`."""
        ...

    async def group(self, group: str) -> int | Trouble:
        """How many are in a user group."""
        ...


class SalesforceProbe(Protocol):
    """Tries Salesforce for `bullhorn check`; nothing is changed. What goes wrong is returned."""

    async def look(self) -> SalesforceFacts | Trouble:
        """Whether it takes the login, the day's requests that are left, the object's fields."""
        ...
