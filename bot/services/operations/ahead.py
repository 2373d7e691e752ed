"""Which jobs must be left alone, looked at a little ahead of when an operation comes to them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from typing import Final

from bot.domain.archives import ArchiveInfo
from bot.domain.jobs import ArchivedJob, FailedRef
from bot.domain.plans import Plan
from bot.errors import SalesforceUnavailableError
from bot.ports import Archive, DoneSets
from bot.services.done_ids import done_among
from bot.services.operations.selection import Upcoming
from bot.services.overtaken import DoneElsewhere
from bot.services.returning import LOOKED_AT, Returning

FRESH: Final = 30.0
"""Seconds for which a look is good: one may go through all jobs of a queue."""

BATCHES: Final = 40
"""Batches that are read ahead, each of a megabyte or two."""

Monotonic = Callable[[], float]


class Lately:
    """What was found out about some jobs, for as long as that is good."""

    def __init__(self, monotonic: Monotonic) -> None:
        self._monotonic = monotonic
        self._left: dict[str, bool] = {}
        self._until = 0.0

    def knows(self, ids: Iterable[str]) -> bool:
        """Whether it is known of all of these, and lately."""
        return self._monotonic() < self._until and all(id_ in self._left for id_ in ids)

    def learn(self, ids: Iterable[str], left: Collection[str]) -> None:
        """These were looked at, and those of them must be left alone."""
        self._left = {id_: id_ in left for id_ in ids}
        self._until = self._monotonic() + FRESH

    def left(self, ids: Iterable[str]) -> frozenset[str]:
        """Those of these jobs, all of them looked at, that must be left alone."""
        return frozenset(id_ for id_ in ids if self._left[id_])


class LookAhead:
    """Asks `Returning`, for one undo: for many jobs at once, and again when that was long ago."""

    def __init__(
        self,
        returning: Returning,
        archive: Archive,
        info: ArchiveInfo,
        *,
        all_of_them: bool,
        monotonic: Monotonic = time.monotonic,
    ) -> None:
        self._returning = returning
        self._archive = archive
        self._info = info
        self._all_of_them = all_of_them
        self._lately = Lately(monotonic)

    async def staying(self, batch: int, jobs: Sequence[ArchivedJob]) -> frozenset[str]:
        """Those of these jobs of a batch that must stay; raises as `Returning.staying`."""
        if not self._returning.has_to_look(self._info, all_of_them=self._all_of_them):
            return frozenset()
        ids = [job.id for job in jobs]
        if not self._lately.knows(ids):
            ahead = [*jobs, *await self._after(batch, len(jobs))]
            staying = await self._returning.staying(self._info, ahead)
            self._lately.learn([job.id for job in ahead], staying)
        return self._lately.left(ids)

    async def _after(self, batch: int, count: int) -> list[ArchivedJob]:
        """The jobs that come back after that batch, until there are enough."""
        jobs: list[ArchivedJob] = []
        later = [number for number in await self._archive.batches(self._info.id) if number < batch]
        for number in later[:BATCHES]:
            if count + len(jobs) >= LOOKED_AT:
                break
            jobs += await self._archive.batch(self._info.id, number)
        return jobs


class RetryAhead:
    """Asks, for one retry, whether others have done the work of the jobs that come next."""

    def __init__(
        self,
        elsewhere: DoneElsewhere,
        done: DoneSets,
        plan: Plan,
        *,
        monotonic: Monotonic = time.monotonic,
    ) -> None:
        self._elsewhere = elsewhere
        self._done = done
        self._plan = plan
        self._asks = elsewhere.asks(plan)
        self._lately = Lately(monotonic)
        self._how: dict[str, str] = {}
        self._out: dict[str, str] = {}

    async def look(self, upcoming: Upcoming[FailedRef], count: int) -> bool:
        """Look at the next `count` jobs and some more, unless that is known; whether it did.

        Raises:
            RedisUnavailableError, SalesforceUnavailableError: it is not known.
        """
        if not self._asks:
            return False
        if self._lately.knows(ref.id for ref in await upcoming.seen(count)):
            return False
        refs = await upcoming.seen(max(count, self._most()))
        if refs:
            await self._ask(refs)
        return bool(refs)

    def _most(self) -> int:
        """How many it is worth to ask about together: each request to Salesforce counts."""
        plan, most = self._plan, self._asks
        if plan.rate is not None:
            most = min(most, math.ceil(plan.rate * FRESH))
        return min(most, plan.canary) if plan.canary else most

    async def _ask(self, refs: Sequence[FailedRef]) -> None:
        plan, ids = self._plan, [ref.id for ref in refs]
        own = await done_among(self._done, plan.queue, plan.id, ids)
        mine = tuple((ref.id, ref.failed_at) for ref in refs if ref.id not in own)
        self._how = {}
        if mine:
            found = await self._elsewhere.since(replace(plan, ids=mine, named=True))
            if found.unknown and (not plan.unchecked or plan.begin_at is not None):
                raise SalesforceUnavailableError(
                    f"Not checked in Salesforce which orders are done: {found.unknown}."
                )
            self._how = dict(found.how)
        self._lately.learn(ids, self._how)

    def sorted_out(self, refs: list[FailedRef]) -> tuple[list[FailedRef], int]:
        """These jobs without those that others have done, and how many that is."""
        if not self._asks:
            return refs, 0
        left = self._lately.left(ref.id for ref in refs)
        self._out |= {id_: self._how[id_] for id_ in left}
        return [ref for ref in refs if ref.id not in left], len(left)

    def note(self) -> str:
        """Why jobs were left out so far."""
        return "; ".join(self._elsewhere.words(self._plan, self._out))
