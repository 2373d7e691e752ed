"""When a Redis cannot be read: say so once, and say when it can be again.

Nothing of this can lean on Redis. The replica that leads, or led last, speaks; a message that
another one (or this one before a restart) already posted is found by its metadata and taken over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import structlog

from bot.domain.message import MessageRef, Tag, Urgency
from bot.domain.times import DAY, MINUTE, SECOND, Ms
from bot.errors import SlackRefusedError, SlackUnavailableError
from bot.ports import AlertWriter, Messenger

_log = structlog.get_logger(__name__)
DOWN = Tag("bullhorn_blind", "down")
OVER = Tag("bullhorn_blind", "over")


class Blindness:
    """Holds what cannot be seen now, and makes one message in the default channel match it.

    `patience` is how long (ms) it must last before it is said: a hiccup is not worth a message.
    """

    def __init__(
        self,
        *,
        messenger: Messenger,
        writer: AlertWriter,
        channel: str | None,
        patience: Ms,
        clock: Callable[[], Ms],
    ) -> None:
        self._messenger = messenger
        self._writer = writer
        self._channel = channel
        self._patience = patience
        self._clock = clock
        self._sources: dict[str, str] = {}
        self._since: Ms | None = None
        self._ref: MessageRef | None = None
        self._looked = False
        self._trying_since: Ms | None = None
        self._not_before: Ms = 0

    @property
    def since(self) -> Ms | None:
        """Since when something cannot be seen; None when all can."""
        return self._since

    @property
    def sources(self) -> Mapping[str, str]:
        """What cannot be seen now, and why."""
        return self._sources

    def saw(self, unreachable: Mapping[str, str]) -> None:
        """Take in a round: source -> why it could not be read. Empty: all could."""
        if not unreachable:
            self._sources = {}
            if self._ref is None and self._trying_since is None:
                self._since = None
            return
        if not self._sources and self._since is None:
            self._since = self._clock()
            self._forget()
            _log.warning("cannot see the queues", sources=dict(unreachable))
        self._sources = dict(unreachable)

    async def show(self, *, speaks: bool) -> None:
        """Make the message match; only where `speaks`. Slack's failures are tried again later."""
        if not speaks:
            # Whoever leads now has taken the message over.
            if not self._sources:
                self._since = None
                self._forget()
            return
        if self._channel is None or self._clock() < self._not_before:
            return
        try:
            if self._sources:
                await self._show_down(self._channel)
            elif self._since is not None or not self._looked:
                await self._show_over(self._channel)
        except SlackUnavailableError as error:
            self._not_before = self._clock() + max(SECOND, int(error.retry_after * SECOND))
            _log.warning("cannot say that queues cannot be seen", reason=str(error))
        except SlackRefusedError as error:
            self._not_before = self._clock() + MINUTE
            self._trying_since = None
            _log.error("cannot say that queues cannot be seen", reason=str(error), code=error.code)

    def _forget(self) -> None:
        """Whatever was posted before is no longer ours to edit without looking."""
        self._ref, self._trying_since, self._looked = None, None, False

    async def _show_down(self, channel: str) -> None:
        now = self._clock()
        since = self._since or now
        if self._ref is not None or now - since < self._patience:
            return
        await self._find_earlier(channel)
        if self._ref is not None:
            return
        self._trying_since = self._trying_since or now
        message = self._writer.blind(self._sources, since=since, until=None)
        ref = await self._messenger.post(message, channel=channel, tag=DOWN, urgency=Urgency.ALERT)
        # Another replica may have spoken at the same moment: the older message is kept by all.
        first = await self._messenger.find(channel=channel, tag=DOWN, since=now - MINUTE)
        self._ref = first or ref
        self._looked, self._trying_since = True, None
        if self._ref.ts != ref.ts:
            await self._messenger.remove(ref)

    async def _show_over(self, channel: str) -> None:
        await self._find_earlier(channel)
        if self._ref is not None:
            now = self._clock()
            since = self._since or _posted_at(self._ref)
            message = self._writer.blind({}, since=since, until=now)
            await self._messenger.update(message, self._ref, tag=OVER, urgency=Urgency.ALERT)
        self._since = None
        self._forget()
        self._looked = True

    async def _find_earlier(self, channel: str) -> None:
        """Once an outage, and after each unclear post: is there a message already?"""
        if self._ref is not None or (self._looked and self._trying_since is None):
            return
        since = self._trying_since - MINUTE if self._trying_since else self._clock() - DAY
        self._ref = await self._messenger.find(channel=channel, tag=DOWN, since=since)
        self._looked = True


def _posted_at(ref: MessageRef) -> Ms:
    return int(float(ref.ts) * 1000)
