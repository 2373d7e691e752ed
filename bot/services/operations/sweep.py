"""Sweep: orphan hashes go, each only while no list or set has its id."""

from __future__ import annotations

from collections.abc import AsyncIterator

from bot.domain.jobs import BatchOutcome
from bot.domain.plans import Plan
from bot.ports import DoneSets, QueueRemover
from bot.services.operations.base import Step, Throttle
from bot.services.operations.selection import batches


class SweepExecutor:
    """Carries out sweeps."""

    def __init__(self, *, remover: QueueRemover, done: DoneSets) -> None:
        self._remover = remover
        self._done = done

    async def steps(self, plan: Plan, throttle: Throttle) -> AsyncIterator[Step]:
        """A batch at a time."""
        before = await self._done.count(plan.queue, plan.id)
        seen = 0
        async for ids in batches(self._ids(plan), throttle):
            outcome = await self._remover.remove_orphans(plan.queue, ids, operation=plan.id)
            seen += len(ids) - outcome.already
            yield Step(outcome=outcome)
        yield Step(outcome=BatchOutcome(changed=max(0, plan.count - before - seen)))

    async def _ids(self, plan: Plan) -> AsyncIterator[list[str]]:
        if plan.ids:
            yield await self._remover.unlisted(plan.queue, [job_id for job_id, _ in plan.ids])
            return
        async for ids in self._remover.orphans(plan.queue):
            yield ids
