"""Sweep: orphan hashes go, each only while no list or set has its id; and ids without a hash."""

from __future__ import annotations

from collections.abc import AsyncIterator

from bot.domain.jobs import BatchOutcome
from bot.domain.plans import GHOSTS, Plan
from bot.domain.policy import Catalog
from bot.ports import DoneSets, QueueRemover
from bot.services.operations.base import Step, Throttle
from bot.services.operations.selection import batches

FAILED = "failed"


class SweepExecutor:
    """Carries out sweeps."""

    def __init__(self, *, remover: QueueRemover, done: DoneSets, catalog: Catalog) -> None:
        self._remover = remover
        self._done = done
        self._catalog = catalog

    async def steps(self, plan: Plan, throttle: Throttle) -> AsyncIterator[Step]:
        """A batch at a time."""
        before = await self._done.count(plan.queue, plan.id)
        seen = 0
        if plan.state == GHOSTS:
            async for outcome in self._drop_ids(plan, throttle):
                seen += len(outcome.done)
                yield Step(outcome=outcome)
            yield Step(outcome=BatchOutcome(changed=max(0, plan.count - before - seen)))
            return
        async for ids in batches(self._ids(plan), throttle):
            outcome = await self._remover.remove_orphans(plan.queue, ids, operation=plan.id)
            seen += len(ids) - outcome.already
            yield Step(outcome=outcome)
        yield Step(outcome=BatchOutcome(changed=max(0, plan.count - before - seen)))

    async def _drop_ids(self, plan: Plan, throttle: Throttle) -> AsyncIterator[BatchOutcome]:
        """What each batch of the failed set took out; ids that have a job are not counted."""
        configured = self._catalog.policy(plan.queue).bullmq
        pages = self._remover.select(plan.queue, FAILED, until=plan.filter.until)
        async for refs in batches(pages, throttle):
            outcome = await self._remover.drop_ids(
                plan.queue, FAILED, refs, configured=configured, operation=plan.id
            )
            yield BatchOutcome(done=outcome.done)

    async def _ids(self, plan: Plan) -> AsyncIterator[list[str]]:
        if plan.ids:
            yield await self._remover.unlisted(plan.queue, [job_id for job_id, _ in plan.ids])
            return
        async for ids in self._remover.orphans(plan.queue):
            yield ids
