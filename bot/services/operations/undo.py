"""Undo: an archive's batches come back, the newest first."""

from __future__ import annotations

from collections.abc import AsyncIterator

from bot.domain.jobs import BatchOutcome
from bot.domain.plans import Plan
from bot.domain.policy import Catalog
from bot.ports import Archive
from bot.services.archiving import Archiving
from bot.services.operations.base import Step, Throttle
from bot.services.settled_orders import SettledOrders


class UndoExecutor:
    """Carries out undos.

    Two of the same archive do no harm: a job comes back once from an archive, as the queue's own
    Redis remembers (`QueueRemover.restore`), and the other undo finds it in use. A batch that its
    clean left unsettled, as a process died after another had ended it, or Redis was away for too
    long, is finished first: of its jobs, those that went on in the queue must not come back, and
    those that were not removed are removed, so that no slow process can do it later.

    Old jobs that new ones have replaced come back only where their order is neither done nor under
    way: Salesforce is asked about each batch, and while it does not answer, nothing comes back.
    """

    def __init__(
        self,
        *,
        archiving: Archiving,
        archive: Archive,
        catalog: Catalog,
        settled: SettledOrders | None = None,
    ) -> None:
        self._archiving = archiving
        self._archive = archive
        self._catalog = catalog
        self._settled = settled

    async def steps(self, plan: Plan, throttle: Throttle) -> AsyncIterator[Step]:
        """A batch at a time; what is back goes out of the archive."""
        await self._archiving.resume(
            plan.queue,
            archive_id=plan.archive,
            configured=self._catalog.policy(plan.queue).bullmq,
            operation=f"{plan.id}.finish",
        )
        for number in await self._archive.batches(plan.archive):
            settled = await self._settled_in(plan, number)
            if settled:
                yield Step(outcome=BatchOutcome(left_out=len(settled)))
            parts = self._archiving.bring_back(
                plan.queue,
                archive_id=plan.archive,
                batch=number,
                configured=self._catalog.policy(plan.queue).bullmq,
                operation=plan.id,
                size=lambda: throttle.batch,
                leave=settled,
            )
            async for outcome in parts:
                yield Step(outcome=outcome)

    async def _settled_in(self, plan: Plan, number: int) -> frozenset[str]:
        """The jobs of a batch that a second provisioning would come of.

        Raises:
            SalesforceUnavailableError, SalesforceRefusedError: that is not known.
        """
        info = await self._archive.info(plan.archive)
        if self._settled is None or info is None or not info.replaced:
            return frozenset()
        jobs = await self._archive.batch(plan.archive, number)
        orders = self._settled.archived(jobs)
        return frozenset(await self._settled.of(orders, under_way=True))

    async def finish(self, plan: Plan) -> BatchOutcome:
        """Take out of the archive what is back; raises as `Archiving.drop_returned`."""
        for number in await self._archive.batches(plan.archive):
            await self._archiving.drop_returned(
                plan.queue, archive_id=plan.archive, batch=number, operation=plan.id
            )
        return BatchOutcome()
