"""Clean and remove: batches of whole jobs, archived first where the plan has an archive."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from functools import partial
from typing import Final

from bot.domain.archives import REPLACED
from bot.domain.jobs import ArchivedJob, BatchOutcome, FailedRef
from bot.domain.plans import Plan, PlanKind
from bot.domain.policy import Catalog
from bot.errors import BullhornError
from bot.ports import Archive, DoneSets, QueueRemover
from bot.services.archiving import Archiving
from bot.services.operations.base import Step, Throttle
from bot.services.operations.selection import batches

ENDED: Final = ("failed", "completed")
"""States whose sets may hold ids that have no job any more, and that `clean` cleans."""


class Taking:
    """Takes batches of jobs out of a queue, into the plan's archive or for good."""

    def __init__(
        self, *, remover: QueueRemover, archiving: Archiving, archive: Archive, catalog: Catalog
    ) -> None:
        self._remover = remover
        self._archiving = archiving
        self._archive = archive
        self._catalog = catalog

    async def begin(self, plan: Plan) -> BatchOutcome:
        """Make the archive, or finish what a crash has left half done in it.

        Raises:
            RefusedError: the queue does not allow it now; `done` is what was removed all the same.
            RedisUnavailableError: something does not answer; call again.
        """
        if not plan.archive:
            return BatchOutcome()
        await self._open(plan)
        return await self._archiving.resume(
            plan.queue,
            archive_id=plan.archive,
            configured=self._catalog.policy(plan.queue).bullmq,
            operation=plan.id,
            reopen=partial(self._open, plan),
        )

    async def _open(self, plan: Plan) -> None:
        """Make the archive, unless it is there."""
        by = plan.confirmed_by or plan.asked_by
        kind = "remove" if plan.named else plan.kind.verb
        kind = REPLACED if plan.kind is PlanKind.SALESFORCE else kind
        await self._archive.begin(
            plan.archive, queue=plan.queue, state=plan.state, kind=kind, by=by
        )

    async def take(
        self,
        plan: Plan,
        state: str,
        refs: list[FailedRef],
        *,
        wanted: Callable[[ArchivedJob], bool] | None = None,
    ) -> BatchOutcome:
        """One batch; of those that are archived, only the `wanted` ones.

        Raises:
            ArchiveFullError: there is no room for them; they stay.
            RefusedError, RedisUnavailableError: as `begin`.
        """
        configured = self._catalog.policy(plan.queue).bullmq
        if not plan.archive:
            return await self._remover.remove(
                plan.queue, state, refs, configured=configured, operation=plan.id
            )
        return await self._archiving.take(
            plan.queue, state, refs,
            archive_id=plan.archive, configured=configured, operation=plan.id, wanted=wanted,
            reopen=partial(self._open, plan),
        )  # fmt: skip


class CleanExecutor:
    """Carries out cleans, and the removal of one job."""

    def __init__(
        self, *, taking: Taking, remover: QueueRemover, done: DoneSets, catalog: Catalog
    ) -> None:
        self._taking = taking
        self._remover = remover
        self._catalog = catalog
        self._done = done

    async def steps(self, plan: Plan, throttle: Throttle) -> AsyncIterator[Step]:
        """A batch at a time, the oldest first; ids that have no job are taken out as `vanished`."""
        yield Step(outcome=await self.finish(plan))
        before = await self._done.count(plan.queue, plan.id)
        seen = 0
        async for refs in batches(self._refs(plan), throttle):
            # never more than were shown: an undo may have brought older ones back since
            some = refs if plan.ids else refs[: max(0, plan.count - before - seen)]
            if not some:
                break
            outcome = await self._taking.take(plan, plan.state, some)
            if outcome.vanished:
                outcome = await self._drop_ids(plan, some, outcome)
            seen += len(some) - outcome.already
            yield Step(outcome=outcome)
        if not plan.ids:
            yield Step(outcome=BatchOutcome(changed=max(0, plan.count - before - seen)))

    async def finish(self, plan: Plan) -> BatchOutcome:
        """Finish what a crash has left in the archive; raises as `Taking.begin`."""
        return await self._taking.begin(plan)

    async def _drop_ids(
        self, plan: Plan, refs: list[FailedRef], outcome: BatchOutcome
    ) -> BatchOutcome:
        """Take ids out that no job is left of; where that is refused, `done` is the outcome."""
        if plan.state not in ENDED:  # from its lists, BullMQ takes them out by itself
            return outcome
        configured = self._catalog.policy(plan.queue).bullmq
        try:
            dropped = await self._remover.drop_ids(
                plan.queue, plan.state, refs, configured=configured
            )
        except BullhornError as error:
            error.done = outcome
            raise
        count = len(dropped.done)
        others = outcome.changed + outcome.vanished - count
        return replace(outcome, changed=max(0, others), vanished=count)

    async def _refs(self, plan: Plan) -> AsyncIterator[list[FailedRef]]:
        if plan.ids:
            yield [FailedRef(job_id, score) for job_id, score in plan.ids]
            return
        until = plan.filter.until
        async for page in self._remover.select(plan.queue, plan.state, until=until):
            yield page
