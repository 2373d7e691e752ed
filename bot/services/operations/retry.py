"""Retry: the plan's failed jobs go back to waiting, each only while it is the same failure."""

from __future__ import annotations

from collections.abc import AsyncIterator

from bot.domain.jobs import BatchOutcome, FailedRef
from bot.domain.plans import Plan
from bot.domain.policy import Catalog
from bot.ports import DoneSets, QueueOperator, QueueReader
from bot.services.operations.ahead import RetryAhead
from bot.services.operations.base import Step, Throttle
from bot.services.operations.selection import Upcoming
from bot.services.overtaken import DoneElsewhere


class RetryExecutor:
    """Carries out retries, canaries first where the plan says so.

    Jobs whose work others have done since the card are left out, however long it takes: `elsewhere`
    tells of each shortly before it is moved, and while that does not answer, nothing is moved.
    """

    def __init__(
        self,
        *,
        reader: QueueReader,
        operator: QueueOperator,
        done: DoneSets,
        catalog: Catalog,
        elsewhere: DoneElsewhere | None = None,
    ) -> None:
        self._reader = reader
        self._operator = operator
        self._done = done
        self._catalog = catalog
        self._elsewhere = elsewhere or DoneElsewhere(reader=reader, catalog=catalog, settled=None)

    async def steps(self, plan: Plan, throttle: Throttle) -> AsyncIterator[Step]:
        """A batch at a time; with a canary, no more than so many in all.

        Raises:
            RefusedError, RedisUnavailableError: as the port.
            SalesforceUnavailableError: it is not known which orders are done.
        """
        before = await self._done.count(plan.queue, plan.id)
        left = max(0, plan.canary - before) if plan.canary else None
        ahead, upcoming = RetryAhead(self._elsewhere, self._done, plan), Upcoming(self._refs(plan))
        seen = out = 0
        while some := _room(plan, before + seen, left):
            size = min(some, throttle.batch)
            if await ahead.look(upcoming, size):
                yield Step(asked=True)
            refs = await upcoming.take(size)
            if not refs:
                break
            batch, gone = ahead.sorted_out(refs)
            outcome = await self._retry(plan, batch) if batch else BatchOutcome()
            # those that left the set before it was read again are no longer failed, too
            seen += len(batch) - outcome.already - outcome.vanished
            out += gone
            if left is not None:
                left -= len(outcome.done)
            yield Step(outcome=outcome + BatchOutcome(left_out=gone), note=ahead.note())
        else:
            return
        if not plan.ids:
            yield Step(outcome=BatchOutcome(changed=max(0, plan.count - before - seen - out)))

    async def _retry(self, plan: Plan, batch: list[FailedRef]) -> BatchOutcome:
        return await self._operator.retry(
            plan.queue,
            batch,
            fresh=plan.fresh,
            configured=self._catalog.policy(plan.queue).bullmq,
            operation=plan.id,
        )

    async def _refs(self, plan: Plan) -> AsyncIterator[list[FailedRef]]:
        """The plan's jobs as they were frozen."""
        if plan.ids:
            yield [FailedRef(job_id, failed_at) for job_id, failed_at in plan.ids]
            return
        excluded = frozenset(plan.excluded)
        async for batch in self._reader.select_failed(plan.queue, plan.filter):
            yield [ref for ref in batch if ref.id not in excluded]


def _room(plan: Plan, counted: int, left: int | None) -> int:
    """How many jobs the next call may have: what a canary has left, and no more than were shown.

    Where the filter selects them, an undo may have brought older jobs back since; of those, ones
    that were done long ago are left out, and take no room.
    """
    shown = max(0, plan.count - counted)
    return shown if left is None else min(shown, left)
