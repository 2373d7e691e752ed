"""Promote: delayed jobs run now, one at once, all through a plan."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from secrets import token_hex
from typing import Any, Final

from bot.domain.access import Actor
from bot.domain.audit import Outcome
from bot.domain.compatibility import Action, allow
from bot.domain.incidents import Mark, MarkKind
from bot.domain.jobs import ArchivedJob, FailedRef, JobDetail
from bot.domain.listing import listed
from bot.domain.plan_choice import TooSoon, too_soon
from bot.domain.plan_consequences import Known
from bot.domain.plan_facts import FailedAbout, PlanFacts
from bot.domain.plan_warnings import plan_warnings
from bot.domain.plans import Plan, PlanKind
from bot.domain.policy import QueuePolicy
from bot.domain.queues import QueueId
from bot.domain.subjects import value_at
from bot.domain.times import Ms
from bot.errors import BullhornError, JobGoneError, RedisUnavailableError, RefusedError
from bot.ports import QueueOperator, QueueRemover, WatchStore
from bot.services.journal import Journal
from bot.services.other_jobs import other_jobs
from bot.services.plan_desk import FROZEN_BY_ID, Desk
from bot.services.planning import Proposal

STATE: Final = "delayed"
_MORE: Final = "{:,} jobs are too many to name: those that are delayed until it ends count too"


class PromotePlanner:
    """Makes plans to promote. Callers have checked the role."""

    def __init__(self, *, desk: Desk, remover: QueueRemover) -> None:
        self._desk = desk
        self._remover = remover

    async def propose(
        self, actor: Actor, queue: QueueId, *, ids: Sequence[str] = (), rate: float | None = None
    ) -> Proposal:
        """Freeze the jobs that are delayed now, or those named, and store a plan for them.

        Raises:
            JobGoneError: none is delayed.
            RefusedError: the version table does not allow it now.
        """
        sample, major = await self._desk.look(queue, Action.PROMOTE, anew=True)
        refs, count, said = await self._frozen(queue, ids)
        policy = self._desk.catalog.policy(queue)
        lost = allow(Action.PROMOTE, major=major, paused=False).leave_out_prioritized
        jobs = await self._read(queue, policy, refs, lost=lost)
        now = sample.taken_at
        soon = await self._soon(queue, policy, jobs, now)
        plan = self._desk.draft(
            actor, queue, PlanKind.PROMOTE, now=now, count=count, state=STATE, rate=rate,
            ids=tuple((ref.id, ref.failed_at) for ref in refs) if count <= FROZEN_BY_ID else (),
            named=bool(ids), later_at=soon.later_at,
        )  # fmt: skip
        warnings = plan_warnings(
            (), policy, now=now, paused=sample.paused, workers=sample.workers,
            busy=sample.busy, known=Known(kind=PlanKind.PROMOTE, soon=soon, named=bool(ids)),
        )  # fmt: skip
        over = (_MORE.format(count),) if count > FROZEN_BY_ID else ()
        lines = (*said, *_left_out(jobs, lost=lost), *warnings, *over)
        return await self._desk.keep(replace(plan, warnings=lines))

    async def again(self, actor: Actor, plan: Plan) -> Proposal:
        """A new plan for what an old one was asked for; raises as `propose`."""
        ids = [job_id for job_id, _ in plan.ids] if plan.named else ()
        return await self.propose(actor, plan.queue, ids=ids, rate=plan.rate)

    async def recount(self, plan: Plan) -> int:
        """How many are delayed now; of jobs that are frozen one by one, how many of them.

        What is delayed after the card is not touched then, and counts only where it may be.
        """
        if not plan.ids:
            return await self._remover.in_state(plan.queue, STATE, until=None)
        if not plan.named:
            return len(plan.ids) - len(await self._gone(plan))
        return len((await self._named(plan.queue, [job_id for job_id, _ in plan.ids]))[0])

    async def _gone(self, plan: Plan) -> set[str]:
        """Those of a plan's jobs that are not delayed any more."""
        left = {job_id for job_id, _ in plan.ids}
        async for page in self._remover.select(plan.queue, STATE, until=None):
            left.difference_update(ref.id for ref in page)
            if not left:
                break
        return left

    async def check(self, plan: Plan) -> None:
        """Look whether it may be done now; raises as `Planner.check`."""
        await self._desk.look(plan.queue, Action.PROMOTE)

    async def tried_just_now(self, queue: QueueId, job: JobDetail) -> bool:
        """Whether what a job is about was tried less than the queue's least gap ago."""
        policy = self._desk.catalog.policy(queue)
        about = _About(job.id, _subject(job.data, policy), priority=False)
        soon = await self._soon(queue, policy, [about], await self._desk.reader.now())
        return soon.subjects > 0

    async def _frozen(
        self, queue: QueueId, ids: Sequence[str]
    ) -> tuple[list[FailedRef], int, tuple[str, ...]]:
        """The jobs (the first of very many), how many they are, and what there is to say."""
        if ids:
            refs, missing = await self._named(queue, ids)
            if not refs:
                which = "This job is not" if len(ids) == 1 else "None of these jobs is"
                raise JobGoneError(f"{which} delayed now: nothing to promote.")
            told = f"{len(missing):,} of those named are not delayed: {listed(missing)}"
            return refs, len(refs), (told,) if missing else ()
        refs = []
        async for page in self._remover.select(queue, STATE, until=None):
            refs += page
            if len(refs) > FROZEN_BY_ID:
                break
        if not refs:
            raise JobGoneError("No job is delayed now: nothing to promote.")
        if len(refs) <= FROZEN_BY_ID:
            return refs, len(refs), ()
        return refs[:FROZEN_BY_ID], await self._remover.in_state(queue, STATE, until=None), ()

    async def _named(self, queue: QueueId, ids: Sequence[str]) -> tuple[list[FailedRef], list[str]]:
        found: list[FailedRef] = []
        missing: list[str] = []
        for job_id in dict.fromkeys(ids):
            placed = await self._remover.place(queue, job_id)
            if placed is not None and placed.state == STATE:
                found.append(placed.ref)
            else:
                missing.append(job_id)
        return found, missing

    async def _read(
        self, queue: QueueId, policy: QueuePolicy, refs: Sequence[FailedRef], *, lost: bool
    ) -> list[_About]:
        """What the jobs are about, so far as it matters here."""
        if not lost and not (policy.min_gap and policy.subject_path):
            return []
        jobs: list[_About] = []
        async for group in self._remover.capture(queue, STATE, refs):
            jobs += [_about(job, policy) for job in group.jobs]
        return jobs

    async def _soon(
        self, queue: QueueId, policy: QueuePolicy, jobs: Sequence[_About], now: Ms
    ) -> TooSoon:
        """Which subjects were tried less than the least gap ago."""
        path = policy.subject_path
        about = tuple(
            FailedAbout(id=job.id, failed_at=0, subject=job.subject) for job in jobs if job.subject
        )
        if not policy.min_gap or path is None or not about:
            return TooSoon()
        values = {job.subject for job in about if job.subject}
        since = now - policy.min_gap
        tried = await other_jobs(self._desk.reader, queue, path, values, since=since)
        return too_soon(PlanFacts(about=about), tried, (), gap=policy.min_gap, now=now)


