"""Watches the jobs an operation moved until they have finished, and counts how."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Final

from bot.domain.operations import WATCH_LIMIT, WATCHED, Receipt
from bot.domain.policy import Catalog
from bot.domain.redaction import shown_code
from bot.domain.times import SECOND, Ms
from bot.errors import HandedOverError, RedisUnavailableError
from bot.ports import DoneSets, Ended, OutcomeReader
from bot.services.operations.record import Record

STEP: Final = 500
EVERY: Final = 2.0
"""Seconds between two looks, more where many jobs are out."""
PER_STEP: Final = 0.1
"""Seconds between two looks for each call that a look takes."""
LISTEN_EVERY: Final = 0.5
"""Seconds between two looks at the events stream when there was nothing new in it."""
LOOKS: Final = 3
"""Looks after which a job that left nothing behind is taken for gone."""
REMEMBERED: Final = 100_000
"""Ends of jobs that are remembered; the oldest are forgotten first."""


class Receipts:
    """Follows operations to the end of their jobs."""

    def __init__(
        self,
        *,
        done: DoneSets,
        outcomes: OutcomeReader,
        now: Callable[[], Awaitable[Ms]],
        catalog: Catalog,
        every: float = EVERY,
    ) -> None:
        self._done = done
        self._outcomes = outcomes
        self._now = now
        self._catalog = catalog
        self._every = every

    async def listen(self, record: Record) -> None:
        """Note what ends while the operation runs, until cancelled: events do not stay long.

        A stream holds about 10,000 entries, four a job: at a thousand jobs a second, 2 seconds.
        """
        began = record.operation.began_at or await self._now()
        cursor = f"{max(0, began - SECOND)}-0"
        while True:
            before = cursor
            with suppress(RedisUnavailableError):
                cursor, found = await self._outcomes.finished_events(record.plan.queue, before)
                record.told.update(found)
                while len(record.told) > REMEMBERED:
                    del record.told[next(iter(record.told))]
            if cursor == before:
                await asyncio.sleep(LISTEN_EVERY)

    async def watch(self, record: Record, leave: asyncio.Event) -> Receipt:
        """Look until all have finished or the time is over; each look is in the record.

        Raises:
            HandedOverError: the process ends.
        """
        redact = self._catalog.policy(record.plan.queue).redact
        watching = _Watching(record, self._outcomes, redact)
        await watching.begin(self._done)
        moved_at = record.operation.moved_at or await self._now()
        while True:
            try:
                receipt = await watching.look()
                record.set(receipt=receipt)
                over = await self._now() - moved_at >= WATCH_LIMIT
            except RedisUnavailableError:  # away for a while: the next look tells
                receipt, over = record.operation.receipt or Receipt(waiting=1), False
            if over or not receipt.waiting:
                return receipt
            await _sleep(self._every + PER_STEP * receipt.waiting / STEP, leave)


class _Watching:
    """The jobs of one operation that are still out, and those that have ended."""

    def __init__(self, record: Record, outcomes: OutcomeReader, redact: tuple[str, ...]) -> None:
        self._redact = redact
        self._queue = record.plan.queue
        self._operation = record.plan.id
        self._outcomes = outcomes
        self._told = record.told
        self._out: list[str] = []
        self._ended: Counter[Ended] = Counter()
        self._missing: Counter[str] = Counter()
        self._of = 0

    async def begin(self, done: DoneSets) -> None:
        """Read which jobs were moved."""
        self._of = await done.count(self._queue, self._operation)
        async for batch in done.ids(self._queue, self._operation):
            self._out += batch[: WATCHED - len(self._out)]
            if len(self._out) >= WATCHED:
                return

    async def look(self) -> Receipt:
        """How they stand now: those that have ended are not looked at again."""
        still: list[str] = []
        for start in range(0, len(self._out), STEP):
            ids = self._out[start : start + STEP]
            for job_id, ended in (await self._outcomes.outcomes(self._queue, ids)).items():
                told = self._judged(job_id, ended)
                if told is None:
                    still.append(job_id)
                else:
                    self._ended[told] += 1
        self._out = still
        return self._receipt()

    def _judged(self, job_id: str, now: Ended) -> Ended | None:
        """How a job ended, None while that is not known: an event may take a look or two."""
        if now.state != "gone":
            return None if now.state == "waiting" else now
        self._missing[job_id] += 1
        told = self._told.get(job_id)
        return told if told is not None or self._missing[job_id] < LOOKS else now

    def _receipt(self) -> Receipt:
        # a code may be a job's own message: it is stored and shown as a person may see it
        failed = Counter[str]()
        for ended, count in self._ended.items():
            if ended.state == "failed":
                failed[shown_code(ended.code, self._redact)] += count
        return Receipt(
            completed=_sum(self._ended, "completed"),
            failed=dict(failed.most_common()),
            waiting=len(self._out),
            gone=_sum(self._ended, "gone"),
            watched=len(self._out) + sum(self._ended.values()),
            of=self._of,
        )


def _sum(ended: Counter[Ended], state: str) -> int:
    counts: Iterable[int] = (count for one, count in ended.items() if one.state == state)
    return sum(counts)


async def _sleep(seconds: float, leave: asyncio.Event) -> None:
    """Wait, unless the process ends."""
    try:
        async with asyncio.timeout(seconds):
            await leave.wait()
    except TimeoutError:
        return
    raise HandedOverError
