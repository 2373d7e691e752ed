"""Looks at queues for `status`: at one anew, at all of them in a round that people share."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Generic, TypeVar

from bot.domain.health import QueueHealth, StatusView, assess
from bot.domain.memory import QueueMemory
from bot.domain.policy import Catalog
from bot.domain.queues import QueueId
from bot.domain.sample import SampleRequest, SampleRound
from bot.ports import QueueReader, WatchStore
from bot.services.alerting import AlertBoard, Alerting
from bot.services.finder import QueueFinder

RECENT: Final = 100
"""Finished jobs the 95th percentile of processing time is taken from (the health table)."""

IN_FULL: Final = 12
"""Queues whose processing times are taken in the overview: it shows no more of them in full."""

FRESH: Final = 2.0
"""Seconds from its begin for which an overview is good for others too."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a round saw, and why it could not see the rest. `memories` are of its queues only."""

    healths: tuple[QueueHealth, ...]
    memories: Mapping[QueueId, QueueMemory]
    unreachable: Mapping[str, str]
    broken: Mapping[str, str]
    not_seen: tuple[str, ...]


class Shared(Generic[T]):
    """One making at a time for all who ask meanwhile; the result is kept `fresh` seconds.

    An error is told to those who wait for it and not kept, nor is what `keep` refuses.
    """

    def __init__(
        self,
        make: Callable[[], Awaitable[T]],
        *,
        fresh: float,
        monotonic: Callable[[], float],
        keep: Callable[[T], bool] = lambda _made: True,
    ) -> None:
        self._make = make
        self._fresh = fresh
        self._monotonic = monotonic
        self._keep = keep
        self._began = 0.0
        self._task: asyncio.Task[T] | None = None

    async def get(self) -> T:
        """What is being made now or was made just before, else a new one."""
        task = self._task
        if task is None or (task.done() and not self._is_good(task)):
            self._began = self._monotonic()
            task = self._task = asyncio.create_task(self._made())
            task.add_done_callback(_seen)
        # One who gives up does not take it from the others.
        return await asyncio.shield(task)

    async def _made(self) -> T:
        return await self._make()

    def _is_good(self, task: asyncio.Task[T]) -> bool:
        if task.cancelled() or task.exception() is not None:
            return False
        return self._monotonic() - self._began < self._fresh and self._keep(task.result())


class Looking:
    """Looks at queues, without reading again the events that the watch has read."""

    def __init__(
        self,
        *,
        reader: QueueReader,
        store: WatchStore,
        finder: QueueFinder,
        alerting: Alerting,
        catalog: Catalog,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._reader = reader
        self._store = store
        self._finder = finder
        self._catalog = catalog
        # What people did to alerts shows at once: the board is shared, and not kept.
        self._board = Shared(alerting.board, fresh=0.0, monotonic=monotonic)
        self._overview = Shared(
            self._look, fresh=FRESH, monotonic=monotonic, keep=lambda look: not look.unreachable
        )

    async def board(self) -> AlertBoard:
        """The alerts now."""
        return await self._board.get()

    async def overview(self) -> Look:
        """All queues, as they were at most about two seconds ago.

        With more than a dozen queues only those that need attention and come first are asked for
        processing times: the health of the others counts their backlog, what failed, and how long
        the oldest active job has been running.
        """
        return await self._overview.get()

    async def at(self, queue: QueueId) -> Look:
        """One queue, now."""
        memories = await self._store.cursors()
        round_ = await self._reader.sample(self._requests([queue], memories, RECENT, anew=True))
        return await self._seen([queue], memories, round_)

    async def _look(self) -> Look:
        queues = sorted(await self._finder.seen())
        memories = await self._store.cursors()
        few = len(queues) <= IN_FULL
        requests = self._requests(queues, memories, RECENT if few else 0, anew=True)
        round_ = await self._reader.sample(requests)
        look = await self._seen(queues, memories, round_)
        if few or not (first := await self._in_full(look)):
            return look
        more = await self._reader.sample(self._requests(first, memories, RECENT))
        timed = {one.queue: one for one in self._healths(more)}
        # What could not be read the second time was read just before.
        healths = tuple(timed.get(one.queue, one) for one in look.healths)
        return replace(look, healths=healths)

    async def _in_full(self, look: Look) -> list[QueueId]:
        board = await self.board()
        view = StatusView(now=board.now, healths=look.healths, incidents=board.incidents)
        return [health.queue for health, level in view.worst_first()[:IN_FULL] if level]

    async def _seen(
        self,
        queues: Iterable[QueueId],
        memories: Mapping[QueueId, QueueMemory],
        round_: SampleRound,
    ) -> Look:
        address = self._catalog.address
        return Look(
            healths=self._healths(round_),
            memories={queue: memories[queue] for queue in queues if queue in memories},
            unreachable=round_.unreachable,
            broken={address(queue): why for queue, why in round_.broken.items()},
            not_seen=await self._finder.not_seen(),
        )

    def _healths(self, round_: SampleRound) -> tuple[QueueHealth, ...]:
        catalog = self._catalog
        return tuple(
            assess(sample, catalog.policy(queue), catalog.health)
            for queue, sample in round_.samples.items()
        )

    @staticmethod
    def _requests(
        queues: Iterable[QueueId],
        memories: Mapping[QueueId, QueueMemory],
        recent: int,
        *,
        anew: bool = False,
    ) -> list[SampleRequest]:
        return [
            SampleRequest(
                queue=queue,
                cursor=memories[queue].cursor if queue in memories else None,
                recent=recent,
                anew=anew,
            )
            for queue in queues
        ]


def _seen(task: asyncio.Task[T]) -> None:
    """Whoever still waits is told the error; if nobody does, it is no news either."""
    if not task.cancelled():
        task.exception()
