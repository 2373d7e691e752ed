"""Watches the jobs an operation moved until they have finished, and counts how.

What has ended is stored as soon as it is seen (`ends`): the process may end before the operation
does, and a canary's rest is told together with the canary.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from typing import Final

from bot.domain.operations import WATCH_LIMIT, WATCHED, Receipt
from bot.domain.policy import Catalog
from bot.domain.redaction import shown_code
from bot.domain.times import SECOND, Ms
from bot.errors import HandedOverError, RedisUnavailableError
from bot.ports import DoneSets, Ended, OutcomeReader
from bot.services.operations.ends import Ends
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
"""Ends of jobs that are remembered of one operation while it still moves others."""


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
        self._ends = Ends(done)
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
                after, found = await self._outcomes.finished_events(record.plan.queue, before)
                told = dict(found)
                ids = list(told)
                for start in range(0, len(ids), STEP):
                    part = {job_id: told[job_id] for job_id in ids[start : start + STEP]}
                    await self._note(record, part)
                cursor = after
            if cursor == before:
                await asyncio.sleep(LISTEN_EVERY)

    async def _note(self, record: Record, told: Mapping[str, Ended]) -> None:
        """Remember those of its jobs that have ended; an event may be older than the move."""
        plan = record.plan
        if record.out is not None:
            mine = [job_id for job_id in told if job_id in record.out]
        elif len(record.told) < REMEMBERED:
            mine = list(await self._done.contains(plan.queue, plan.id, list(told)))
        else:
            return
        if not mine:
            return
        ended = {
            job_id: told[job_id] if now.state == "gone" else now
            for job_id, now in (await self._outcomes.outcomes(plan.queue, mine)).items()
            if now.state != "waiting"
        }
        await self._ends.remember(plan, ended)
        record.told.update(ended)

    async def watch(self, record: Record, leave: asyncio.Event) -> Receipt:
        """Look until all have finished or the time is over; each look is in the record.

        Raises:
            HandedOverError: the process ends.
        """
        redact = self._catalog.policy(record.plan.queue).redact
        watching = _Watching(record, self._outcomes, self._ends, redact)
        await watching.begin(self._done)
        moved_at = record.operation.moved_at or await self._now()
        while True:
            try:
                receipt = await watching.look()
                if receipt != record.operation.receipt:
                    # stored too: an alert tells how many have failed again
                    await record.save(receipt=receipt)
                over = await self._now() - moved_at >= WATCH_LIMIT
            except RedisUnavailableError:  # away for a while: the next look tells
                receipt, over = record.operation.receipt or Receipt(waiting=1), False
            if over or not receipt.waiting:
                return receipt
            await _sleep(self._every + PER_STEP * receipt.waiting / STEP, leave)


class _Watching:
    """The jobs of one operation that are still out, and those that have ended."""

    def __init__(
        self, record: Record, outcomes: OutcomeReader, ends: Ends, redact: tuple[str, ...]
    ) -> None:
        self._redact = redact
        self._record = record
        self._plan = record.plan
        self._outcomes = outcomes
        self._ends = ends
        self._out: dict[str, None] = {}
        self._ended: Counter[Ended] = Counter()
        self._missing: Counter[str] = Counter()
        self._of = 0

    async def begin(self, done: DoneSets) -> None:
        """Read which jobs were moved, and how those ended that are known to have."""
        self._of = await done.count(self._plan.queue, self._plan.id)
        async for batch in done.ids(self._plan.queue, self._plan.id):
            self._out.update(dict.fromkeys(batch[: WATCHED - len(self._out)]))
            if len(self._out) >= WATCHED:
                break
        self._count(await self._ends.known(self._plan, self._out))
        self._record.out = self._out

    async def look(self) -> Receipt:
        """How they stand now: those that have ended are not looked at again."""
        out = list(self._out)
        for start in range(0, len(out), STEP):
            ids = out[start : start + STEP]
            looked = await self._outcomes.outcomes(self._plan.queue, ids)
            judged = {job_id: self._judged(job_id, now) for job_id, now in looked.items()}
            ended = {job_id: told for job_id, told in judged.items() if told is not None}
            new = {id_: one for id_, one in ended.items() if id_ not in self._record.told}
            await self._ends.remember(self._plan, new)
            self._count(ended)
        return self._receipt()

    def _count(self, ended: Mapping[str, Ended]) -> None:
        self._ended.update(ended.values())
        for job_id in ended:
            self._out.pop(job_id, None)

    def _judged(self, job_id: str, now: Ended) -> Ended | None:
        """How a job ended, None while that is not known: an event may take a look or two."""
        if now.state != "gone":
            return None if now.state == "waiting" else now
        self._missing[job_id] += 1
        told = self._record.told.get(job_id)
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
