"""Changes queues: the port QueueOperator, put together from a file for each kind of change."""

from __future__ import annotations

from collections.abc import Sequence

from bot.adapters.bullmq_guarded import Guarded
from bot.adapters.bullmq_pause import Switch, package_pause
from bot.adapters.bullmq_promote import promote
from bot.adapters.bullmq_retry import retry
from bot.adapters.bullmq_stalled import stalled_check, unstick
from bot.adapters.redis_errors import speaking_to
from bot.adapters.sources import Sources
from bot.domain.compatibility import Action
from bot.domain.jobs import BatchOutcome, FailedRef
from bot.domain.pausing import PauseOutcome
from bot.domain.queues import QueueId
from bot.domain.times import Ms


class BullmqOperator:
    """The port QueueOperator over the sources of the config."""

    def __init__(self, *, sources: Sources) -> None:
        self._sources = sources
        self._pause = package_pause()
        self._known: dict[QueueId, tuple[bytes, bytes]] = {}

    async def retry(
        self,
        queue: QueueId,
        jobs: Sequence[FailedRef],
        *,
        fresh: bool,
        configured: int | None,
        operation: str = "",
    ) -> BatchOutcome:
        """Move failed jobs back to waiting, each only while it is the same failure.

        Raises:
            RefusedError: the version table does not allow it, or the queue's own keys are damaged;
                `done` is what was moved before.
            RedisUnavailableError: the source does not answer; `done` is what was surely moved
                before, and up to one chunk more may have been.
        """
        actions = (Action.RETRY, Action.FRESH) if fresh else (Action.RETRY,)
        guarded = self._guarded(queue, actions, configured, operation)
        return await retry(guarded, jobs, fresh=fresh)

    async def promote(
        self, queue: QueueId, ids: Sequence[str], *, configured: int | None, operation: str
    ) -> BatchOutcome:
        """Let delayed jobs run now, each only while it is delayed; raises as `retry`."""
        return await promote(self._guarded(queue, (Action.PROMOTE,), configured, operation), ids)

    async def stalled_check(self, queue: QueueId) -> Ms:
        """How long BullMQ's `stalled-check` lasts.

        Raises:
            RedisUnavailableError: the source does not answer.
        """
        return await self._sources.ask(queue, lambda client: stalled_check(client, queue))

    async def unstick(
        self, queue: QueueId, *, configured: int | None, operation: str
    ) -> BatchOutcome:
        """One pass of BullMQ's stalled-job script; raises as `retry`."""
        return await unstick(self._guarded(queue, (Action.UNSTICK,), configured, operation))

    async def pause(self, queue: QueueId, *, configured: int | None) -> PauseOutcome:
        """Let no worker start another job of this queue.

        Raises:
            RefusedError: the version table does not allow it.
            RedisUnavailableError: the source does not answer; it may be paused all the same.
        """
        return await self._switch(queue, Action.PAUSE, configured)

    async def resume(self, queue: QueueId, *, configured: int | None) -> PauseOutcome:
        """End a pause.

        Raises:
            As `pause`.
        """
        return await self._switch(queue, Action.RESUME, configured)

    def _guarded(
        self,
        queue: QueueId,
        actions: tuple[Action, ...],
        configured: int | None,
        operation: str,
    ) -> Guarded:
        return Guarded(
            client=self._sources.client(queue),
            queue=queue,
            actions=actions,
            configured=configured,
            operation=operation,
            known=self._known,
        )

    async def _switch(self, queue: QueueId, action: Action, configured: int | None) -> PauseOutcome:
        switch = Switch(
            client=self._sources.client(queue),
            queue=queue,
            action=action,
            configured=configured,
            package=self._pause,
        )
        with speaking_to(queue.source):
            return await switch.run()