class _About:
    """A delayed job: what it is about, and whether it has a priority."""

    __slots__ = ("id", "priority", "subject")

    def __init__(self, job_id: str, subject: str | None, *, priority: bool) -> None:
        self.id = job_id
        self.subject = subject
        self.priority = priority


def _about(job: ArchivedJob, policy: QueuePolicy) -> _About:
    fields = dict(job.fields)
    try:
        data = json.loads(fields.get(b"data", b"null"))
    except (ValueError, RecursionError):
        data = None
    priority = fields.get(b"priority", b"0") not in (b"", b"0")
    return _About(job.id, _subject(data, policy), priority=priority)


def _left_out(jobs: Sequence[_About], *, lost: bool) -> list[str]:
    count = sum(job.priority for job in jobs) if lost else 0
    them = "it" if count == 1 else "them"
    said = f"{count:,} with a priority: left out, this BullMQ would lose {them}"
    return [said] if count else []


def _subject(data: Any, policy: QueuePolicy) -> str | None:
    return value_at(data, policy.subject_path) if policy.subject_path else None


class Promoting:
    """Lets one delayed job run now, at once. Callers have checked the role."""

    def __init__(
        self, *, desk: Desk, operator: QueueOperator, journal: Journal, store: WatchStore
    ) -> None:
        self._desk = desk
        self._operator = operator
        self._journal = journal
        self._store = store

    async def delayed(self, queue: QueueId, job_id: str) -> JobDetail:
        """The job, while it is delayed.

        Raises:
            JobGoneError: it is not; with what it is.
        """
        job = await self._desk.reader.job(queue, job_id)
        address = self._desk.catalog.address(queue)
        if job is None:
            raise JobGoneError(f"Job {job_id[:60]} is not in {address} (any more).")
        if job.state != STATE:
            raise JobGoneError(
                f"Job {job_id[:60]} is {job.state}, not delayed: nothing to promote."
            )
        return job

    async def single(self, actor: Actor, queue: QueueId, job_id: str) -> bool:
        """Promote one job now; True when the audit log took it.

        Raises:
            JobGoneError: it is not delayed any more.
            RefusedError: the version table does not allow it.
        """
        operation = token_hex(6)

        async def record(outcome: Outcome, detail: str) -> bool:
            return await self._journal.record(
                actor, "promote", f"promote job {job_id}", outcome,
                queue=queue, jobs=[job_id], detail=detail, plan=operation,
            )  # fmt: skip

        await record(Outcome.STARTED, "")
        try:
            await self._promote(queue, job_id, operation)
        except BullhornError as error:
            refused = isinstance(error, RefusedError)
            await record(Outcome.REFUSED if refused else Outcome.FAILED, str(error))
            raise
        recorded = await record(Outcome.DONE, "promoted 1")
        await self._note(actor, queue, f"promoted job {job_id}")
        return recorded

    async def _promote(self, queue: QueueId, job_id: str, operation: str) -> None:
        await self._desk.look(queue, Action.PROMOTE)
        configured = self._desk.catalog.policy(queue).bullmq
        outcome = await self._operator.promote(
            queue, [job_id], configured=configured, operation=operation
        )
        if outcome.left_out:
            raise RefusedError(
                f"Job {job_id[:60]} would be lost: it has a priority on BullMQ 3, or its keys "
                "are damaged. If the queue runs a later one, set `bullmq:` for it in the config."
            )
        if not outcome.done:
            await self.delayed(queue, job_id)
            raise JobGoneError(f"Job {job_id[:60]} was just promoted by something else.")

    async def _note(self, actor: Actor, queue: QueueId, text: str) -> None:
        """A line for the thread of whatever is firing there; a nicety, so never an error."""
        try:
            at = await self._desk.reader.now()
            await self._store.mark(
                Mark(kind=MarkKind.NOTE, by=actor.user, at=at, queue=queue, text=text)
            )
        except RedisUnavailableError:
            return
