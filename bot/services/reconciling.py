"""Begun plans that are in no queue: a press that was cut off between the two."""

from __future__ import annotations

from bot.domain.plans import PlanStatus
from bot.ports import OperationQueue, PlanStore


class Reconciler:
    """Puts begun plans into the queue again that were lost on the way there.

    By a killed process, or a queue that refused. What is in it already stays as it is.
    """

    def __init__(self, *, plans: PlanStore, queue: OperationQueue) -> None:
        self._plans = plans
        self._queue = queue

    async def run_pass(self) -> None:
        """Look at all of them once.

        Raises:
            RedisUnavailableError: Bullhorn's own Redis does not answer.
        """
        for plan_id in await self._plans.running():
            plan = await self._plans.get(plan_id)
            if plan is None or plan.status is not PlanStatus.RUNNING:
                await self._plans.forget_running(plan_id)
                continue
            await self._queue.submit(plan.id, plan.attempt)
