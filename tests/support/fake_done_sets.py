"""What operations have changed, in memory."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import AsyncIterator, Collection

from bot.domain.queues import QueueId

_AT_ONCE = 2


class FakeDoneSets(ABC):
    """Satisfies DoneSets. What is in them, oldest first, is in `done_sets`, as in Redis."""

    def __init__(self) -> None:
        self.done_sets: dict[tuple[QueueId, str], dict[str, None]] = defaultdict(dict)
        self.closed: set[tuple[QueueId, str]] = set()
        self.prolonged: list[str] = []

    @abstractmethod
    def _at(self, queue: QueueId) -> object:
        """What is there; raises when it cannot be reached."""

    def note(self, queue: QueueId, operation: str, job_id: str) -> None:
        """Remember a job, unless the operation has no id."""
        if operation:
            self.done_sets[queue, operation][job_id] = None

    def has(self, queue: QueueId, operation: str, job_id: str) -> bool:
        """Whether the operation has changed this job."""
        return job_id in self.done_sets.get((queue, operation), {})

    async def count(self, queue: QueueId, operation: str) -> int:
        """How many jobs are in a done set."""
        self._at(queue)
        return len(self.done_sets.get((queue, operation), ()))

    async def ids(self, queue: QueueId, operation: str) -> AsyncIterator[list[str]]:
        """The ids in a done set, in small batches."""
        self._at(queue)
        found = list(self.done_sets.get((queue, operation), ()))
        for start in range(0, len(found), _AT_ONCE):
            yield found[start : start + _AT_ONCE]

    async def contains(
        self, queue: QueueId, operation: str, ids: Collection[str]
    ) -> frozenset[str]:
        """Which of these are in a done set."""
        self._at(queue)
        return frozenset(id_ for id_ in ids if self.has(queue, operation, id_))

    async def remember(self, queue: QueueId, operation: str, ids: Collection[str]) -> None:
        """Put ids into a done set."""
        self._at(queue)
        for id_ in ids:
            self.note(queue, operation, id_)

    async def take_back(self, queue: QueueId, operation: str, ids: Collection[str]) -> None:
        """Take ids out of a done set."""
        self._at(queue)
        for id_ in ids:
            self.done_sets[queue, operation].pop(id_, None)

    async def close(self, queue: QueueId, batch: str) -> None:
        """Let nothing more be removed into it."""
        self._at(queue)
        self.closed.add((queue, batch))

    async def prolong(self, queue: QueueId, operation: str) -> None:
        """They last for ever here; which was asked for is in `prolonged`."""
        self._at(queue)
        self.prolonged.append(operation)

    async def forget(self, queue: QueueId, operation: str) -> None:
        """Drop a done set."""
        self._at(queue)
        self.done_sets.pop((queue, operation), None)
