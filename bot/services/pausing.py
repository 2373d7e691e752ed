"""Pause and resume: at once, on record with the reason, and once however often it is asked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bot.domain.access import Actor
from bot.domain.audit import Outcome
from bot.domain.incidents import Mark, MarkKind
from bot.domain.pausing import PauseOutcome
from bot.domain.policy import Catalog
from bot.domain.queues import QueueId
from bot.errors import BullhornError, RedisUnavailableError, RefusedError
from bot.ports import QueueOperator, QueueReader, WatchStore
from bot.services.journal import Journal


@dataclass(frozen=True, slots=True, kw_only=True)
class Switched:
    """What a press did. `recorded` is False when the audit log could not be written."""

    outcome: PauseOutcome
    recorded: bool


class Pausing:
    """Pauses and resumes queues. Callers have checked the role."""

    def __init__(
        self,
        *,
        reader: QueueReader,
        operator: QueueOperator,
        journal: Journal,
        store: WatchStore,
        catalog: Catalog,
    ) -> None:
        self._reader = reader
        self._operator = operator
        self._journal = journal
        self._store = store
        self._catalog = catalog

    async def pause(self, actor: Actor, queue: QueueId, *, reason: str) -> Switched:
        """Let no worker start another job.

        Raises:
            RefusedError: the version table does not allow it.
            RedisUnavailableError: whether it took effect is not known; asking again is safe.
        """
        configured = self._catalog.policy(queue).bullmq

        async def switch() -> PauseOutcome:
            return await self._operator.pause(queue, configured=configured)

        done = await self._switch(actor, queue, "pause", switch, reason=reason)
        if done.outcome.changed:
            await self._note(actor, queue, "paused the queue" + (f": {reason}" if reason else ""))
        return done

    async def resume(self, actor: Actor, queue: QueueId) -> Switched:
        """End a pause; raises as `pause`."""
        configured = self._catalog.policy(queue).bullmq

        async def switch() -> PauseOutcome:
            return await self._operator.resume(queue, configured=configured)

        done = await self._switch(actor, queue, "resume", switch)
        if done.outcome.changed:
            await self._note(actor, queue, "resumed the queue")
        return done

    async def _switch(
        self,
        actor: Actor,
        queue: QueueId,
        action: str,
        switch: Callable[[], Awaitable[PauseOutcome]],
        *,
        reason: str = "",
    ) -> Switched:
        try:
            outcome = await switch()
        except BullhornError as error:
            word = Outcome.REFUSED if isinstance(error, RefusedError) else Outcome.FAILED
            await self._journal.record(
                actor, action, action, word, queue=queue, detail=str(error), reason=reason
            )
            if isinstance(error, RedisUnavailableError):
                raise RedisUnavailableError(
                    f"{error} Whether the queue is {action}d now, `status` tells; "
                    "asking again does no harm."
                ) from error
            raise
        recorded = await self._journal.record(
            actor, action, action, Outcome.DONE, queue=queue, reason=reason,
            job_count=outcome.gathered, detail=_detail(action, outcome),
        )  # fmt: skip
        return Switched(outcome=outcome, recorded=recorded)

    async def _note(self, actor: Actor, queue: QueueId, text: str) -> None:
        """A line for the thread of whatever is firing there; a nicety, so never an error."""
        try:
            at = await self._reader.now()
            await self._store.mark(
                Mark(kind=MarkKind.NOTE, by=actor.user, at=at, queue=queue, text=text)
            )
        except RedisUnavailableError:
            return


def _detail(action: str, outcome: PauseOutcome) -> str:
    """What is kept of it beside the action itself: "" when it did just that."""
    was = "paused" if action == "pause" else "running"
    parts = [] if outcome.changed else [f"it was {was} already"]
    if outcome.gathered:
        parts.append(f"took in {outcome.gathered:,} that lay in the other list")
    return "; ".join(parts)
