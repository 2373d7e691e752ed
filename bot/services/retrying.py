"""Retry: one job at once, more than one through a stored plan that acts once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from secrets import token_hex

from bot.domain.access import Actor
from bot.domain.audit import Outcome
from bot.domain.incidents import Mark, MarkKind
from bot.domain.jobs import FailedJob, FailedRef, FailureFilter, RetryOutcome
from bot.domain.plan_warnings import plan_warnings
from bot.domain.plans import PLAN_LIFETIME, PlanGroup, PlanStatus, RetryPlan
from bot.domain.policy import Catalog
from bot.domain.queues import QueueId
from bot.errors import (
    BullhornError,
    JobGoneError,
    PlanExpiredError,
    RedisUnavailableError,
    RefusedError,
    StaleError,
    UnavailableError,
)
from bot.ports import PlanStore, QueueOperator, QueueReader, WatchStore
from bot.services.journal import Journal
from bot.services.queue_facts import QueueFacts, allows_fresh
from bot.services.retry_words import grouped, note_text, what

BATCH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a confirmed retry did. `recorded` is False when the audit log could not be written.

    `stopped` says why it ended early, None when it went through.
    """

    plan: RetryPlan
    outcome: RetryOutcome
    recorded: bool
    stopped: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A stored plan, and whether fresh attempts may be offered for it."""

    plan: RetryPlan
    may_be_fresh: bool


class Retrying:
    """Moves failed jobs back to waiting. Callers have checked the role."""

    def __init__(
        self,
        *,
        reader: QueueReader,
        operator: QueueOperator,
        plans: PlanStore,
        journal: Journal,
        store: WatchStore,
        catalog: Catalog,
    ) -> None:
        self._reader = reader
        self._operator = operator
        self._plans = plans
        self._journal = journal
        self._store = store
        self._catalog = catalog
        self._facts = QueueFacts(reader=reader, catalog=catalog)

    async def single(self, actor: Actor, queue: QueueId, job_id: str, *, fresh: bool) -> bool:
        """Retry one job now; True when the audit log took it.

        Raises:
            JobGoneError: it is not failed (any more), or gone.
            RefusedError: the version table does not allow it.
        """
        what = f"retry job {job_id}" + (" with fresh attempts" if fresh else "")
        try:
            outcome = await self._retry_one(queue, job_id, fresh=fresh)
        except BullhornError as error:
            outcome_word = Outcome.REFUSED if isinstance(error, RefusedError) else Outcome.FAILED
            await self._journal.record(
                actor, "retry", what, outcome_word, queue=queue, jobs=[job_id], detail=str(error)
            )
            raise
        recorded = await self._journal.record(
            actor, "retry", what, Outcome.DONE, queue=queue, jobs=outcome.moved, detail="moved 1"
        )
        await self._note(actor, queue, f"retried job {job_id}")
        return recorded

    async def propose(
        self,
        actor: Actor,
        queue: QueueId,
        wanted: FailureFilter,
        *,
        ids: Sequence[str] = (),
        fresh: bool = False,
    ) -> Proposal:
        """Freeze what matches now and store a plan for it.

        Raises:
            JobGoneError: nothing that matches is failed.
            RefusedError: the version table does not allow it now.
        """
        sample = await self._facts.sample(queue)
        major = self._facts.check_retry(queue, sample, fresh=fresh)
        policy = self._catalog.policy(queue)
        if ids:
            named = await self._named(queue, ids)
            groups, refs = grouped(named), tuple((job.id, job.failed_at) for job in named)
            count = len(refs)
        else:
            report = await self._reader.failures(queue, wanted)
            wanted = replace(wanted, until=report.newest)
            groups, refs, count = report.groups, (), report.total
        if not count:
            raise JobGoneError("No failed job matches that now: nothing to retry.")
        shares = tuple(PlanGroup(group.code, group.count) for group in groups)
        plan = RetryPlan(
            id=token_hex(6),
            queue=queue,
            filter=wanted,
            ids=refs,
            count=count,
            groups=shares,
            asked_by=actor.user,
            asked_at=sample.taken_at,
            expires_at=sample.taken_at + PLAN_LIFETIME,
            channel=actor.channel,
            fresh=fresh,
            warnings=plan_warnings(
                shares,
                policy,
                now=sample.taken_at,
                last_failed=max((group.last_at for group in groups), default=None),
                paused=sample.paused,
                workers=sample.workers,
            ),
        )
        await self._plans.save(plan)
        return Proposal(plan=plan, may_be_fresh=not fresh and allows_fresh(major))

    async def confirm(self, actor: Actor, plan_id: str, *, fresh: bool = False) -> Done:
        """Carry a plan out, once.

        Raises:
            StaleError: it is unknown, another person's, expired, cancelled or already carried out.
            RefusedError: the version table does not allow it now; the plan stays open.
        """
        plan = await self._open_plan(actor, plan_id)
        sample = await self._facts.sample(plan.queue)
        if sample.taken_at >= plan.expires_at:
            raise PlanExpiredError("This plan has expired. Ask for a new one.")
        plan = replace(plan, fresh=plan.fresh or fresh)
        try:
            self._facts.check_retry(plan.queue, sample, fresh=plan.fresh)
        except RefusedError as error:
            await self._record(actor, plan, RetryOutcome(), Outcome.REFUSED, str(error))
            raise
        running = replace(
            plan,
            status=PlanStatus.RUNNING,
            confirmed_by=actor.user,
            confirmed_at=sample.taken_at,
        )
        if not await self._plans.advance(running, expected=PlanStatus.PROPOSED):
            await self._open_plan(actor, plan_id)
            raise StaleError("This plan was just carried out by another press.")
        return await self._carry_out(actor, running)

    async def plan(self, plan_id: str) -> RetryPlan | None:
        """A stored plan."""
        return await self._plans.get(plan_id)

    async def cancel(self, actor: Actor, plan_id: str) -> RetryPlan:
        """Put a plan aside: its button does nothing any more.

        Raises:
            StaleError: as for `confirm`.
        """
        plan = await self._open_plan(actor, plan_id)
        cancelled = replace(plan, status=PlanStatus.CANCELLED)
        if not await self._plans.advance(cancelled, expected=PlanStatus.PROPOSED):
            raise StaleError("This plan was just carried out by another press.")
        return cancelled

    async def _carry_out(self, actor: Actor, plan: RetryPlan) -> Done:
        outcome, stopped = RetryOutcome(), None
        try:
            async for batch in batches(self._reader, plan):
                outcome += await self._operator.retry(
                    plan.queue,
                    batch,
                    fresh=plan.fresh,
                    configured=self._catalog.policy(plan.queue).bullmq,
                )
        except (RefusedError, UnavailableError) as error:
            outcome += getattr(error, "done", None) or RetryOutcome()
            stopped = str(error)
        word = Outcome.FAILED if stopped else Outcome.DONE
        said = f"moved {len(outcome.moved)} of {plan.count}" + (f"; {stopped}" if stopped else "")
        done = replace(plan, status=PlanStatus.DONE, outcome=said)
        recorded = await self._record(actor, plan, outcome, word, said)
        try:
            await self._plans.advance(done, expected=PlanStatus.RUNNING)
        except RedisUnavailableError:
            recorded = False
        if outcome.moved:
            await self._note(actor, plan.queue, note_text(plan, outcome))
        return Done(plan=done, outcome=outcome, recorded=recorded, stopped=stopped)

    async def _retry_one(self, queue: QueueId, job_id: str, *, fresh: bool) -> RetryOutcome:
        self._facts.check_retry(queue, await self._facts.sample(queue), fresh=fresh)
        job = (await self._reader.failed_refs(queue, [job_id])).get(job_id)
        if job is None:
            raise await self._not_failed(queue, job_id)
        outcome = await self._operator.retry(
            queue,
            [FailedRef(job.id, job.failed_at)],
            fresh=fresh,
            configured=self._catalog.policy(queue).bullmq,
        )
        if outcome.left_out:
            raise RefusedError(
                f"Job {job_id} has a priority, and BullMQ 3 loses such jobs when they are retried."
            )
        if not outcome.moved:
            raise await self._not_failed(queue, job_id)
        return outcome

    async def _not_failed(self, queue: QueueId, job_id: str) -> JobGoneError:
        detail = await self._reader.job(queue, job_id)
        if detail is None:
            return JobGoneError(
                f"Job {job_id} is not in {self._catalog.address(queue)} (any more)."
            )
        return JobGoneError(f"Job {job_id} is {detail.state}, not failed: nothing to retry.")

    async def _named(self, queue: QueueId, ids: Sequence[str]) -> list[FailedJob]:
        found = await self._reader.failed_refs(queue, list(dict.fromkeys(ids)))
        jobs = [job for job in found.values() if job is not None]
        missing = [job_id for job_id, job in found.items() if job is None]
        if missing and not jobs:
            raise JobGoneError(f"None of these jobs is failed now: {', '.join(missing[:10])}.")
        return jobs

    async def _open_plan(self, actor: Actor, plan_id: str) -> RetryPlan:
        plan = await self._plans.get(plan_id)
        if plan is None:
            raise StaleError("This plan is not known any more. Ask for a new one.")
        if plan.asked_by != actor.user:
            raise StaleError("This plan was made for someone else. Ask for your own.")
        if plan.status is PlanStatus.CANCELLED:
            raise StaleError("This plan was cancelled. Ask for a new one.")
        if plan.status is not PlanStatus.PROPOSED:
            raise StaleError(
                f"{{people}} did this already at {{at}}: {plan.outcome or 'still under way'}.",
                people=(plan.confirmed_by or plan.asked_by,),
                at=plan.confirmed_at,
            )
        return plan

    async def _record(
        self, actor: Actor, plan: RetryPlan, outcome: RetryOutcome, word: Outcome, detail: str
    ) -> bool:
        return await self._journal.record(
            actor,
            "retry",
            what(plan),
            word,
            queue=plan.queue,
            jobs=outcome.moved,
            detail=detail,
            plan=plan.id,
        )

    async def _note(self, actor: Actor, queue: QueueId, text: str) -> None:
        """A line for the thread of whatever is firing there; a nicety, so never an error."""
        try:
            at = await self._reader.now()
            await self._store.mark(
                Mark(kind=MarkKind.NOTE, by=actor.user, at=at, queue=queue, text=text)
            )
        except RedisUnavailableError:
            return


async def batches(reader: QueueReader, plan: RetryPlan) -> AsyncIterator[list[FailedRef]]:
    """The plan's jobs as they were frozen, at most `BATCH` at a time."""
    if plan.ids:
        refs = [FailedRef(job_id, failed_at) for job_id, failed_at in plan.ids]
        for start in range(0, len(refs), BATCH):
            yield refs[start : start + BATCH]
        return
    async for batch in reader.select_failed(plan.queue, plan.filter):
        yield batch
