"""Keeps an operation's one message in Slack in step, without ever holding the operation up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from bot.domain.message import Message, MessageRef, Tag, Urgency
from bot.domain.times import MINUTE, Ms
from bot.errors import (
    HandedOverError,
    RedisUnavailableError,
    SlackRefusedError,
    SlackUnavailableError,
)
from bot.ports import Messenger, OperationWriter
from bot.services.operations.record import OvertakenError, Record
from bot.tasks import cancelled

_log = structlog.get_logger(__name__)
KIND: Final = "bullhorn_operation"
RECEIPT: Final = "bullhorn_receipt"
EVERY: Final = 3.0
"""Seconds between two edits; a shared budget may make it longer."""
FIRST: Final = 0.7
"""Seconds before the first post: a short operation is told in one message, as done."""
AGAIN: Final = 5.0
"""Seconds before Slack is tried again."""
PATIENCE: Final = 600.0
"""Seconds after the end for which Slack is tried."""


class Screen:
    """The message of one operation; `run` is a task beside the operation."""

    def __init__(
        self,
        record: Record,
        *,
        messenger: Messenger,
        writer: OperationWriter,
        now: Callable[[], Awaitable[Ms]],
    ) -> None:
        self._record = record
        self._messenger = messenger
        self._writer = writer
        self._now = now
        self._over = asyncio.Event()
        self._shown: object = None
        self._refused = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to show it."""
        self._task = asyncio.create_task(self._run(), name=f"screen-{self._record.plan.id}")

    async def close(self, leave: asyncio.Event | None = None) -> None:
        """Show the last state, and end.

        Without `leave` at once, as another process will show it; with it, until it is shown.

        Raises:
            HandedOverError: the process ends before Slack took it.
        """
        self._over.set()
        if self._task is None:
            return
        if leave is not None:
            leaving = asyncio.ensure_future(leave.wait())
            await asyncio.wait({self._task, leaving}, return_when=asyncio.FIRST_COMPLETED)
            leaving.cancel()
            if not self._task.done():
                self._task.cancel()
                raise HandedOverError
        ended = await cancelled(self._task)
        if isinstance(ended, Exception) and not isinstance(ended, OvertakenError):
            _log.error("an operation's message could not be shown", exc_info=ended)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        begun = self._record.operation.message is not None
        await self._sleep(EVERY if begun else FIRST)
        until: float | None = None
        while True:
            over = self._over.is_set()
            if over and until is None:
                until = loop.time() + PATIENCE
            shown = await self._show(urgency=Urgency.ANSWER if over else Urgency.DETAIL)
            if over and (shown or self._refused or loop.time() > (until or 0)):
                return
            if over:
                await asyncio.sleep(AGAIN)
            else:
                await self._sleep(EVERY if shown else AGAIN)

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._over.wait()
        except TimeoutError:
            pass

    async def _show(self, *, urgency: Urgency) -> bool:
        """Make Slack show it as it is now; whether it does."""
        before = self._record.operation
        if before == self._shown or self._refused:
            return True
        try:
            if not await self._record.is_ours():
                raise OvertakenError  # what we know of it is old
            if before.message is None:
                await self._post(urgency)
            else:
                await self._messenger.update(
                    self._made, before.message, tag=self._tag, urgency=urgency
                )
        except SlackUnavailableError as error:
            _log.info("an operation's message waits", reason=str(error))
            return False
        except SlackRefusedError as error:
            _log.warning("Slack refuses an operation's message", code=error.code)
            self._refused = True
            return False
        except RedisUnavailableError:
            return False
        self._shown = before
        return True

    async def _post(self, urgency: Urgency) -> None:
        """Post it where it was asked, else to the person; looked for first after a lost answer."""
        plan, operation = self._record.plan, self._record.operation
        if operation.posting:
            since = (operation.began_at or plan.asked_at) - MINUTE
            ref = await self._messenger.find(channel=plan.channel, tag=self._tag, since=since)
            if ref is not None:
                await self._record.save(message=ref)
                return
        await self._record.save(posting=True)
        try:
            ref = await self._send(plan.channel, urgency)
        except SlackRefusedError:
            ref = await self._send(plan.confirmed_by or plan.asked_by, urgency)
        await self._record.save(message=ref)

    async def _send(self, channel: str, urgency: Urgency) -> MessageRef:
        return await self._messenger.post(
            self._made, channel=channel, tag=self._tag, urgency=urgency
        )

    async def _made(self) -> Message:
        record = self._record
        return self._writer.progress(record.plan, record.operation, now=await self._now())

    @property
    def _tag(self) -> Tag:
        return Tag(KIND, f"{self._record.plan.id}-{self._record.operation.attempt}")
