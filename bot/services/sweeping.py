"""Sweep: what bare commands or an eviction have left: hashes in no list, failed ids without one."""

from __future__ import annotations

from dataclasses import replace

from bot.domain.access import Actor
from bot.domain.compatibility import Action
from bot.domain.jobs import ORPHAN, FailedRef, FailureFilter
from bot.domain.listing import listed
from bot.domain.plans import GHOSTS, Plan, PlanKind
from bot.domain.queues import QueueId
from bot.errors import JobGoneError
from bot.ports import QueueRemover
from bot.services.plan_desk import FROZEN_BY_ID, Desk
from bot.services.planning import Proposal
from bot.services.weighing import SAMPLE, Scales


class SweepPlanner:
    """Makes plans to sweep. Callers have checked the role."""

    def __init__(self, *, desk: Desk, remover: QueueRemover, scales: Scales) -> None:
        self._desk = desk
        self._remover = remover
        self._scales = scales

    async def propose(self, actor: Actor, queue: QueueId, *, rate: float | None = None) -> Proposal:
        """Look through all of the queue's keys, and store a plan for the orphans among them.

        Raises:
            JobGoneError: there are none.
            RefusedError: the version table does not allow it now.
        """
        sample, _ = await self._desk.look(queue, Action.CLEAN)
        first: list[str] = []
        count = 0
        async for ids in self._remover.orphans(queue):
            count += len(ids)
            first += ids[: FROZEN_BY_ID - len(first)]
        if not count:
            address = self._desk.catalog.address(queue)
            raise JobGoneError(f"Every job of {address} is in one of its lists: no orphans.")
        some = f"Such as {listed(first, total=count)}"
        refs = [FailedRef(job_id, 0) for job_id in first]
        sampled = refs[:: max(1, len(refs) // SAMPLE)][:SAMPLE]
        weight = await self._scales.weigh_these(queue, ORPHAN, sampled, count)
        plan = self._desk.draft(
            actor, queue, PlanKind.SWEEP, now=sample.taken_at, count=count, rate=rate,
            state=ORPHAN,
            ids=tuple((job_id, 0) for job_id in first) if count <= FROZEN_BY_ID else (),
            warnings=(
                f"{some}: their data is there, but the queue does not know them any more",
                "No worker can reach them, but each may be the last copy of a job's data",
                *self._scales.said(weight, count),
            ),
        )  # fmt: skip
        return await self._desk.keep(replace(plan, archive=plan.id))

    async def propose_ghosts(self, actor: Actor, queue: QueueId) -> Proposal:
        """A plan to take ids out of the failed set that have no job, and nothing else.

        Raises:
            JobGoneError: there are none.
            RefusedError: the version table does not allow it now.
        """
        sample, _ = await self._desk.look(queue, Action.CLEAN)
        wanted = FailureFilter(until=sample.taken_at)
        count = await self._ghosts(queue, wanted)
        if not count:
            address = self._desk.catalog.address(queue)
            raise JobGoneError(f"Every failed job of {address} has its data: no ghosts.")
        plan = self._desk.draft(
            actor, queue, PlanKind.SWEEP, now=sample.taken_at, count=count, state=GHOSTS,
            filter=wanted,
            warnings=(
                "Their data is gone, by bare commands or an eviction: only their ids are left",
                "It cannot be undone: there is nothing to archive. Failed jobs that are whole stay",
            ),
        )  # fmt: skip
        return await self._desk.keep(plan)

    async def again(self, actor: Actor, plan: Plan) -> Proposal:
        """A new plan for what there is now; raises as `propose`."""
        if plan.state == GHOSTS:
            return await self.propose_ghosts(actor, plan.queue)
        return await self.propose(actor, plan.queue, rate=plan.rate)

    async def recount(self, plan: Plan) -> int:
        """How many there are now."""
        if plan.state == GHOSTS:
            return await self._ghosts(plan.queue, plan.filter)
        return sum([len(ids) async for ids in self._remover.orphans(plan.queue)])

    async def check(self, plan: Plan) -> None:
        """Look whether it may be done now; raises as `Planner.check`."""
        await self._desk.look(plan.queue, Action.CLEAN)

    async def _ghosts(self, queue: QueueId, wanted: FailureFilter) -> int:
        """How many failed ids have no hash."""
        return (await self._desk.reader.failures(queue, wanted)).vanished
