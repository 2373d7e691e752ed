"""The jobs of an operation that have failed again since it moved them."""

from __future__ import annotations

from bot.domain.jobs import FailedJob
from bot.domain.operations import WATCHED
from bot.domain.queues import QueueId
from bot.ports import DoneSets, QueueReader
from bot.services.operations.salesforce_receipts import new_set
from bot.services.order_notes import notes_set


class FailedAgain:
    """Looks the jobs of operations up, for as long as it is remembered which they were."""

    def __init__(self, *, done: DoneSets, reader: QueueReader) -> None:
        self._done = done
        self._reader = reader

    async def jobs(self, queue: QueueId, operation: str) -> list[FailedJob]:
        """Those that are failed now, newest first; of very many jobs, the first 20,000 are seen.

        Raises:
            RedisUnavailableError: the queue cannot be read.
        """
        found: list[FailedJob] = []
        seen = 0
        async for ids in self._done.ids(queue, await self._set_of(queue, operation)):
            known = await self._reader.failed_refs(queue, ids)
            found += [job for job in known.values() if job is not None]
            seen += len(ids)
            if seen >= WATCHED:
                break
        return sorted(found, key=lambda job: (-job.failed_at, job.id))

    async def known(self, queue: QueueId, operation: str) -> int:
        """Of how many jobs it is remembered that they are the operation's."""
        return await self._done.count(queue, await self._set_of(queue, operation))

    async def _set_of(self, queue: QueueId, operation: str) -> str:
        """The done set of its jobs: through Salesforce those are new ones."""
        through = await self._done.count(queue, notes_set(operation))
        return new_set(operation) if through else operation
