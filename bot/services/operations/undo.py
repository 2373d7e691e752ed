"""Undo: an archive's batches come back, the newest first."""

from __future__ import annotations

from collections.abc import AsyncIterator

from bot.domain.jobs import BatchOutcome
from bot.domain.plans import Plan
from bot.domain.policy import Catalog
from bot.ports import Archive
from bot.services.archiving import Archiving
from bot.services.operations.base import Step, Throttle


class UndoExecutor:
    """Carries out undos.

    Two of the same archive do no harm: a job comes back once from an archive, as the queue's own
    Redis remembers (`QueueRemover.restore`), and the other undo finds it in use. A batch that its
    clean left unsettled, as a process died after another had ended it, or Redis was away for too
    long, is finished first: of its jobs, those that went on in the queue must not come back, and
    those that were not removed are removed, so that no slow process can do it later.
    """

    def __init__(self, *, archiving: Archiving, archive: Archive, catalog: Catalog) -> None:
        self._archiving = archiving
        self._archive = archive
        self._catalog = catalog

    async def steps(self, plan: Plan, throttle: Throttle) -> AsyncIterator[Step]:
        """A batch at a time; what is back goes out of the archive."""
        await self._archiving.resume(
            plan.queue,
            archive_id=plan.archive,
            configured=self._catalog.policy(plan.queue).bullmq,
            operation=f"{plan.id}.finish",
        )
        for number in await self._archive.batches(plan.archive):
            parts = self._archiving.bring_back(
                plan.queue,
                archive_id=plan.archive,
                batch=number,
                configured=self._catalog.policy(plan.queue).bullmq,
                operation=plan.id,
                size=lambda: throttle.batch,
            )
            async for outcome in parts:
                yield Step(outcome=outcome)

    async def finish(self, plan: Plan) -> BatchOutcome:
        """Take out of the archive what is back; raises as `Archiving.drop_returned`."""
        for number in await self._archive.batches(plan.archive):
            await self._archiving.drop_returned(
                plan.queue, archive_id=plan.archive, batch=number, operation=plan.id
            )
        return BatchOutcome()
