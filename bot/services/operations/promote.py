"""Promote: delayed jobs run now, in the order in which they would have."""

from __future__ import annotations

from collections.abc import AsyncIterator

from bot.domain.jobs import BatchOutcome
from bot.domain.plans import Plan
from bot.domain.policy import Catalog
from bot.ports import DoneSets, QueueOperator, QueueRemover
from bot.services.operations.base import Step, Throttle
from bot.services.operations.selection import batches
from bot.services.promoting import STATE


class PromoteExecutor:
    """Carries out promotions."""

    def __init__(
        self, *, operator: QueueOperator, remover: QueueRemover, done: DoneSets, catalog: Catalog
    ) -> None:
        self._operator = operator
        self._remover = remover
        self._done = done
        self._catalog = catalog

    async def steps(self, plan: Plan, throttle: Throttle) -> AsyncIterator[Step]:
        """A batch at a time; no more than the plan counts, as producers may add all the while."""
        before = await self._done.count(plan.queue, plan.id)
        seen = 0
        async for ids in batches(self._ids(plan), throttle):
            some = ids if plan.ids else ids[: max(0, plan.count - before - seen)]
            if not some:
                break
            outcome = await self._operator.promote(
                plan.queue,
                some,
                configured=self._catalog.policy(plan.queue).bullmq,
                operation=plan.id,
            )
            seen += len(some) - outcome.already
            yield Step(outcome=outcome)
        if not plan.ids:
            yield Step(outcome=BatchOutcome(changed=max(0, plan.count - before - seen)))

    async def _ids(self, plan: Plan) -> AsyncIterator[list[str]]:
        if plan.ids:
            yield [job_id for job_id, _ in plan.ids]
            return
        async for page in self._remover.select(plan.queue, STATE, until=None):
            yield [ref.id for ref in page]
