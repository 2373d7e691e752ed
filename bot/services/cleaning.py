"""Clean and remove: whole jobs leave a queue, archived first unless they have completed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from bot.domain.access import Actor
from bot.domain.compatibility import Action
from bot.domain.failures import failure_code
from bot.domain.jobs import FailureFilter, JobDetail, Placed
from bot.domain.listing import listed
from bot.domain.plan_facts import PlanFacts
from bot.domain.plans import Plan, PlanKind
from bot.domain.queues import QueueId
from bot.domain.redaction import shown_code
from bot.domain.times import DAY, Ms, say_duration
from bot.errors import JobGoneError, RefusedError
from bot.ports import QueueRemover
from bot.services.plan_desk import Desk
from bot.services.planning import Proposal
from bot.services.weighing import Scales

COMPLETED: Final = "completed"
FAILED: Final = "failed"
DEFAULT_AGE: Final[dict[str, Ms]] = {COMPLETED: 7 * DAY, FAILED: 30 * DAY}
"""How old jobs must be to be cleaned, by their state, unless it is said; from the contract."""

LOOK: Final = 40
"""Steps of a look for orphans while a card is drawn: about 20,000 keys."""

GHOSTS_LOOKED_AT: Final = 20_000
"""Completed ids, the oldest, that are looked at for one that has no job: 40 short calls."""


class CleanPlanner:
    """Makes plans to clean, and to remove one job. Callers have checked the role."""

    def __init__(self, *, desk: Desk, remover: QueueRemover, scales: Scales) -> None:
        self._desk = desk
        self._remover = remover
        self._scales = scales

    async def propose(
        self,
        actor: Actor,
        queue: QueueId,
        state: str,
        *,
        older_than: Ms,
        rate: float | None = None,
    ) -> Proposal:
        """Freeze the jobs that finished so longer ago, by that time, and store a plan for them.

        Raises:
            JobGoneError: there are none.
            RefusedError: the version table does not allow it now.
        """
        sample, _ = await self._desk.look(queue, Action.CLEAN)
        now = sample.taken_at
        until = now - older_than
        count = await self._remover.in_state(queue, state, until=until)
        orphans = await self._look_for_orphans(queue)
        if not count:
            raise JobGoneError(_nothing(state, older_than, orphans, self._address(queue)))
        said = await self._ages(queue, state, until=until, now=now)
        if state == FAILED:
            facts = await self._desk.reader.plan_facts(queue, FailureFilter(until=until))
            whole = max(0, count - facts.vanished)
            weight = await self._scales.weigh(queue, state, whole, until=until)
            said += self._scales.said(weight, whole) if whole else []
            said += _flows(facts) + _without_job(facts.vanished, count)
        else:
            said.append("Completed jobs are not archived: they cannot be brought back")
            said += await self._ghosts(queue, state, count, until=until)
        plan = self._desk.draft(
            actor, queue, PlanKind.CLEAN, now=now, count=count, state=state, rate=rate,
            filter=FailureFilter(until=until), warnings=tuple(said),
        )  # fmt: skip
        plan = replace(plan, archive=plan.id if state == FAILED else "")
        return await self._desk.keep(plan, orphans=orphans)

    async def propose_one(self, actor: Actor, queue: QueueId, job_id: str) -> Proposal:
        """A plan to archive and remove one job, wherever it is.

        It is a plan, though it is about one job: a press shows first what it hits, and the
        operation that follows finishes the work of a replica that dies between archive and removal.

        Raises:
            JobGoneError: it is not there.
            RefusedError: a worker holds it, a flow hangs on it, or the version table forbids it.
        """
        sample, _ = await self._desk.look(queue, Action.REMOVE)
        job = await self._desk.reader.job(queue, job_id)
        placed = await self._remover.place(queue, job_id)
        if placed is None or (job is None and placed.state not in DEFAULT_AGE):
            raise self._missing(queue, job_id, job)
        _check_free(placed, job_id)
        said = _without_job(1, 1)
        if job is not None:
            weight = await self._scales.weigh_these(queue, placed.state, [placed.ref], 1)
            redact = self._desk.catalog.policy(queue).redact
            said = [_described(job, redact), *self._scales.said(weight, 1)]
        plan = self._desk.draft(
            actor, queue, PlanKind.CLEAN, now=sample.taken_at, count=1, state=placed.state,
            ids=((job_id, placed.ref.failed_at),), named=True, warnings=tuple(said),
        )  # fmt: skip
        return await self._desk.keep(replace(plan, archive=plan.id if job is not None else ""))

    async def again(self, actor: Actor, plan: Plan) -> Proposal:
        """A new plan for what an old one was asked for; raises as `propose`."""
        if plan.named:
            return await self.propose_one(actor, plan.queue, plan.ids[0][0])
        return await self.propose(
            actor,
            plan.queue,
            plan.state,
            older_than=plan.asked_at - (plan.filter.until or 0),
            rate=plan.rate,
        )

    async def recount(self, plan: Plan) -> int:
        """How many have finished by that time; of one job, whether it is where it was."""
        if not plan.named:
            until = plan.filter.until
            return await self._remover.in_state(plan.queue, plan.state, until=until)
        ((job_id, score),) = plan.ids
        placed = await self._remover.place(plan.queue, job_id)
        same = placed is not None and (placed.state, placed.ref.failed_at) == (plan.state, score)
        return int(same)

    async def check(self, plan: Plan) -> None:
        """Look whether it may be done now; raises as `Planner.check`."""
        await self._desk.look(plan.queue, Action.REMOVE if plan.named else Action.CLEAN)

    async def _ages(self, queue: QueueId, state: str, *, until: Ms, now: Ms) -> list[str]:
        found = await self._remover.edges(queue, state, until=until)
        if found is None:
            return []
        oldest, newest = (say_duration(now - at) for at in found)
        verb = "failed" if state == FAILED else "completed"
        return [f"The oldest {verb} {oldest} ago, the newest {newest} ago"]

    async def _ghosts(self, queue: QueueId, state: str, count: int, *, until: Ms) -> list[str]:
        """How many of the oldest ids have no job: there may be millions, which are not all read."""
        looked = ghosts = 0
        async for refs in self._remover.select(queue, state, until=until):
            looked += len(refs)
            ghosts += await self._remover.without_job(queue, refs)
            if looked >= GHOSTS_LOOKED_AT:
                break
        if not ghosts:
            return []
        of = "them" if looked >= count else f"the {looked:,} oldest"
        have, ids = "have", "their data: their ids go"
        if ghosts == 1:
            have, ids = "has", "its data: its id goes"
        return [f"{ghosts:,} of {of} {have} lost {ids} too"]

    async def _look_for_orphans(self, queue: QueueId) -> int:
        """How many a short look finds."""
        return sum([len(ids) async for ids in self._remover.orphans(queue, steps=LOOK)])

    def _address(self, queue: QueueId) -> str:
        return self._desk.catalog.address(queue)

    def _missing(self, queue: QueueId, job_id: str, job: JobDetail | None) -> JobGoneError:
        address = self._address(queue)
        if job is None:
            return JobGoneError(f"Job {job_id[:60]} is not in {address} (any more).")
        return JobGoneError(
            f"Job {job_id[:60]} is in none of the lists of {address}: only its data is left. "
            f"`clean {address} orphans` removes such jobs."
        )


def _check_free(placed: Placed, job_id: str) -> None:
    """Refuse what would take something else along.

    Raises:
        RefusedError: with the reason.
    """
    job = f"Job {job_id[:60]}"
    if placed.locked:
        raise RefusedError(
            f"{job} is held by a live worker: removing it would take it from under its hands. "
            "Wait until it ends, or stop the worker."
        )
    if placed.parent_waits:
        raise RefusedError(
            f"{job} is a flow child, and its parent still waits for it: BullMQ would remove or "
            "start the parent with it. Remove the parent first, or retry the child."
        )
    if placed.children:
        raise RefusedError(
            f"{job} is a flow parent that waits for {placed.children:,} of its children: they "
            "would be left without it. Let them finish, or remove them first."
        )


def _flows(facts: PlanFacts) -> list[str]:
    """Flow children that stay, as BullMQ would remove or start their parents with them."""
    count = facts.children - facts.orphaned
    if count <= 0:
        return []
    if count == 1:
        return ["1 flow child whose parent waits for it: left out"]
    return [f"{count:,} flow children whose parents wait for them: left out"]


def _without_job(count: int, of: int) -> list[str]:
    """Ids in the set whose hash bare commands, or an eviction, have taken."""
    if not count:
        return []
    if of == 1:
        return ["Its data is gone, only its id is left: that goes, and there is nothing to archive"]
    if count == 1:
        return ["1 of them has lost its data: its id goes too, and is not archived"]
    return [f"{count:,} of them have lost their data: their ids go too, and are not archived"]


def _described(job: JobDetail, redact: Sequence[str]) -> str:
    """What is hit: its name, its state, and why it failed."""
    said = [f"{listed([job.name])}, {job.state}" if job.name else f"It is {job.state}"]
    if job.state == FAILED and job.failed_reason:
        code = shown_code(failure_code(job.failed_reason), redact, job.data)
        said.append(f" with {listed([code])}")
    if job.attempts_made > job.attempts:
        said.append(f", {job.attempts_made:,} attempts, {job.attempts:,} allowed")
    elif job.attempts_made:
        said.append(f", {job.attempts_made:,} of {job.attempts:,} attempts used")
    return "".join(said)


def _nothing(state: str, older_than: Ms, orphans: int, address: str) -> str:
    age = f" {say_duration(older_than)} ago or earlier" if older_than else ""
    verb = "failed" if state == FAILED else "completed"
    text = f"No job of {address} {verb}{age}: nothing to clean."
    if orphans:
        text += (
            f" {orphans:,} orphaned {'job was' if orphans == 1 else 'jobs were'} left by bare "
            f"commands: `clean {address} orphans` removes {'it' if orphans == 1 else 'them'}."
        )
    return text
