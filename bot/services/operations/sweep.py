"""Sweep: orphan hashes go into the archive, while no list or set has them; and ids without one."""

from __future__ import annotations

from collections.abc import AsyncIterator

from bot.domain.jobs import ORPHAN, BatchOutcome, FailedRef
from bot.domain.plans import GHOSTS, Plan
from bot.domain.policy import Catalog
from bot.ports import DoneSets, QueueRemover
from bot.services.operations.base import Step, Throttle
from bot.services.operations.clean import Taking
from bot.services.operations.selection import batches

FAILED = "failed"


class SweepExecutor:
    """Carries out sweeps."""

    def __init__(
        self, *, taking: Taking, remover: QueueRemover, done: DoneSets, catalog: Catalog
    ) -> None:
        self._taking = taking
        self._remover = remover
        self._done = done
        self._catalog = catalog

    async def steps(self, plan: Plan, throttle: Throttle) -> AsyncIterator[Step]:
        """A batch at a time; no more than the plan counts, as bare commands may go on."""
        if plan.archive:
            yield Step(outcome=await self.finish(plan))
        before = await self._done.count(plan.queue, plan.id)
        seen = 0
        if plan.state == GHOSTS:
            async for outcome in self._drop_ids(plan, throttle):
                seen += len(outcome.done)
                yield Step(outcome=outcome)
                if before + seen >= plan.count:
                    break
            yield Step(outcome=BatchOutcome(changed=max(0, plan.count - before - seen)))
            return
        async for ids in batches(self._ids(plan), throttle):
            some = ids if plan.ids else ids[: max(0, plan.count - before - seen)]
            if not some:
                break
            refs = [FailedRef(job_id, 0) for job_id in some]
            outcome = await self._taking.take(plan, ORPHAN, refs)
            seen += len(some) - outcome.already
            yield Step(outcome=outcome)
        yield Step(outcome=BatchOutcome(changed=max(0, plan.count - before - seen)))

    async def finish(self, plan: Plan) -> BatchOutcome:
        """Finish what a crash has left in the archive; raises as `Taking.begin`."""
        return await self._taking.begin(plan)

    async def _drop_ids(self, plan: Plan, throttle: Throttle) -> AsyncIterator[BatchOutcome]:
        """What each batch of the failed set took out; ids that have a job are not counted."""
        configured = self._catalog.policy(plan.queue).bullmq
        pages = self._remover.select(plan.queue, FAILED, until=plan.filter.until)
        async for refs in batches(pages, throttle):
            outcome = await self._remover.drop_ids(
                plan.queue, FAILED, refs,
                configured=configured, operation=plan.id, most=plan.count,
            )  # fmt: skip
            yield BatchOutcome(done=outcome.done)

    async def _ids(self, plan: Plan) -> AsyncIterator[list[str]]:
        if plan.ids:
            yield await self._remover.unlisted(plan.queue, [job_id for job_id, _ in plan.ids])
            return
        async for ids in self._remover.orphans(plan.queue):
            yield ids
