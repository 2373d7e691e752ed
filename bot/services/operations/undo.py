"""Undo: an archive's batches come back, the newest first."""

from __future__ import annotations

from collections.abc import AsyncIterator

from bot.domain.archives import back_set
from bot.domain.jobs import BatchOutcome
from bot.domain.plans import Plan
from bot.domain.policy import Catalog
from bot.errors import RefusedError
from bot.ports import Archive, DoneSets, QueueRemover
from bot.services.archiving import Archiving
from bot.services.bringing_back import BringingBack, Stays
from bot.services.operations.ahead import LookAhead
from bot.services.operations.base import Step, Throttle
from bot.services.returning import Returning


class UndoExecutor:
    """Carries out undos.

    Two of the same archive do no harm: a job comes back once from an archive, as the queue's own
    Redis remembers (`QueueRemover.restore`), and the other undo finds it in use. A batch that its
    clean left unsettled, as a process died after another had ended it, or Redis was away for too
    long, is finished first: of its jobs, those that went on in the queue must not come back, and
    those that were not removed are removed, so that no slow process can do it later.

    Jobs whose order's work another job does, or did, stay archived: each is looked at shortly
    before it comes back, and while what is asked does not answer, nothing comes back.

    However slowly it goes, the archive does not run out meanwhile: each batch prolongs it.
    """

    def __init__(
        self,
        *,
        archiving: Archiving,
        remover: QueueRemover,
        archive: Archive,
        done: DoneSets,
        catalog: Catalog,
        returning: Returning | None = None,
    ) -> None:
        self._archiving = archiving
        self._bringing = BringingBack(remover=remover, archive=archive, done=done)
        self._archive = archive
        self._done = done
        self._catalog = catalog
        self._returning = returning

    async def steps(self, plan: Plan, throttle: Throttle) -> AsyncIterator[Step]:
        """A batch at a time; what is back goes out of the archive.

        Raises:
            RefusedError, RedisUnavailableError: as the port; also where the archive has run out.
            SalesforceUnavailableError, SalesforceRefusedError: it is not known what must stay.
        """
        configured = self._catalog.policy(plan.queue).bullmq
        await self._archiving.resume(
            plan.queue,
            archive_id=plan.archive,
            configured=configured,
            operation=f"{plan.id}.finish",
        )
        held, met, left_out = await self._hold(plan), 0, 0
        stays = await self._stays(plan)
        for number in await self._archive.batches(plan.archive):
            parts = self._bringing.bring_back(
                plan.queue,
                archive_id=plan.archive,
                batch=number,
                configured=configured,
                operation=plan.id,
                size=lambda: throttle.batch,
                stays=stays,
            )
            async for outcome in parts:
                if outcome.left_out:
                    left_out += outcome.left_out
                    await self._archive.leave_out(plan.archive, left_out)
                met += len(outcome.done) + outcome.already + outcome.changed + outcome.left_out
                yield Step(outcome=outcome)
        await self._check_whole(plan, held - met)

    async def _hold(self, plan: Plan) -> int:
        """Keep the archive from running out, begin to count anew; how many jobs it holds.

        What is known to be back lasts longer than it, or a job could come back twice.
        """
        await self._done.prolong(plan.queue, back_set(plan.archive))
        await self._archive.prolong(plan.archive)
        await self._archive.leave_out(plan.archive, 0)
        info = await self._archive.info(plan.archive)
        if info is not None:
            return info.jobs
        return plan.count - await self._done.count(plan.queue, plan.id)

    async def _stays(self, plan: Plan) -> Stays | None:
        """What tells which jobs must not come back."""
        info = await self._archive.info(plan.archive)
        if self._returning is None or info is None:
            return None
        return LookAhead(self._returning, self._archive, info, all_of_them=plan.named).staying

    async def _check_whole(self, plan: Plan, missed: int) -> None:
        """Whether what was not met came back by another undo.

        Raises:
            RefusedError: the archive, or a batch of it, is gone with the jobs in it.
        """
        if missed <= 0:
            return
        batches = await self._archive.batches(plan.archive)
        left = sum([len(await self._archive.batch(plan.archive, number)) for number in batches])
        info = await self._archive.info(plan.archive)
        lost = missed if info is None else info.jobs - left
        if lost > 0:
            jobs = "1 job" if lost == 1 else f"{lost:,} jobs"
            refusal = RefusedError(f"The archive ran out: {jobs} could not be brought back.")
            refusal.done = BatchOutcome(vanished=lost)
            raise refusal

    async def finish(self, plan: Plan) -> BatchOutcome:
        """Take out of the archive what is back; raises as `BringingBack.drop_returned`."""
        for number in await self._archive.batches(plan.archive):
            await self._bringing.drop_returned(plan.queue, archive_id=plan.archive, batch=number)
        return BatchOutcome()
