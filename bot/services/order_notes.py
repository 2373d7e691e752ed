"""Which orders an operation was about to set, and how they stood: noted right before each change.

Salesforce is not changed in one step with the done set, which is beside the queue. After a crash an
order is the operation's if it was noted and is not as it was noted; one that was clearly not
changed is taken out again. That Salesforce was asked at all is kept: it is what a canary counts.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import astuple, replace

from bot.domain.queues import QueueId
from bot.domain.salesforce import Order, OrderJob, OrderNote, order_key
from bot.domain.subjects import JobAbout
from bot.domain.times import Ms
from bot.ports import DoneSets


class OrderNotes:
    """The notes of one operation, in a done set of their own; `read` them first."""

    def __init__(self, done: DoneSets, queue: QueueId, operation: str) -> None:
        self._done = done
        self._queue = queue
        self._set = notes_set(operation)
        self._asked = asked_set(operation)
        self._earlier: frozenset[str] = frozenset()
        self.asked: set[str] = set()
        """The jobs for which Salesforce was asked to change an order, or was about to be."""
        self._notes: defaultdict[str, list[OrderNote]] = defaultdict(list)

    async def read(self) -> list[OrderNote]:
        """All there are, those that were noted first first.

        Raises:
            RedisUnavailableError: the queue's source does not answer.
        """
        found: list[OrderNote] = []
        async for batch in self._done.ids(self._queue, self._set):
            found += map(_read, batch)
        found.sort(key=lambda note: note.at)
        self._notes.clear()
        self._keep(found)
        self.asked.clear()
        async for batch in self._done.ids(self._queue, self._asked):
            self.asked.update(batch)
        self._earlier = frozenset(self.asked)
        return found

    def changed(self, order: Order) -> bool:
        """Whether the order was noted and has changed since."""
        notes = self._notes.get(order_key(order.id), [])
        return bool(notes) and not any(note.is_of(order) for note in notes)

    def has(self, job: OrderJob) -> bool:
        """Whether the job's order was noted: it may have been set."""
        return bool(job.order_id and self._notes.get(order_key(job.order_id)))

    async def put(
        self,
        jobs: Sequence[OrderJob],
        orders: Mapping[str, Order],
        others: Mapping[str, Sequence[JobAbout]],
        at: Ms,
    ) -> None:
        """The orders of these jobs that are about to be changed, with the jobs each has at `at`.

        Both by `order_key`; raises as `read`. An order that was noted for another job is noted for
        these as it was then.
        """
        notes = [
            OrderNote(
                job_id=job.job_id, order_id=job.order_id, at=at, status=order.status,
                modified_at=order.modified_at, others=tuple(one.id for one in others.get(key, ())),
            )
            for job in jobs
            if job.order_id and (order := orders.get(key := order_key(job.order_id)))
        ]  # fmt: skip
        for job in jobs:
            before = self._notes.get(key := order_key(job.order_id or ""), ())
            if key not in orders and before and job.job_id not in {one.job_id for one in before}:
                notes.append(replace(before[-1], job_id=job.job_id))
        about = [note.job_id for note in notes]
        await self._done.remember(self._queue, self._asked, about)
        self.asked.update(about)
        await self._done.remember(self._queue, self._set, [_written(note) for note in notes])
        self._keep(notes)

    async def take_back(self, order_ids: Collection[str], *, refused: Collection[str] = ()) -> None:
        """These were not changed after all; for those `refused` Salesforce was asked still.

        Raises:
            RedisUnavailableError: as `read`.
        """
        notes = [note for one in order_ids for note in self._notes.pop(order_key(one), ())]
        await self._done.take_back(self._queue, self._set, [_written(note) for note in notes])
        keys = set(map(order_key, refused))
        about = {note.job_id for note in notes if order_key(note.order_id) not in keys}
        await self._done.take_back(self._queue, self._asked, about - self._earlier)
        self.asked -= about - self._earlier

    def _keep(self, notes: Sequence[OrderNote]) -> None:
        for note in notes:
            self._notes[order_key(note.order_id)].append(note)


def notes_set(operation: str) -> str:
    """The done set of what the operation was about to change."""
    return f"{operation}.tried"


def asked_set(operation: str) -> str:
    """The done set of the jobs for which Salesforce was asked."""
    return f"{operation}.asked"


def _written(note: OrderNote) -> str:
    return json.dumps(astuple(note), ensure_ascii=False, separators=(",", ":"))


def _read(text: str) -> OrderNote:
    job_id, order_id, at, status, modified_at, others = json.loads(text)
    return OrderNote(
        job_id=job_id, order_id=order_id, at=at, status=status, modified_at=modified_at,
        others=tuple(others),
    )  # fmt: skip
