"""Retry: one job at once, more than one through a stored plan that acts once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from secrets import token_hex

from bot.domain.access import Actor
from bot.domain.audit import Outcome
from bot.domain.incidents import Mark, MarkKind
from bot.domain.jobs import BatchOutcome, FailedRef
from bot.domain.plans import Plan, PlanStatus
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
from bot.services.queue_facts import QueueFacts
from bot.services.retry_plans import open_plan
from bot.services.retry_words import note_text, what

BATCH = 500
STOPPED = "Bullhorn is stopping. Ask again for the rest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a confirmed retry did. `recorded` is False when the audit log could not be written.

    `stopped` says why it ended early, None when it went through.
    """

    plan: Plan
    outcome: BatchOutcome
    recorded: bool
    stopped: str | None = None


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
        self._stopping = False

    def stop(self) -> None:
        """Let a bulk retry end after the batch it is at: the process is stopping."""
        self._stopping = True

    async def single(self, actor: Actor, queue: QueueId, ref: FailedRef, *, fresh: bool) -> bool:
        """Retry one job now, as it was shown; True when the audit log took it.

        Raises:
            JobGoneError: it is not that failure any more, or gone.
            RefusedError: the version table does not allow it.
        """
        about = f"retry job {ref.id}" + (" with fresh attempts" if fresh else "")
        operation = token_hex(6)

        async def record(outcome: Outcome, detail: str) -> bool:
            return await self._journal.record(
                actor, "retry", about, outcome,
                queue=queue, jobs=[ref.id], detail=detail, plan=operation,
            )  # fmt: skip

        await record(Outcome.STARTED, "")
        try:
            await self._retry_one(queue, ref, fresh=fresh)
        except BullhornError as error:
            refused = isinstance(error, RefusedError)
            await record(Outcome.REFUSED if refused else Outcome.FAILED, str(error))
            raise
        recorded = await record(Outcome.DONE, "moved 1")
        await self._note(actor, queue, about.replace("retry", "retried", 1))
        return recorded

    async def confirm(self, actor: Actor, plan_id: str, *, fresh: bool = False) -> Done:
        """Carry a plan out, once.

        Raises:
            StaleError: it is unknown, another person's, expired, cancelled or already carried out.
            RefusedError: the version table does not allow it now; the plan stays open.
        """
        now = await self._reader.now()
        plan = open_plan(await self._plans.get(plan_id), actor, now)
        sample = await self._facts.sample(plan.queue)
        if now >= plan.expires_at:
            raise PlanExpiredError("This plan has expired. Ask for a new one.")
        plan = replace(plan, fresh=plan.fresh or fresh)
        try:
            self._facts.check_retry(plan.queue, sample, fresh=plan.fresh)
        except RefusedError as error:
            await self._record(actor, plan, BatchOutcome(), Outcome.REFUSED, str(error))
            raise
        running = replace(
            plan,
            status=PlanStatus.RUNNING,
            confirmed_by=actor.user,
            confirmed_at=now,
            progress_at=now,
            attempt=token_hex(6),
        )
        if not await self._begin(running):
            open_plan(await self._plans.get(plan_id), actor, now)
            raise StaleError("This plan was just carried out by another press.")
        await self._record(actor, running, BatchOutcome(), Outcome.STARTED, "")
        return await self._carry_out(actor, running)

    async def cancel(self, actor: Actor, plan_id: str) -> Plan:
        """Put a plan aside: its button does nothing any more.

        Raises:
            StaleError: as for `confirm`.
        """
        plan = open_plan(await self._plans.get(plan_id), actor, await self._reader.now())
        cancelled = replace(plan, status=PlanStatus.CANCELLED)
        if not await self._plans.advance(cancelled, expected=PlanStatus.PROPOSED):
            raise StaleError("This plan was just carried out by another press.")
        return cancelled

    async def plan(self, plan_id: str) -> Plan | None:
        """A stored plan."""
        return await self._plans.get(plan_id)

    async def _begin(self, running: Plan) -> bool:
        """Win the plan for this press; a lost reply is looked into, not taken for a no."""
        try:
            return await self._plans.advance(running, expected=PlanStatus.PROPOSED)
        except RedisUnavailableError:
            stored = await self._plans.get(running.id)
            if stored is not None and stored.attempt == running.attempt:
                return True
            raise

    async def _carry_out(self, actor: Actor, plan: Plan) -> Done:
        outcome, stopped = BatchOutcome(), None
        try:
            async for batch in batches(self._reader, plan):
                if self._stopping:
                    stopped = STOPPED
                    break
                outcome += await self._operator.retry(
                    plan.queue,
                    batch,
                    fresh=plan.fresh,
                    configured=self._catalog.policy(plan.queue).bullmq,
                )
                plan = await self._progress(plan, outcome)
        except (RefusedError, UnavailableError) as error:
            outcome += error.done or BatchOutcome()
            stopped = str(error)
        outcome = _with_those_gone(plan, outcome, stopped)
        word = Outcome.FAILED if stopped else Outcome.DONE
        said = f"moved {len(outcome.done):,} of {plan.count:,}"
        said += f"; {stopped}" if stopped else ""
        done = replace(plan, status=PlanStatus.DONE, outcome=said)
        recorded = await self._record(actor, plan, outcome, word, said)
        try:
            await self._plans.advance(done, expected=PlanStatus.RUNNING)
        except RedisUnavailableError:
            recorded = False
        if outcome.done:
            await self._note(actor, plan.queue, note_text(plan, outcome, self._redact(plan.queue)))
        return Done(plan=done, outcome=outcome, recorded=recorded, stopped=stopped)

    async def _progress(self, plan: Plan, outcome: BatchOutcome) -> Plan:
        """Store how far it is, so that an interrupted one can say so."""
        at = await self._reader.now()
        plan = replace(plan, done=len(outcome.done), progress_at=at)
        await self._plans.advance(plan, expected=PlanStatus.RUNNING)
        return plan

    async def _retry_one(self, queue: QueueId, ref: FailedRef, *, fresh: bool) -> None:
        self._facts.check_retry(queue, await self._facts.sample(queue), fresh=fresh)
        outcome = await self._operator.retry(
            queue, [ref], fresh=fresh, configured=self._catalog.policy(queue).bullmq
        )
        if outcome.left_out:
            raise RefusedError(
                f"Job {ref.id} has a priority, and BullMQ 3 loses such jobs when they are retried. "
                "If the queue runs a later one, set `bullmq:` for it in the config."
            )
        if not outcome.done:
            raise await self.not_failed(queue, ref.id)

    async def not_failed(self, queue: QueueId, job_id: str) -> JobGoneError:
        """Why a job cannot be retried that is not (that) failed any more."""
        detail = await self._reader.job(queue, job_id)
        address = self._catalog.address(queue)
        if detail is None:
            return JobGoneError(f"Job {job_id[:60]} is not in {address} (any more).")
        if detail.state == "failed":
            return JobGoneError(f"Job {job_id[:60]} has failed again since. Look at it anew first.")
        return JobGoneError(f"Job {job_id[:60]} is {detail.state}, not failed: nothing to retry.")

    async def _record(
        self, actor: Actor, plan: Plan, outcome: BatchOutcome, word: Outcome, detail: str
    ) -> bool:
        return await self._journal.record(
            actor,
            "retry",
            what(plan, self._redact(plan.queue)),
            word,
            queue=plan.queue,
            jobs=outcome.done,
            detail=detail,
            plan=plan.id,
        )

    def _redact(self, queue: QueueId) -> tuple[str, ...]:
        return self._catalog.policy(queue).redact

    async def _note(self, actor: Actor, queue: QueueId, text: str) -> None:
        """A line for the thread of whatever is firing there; a nicety, so never an error."""
        try:
            at = await self._reader.now()
            await self._store.mark(
                Mark(kind=MarkKind.NOTE, by=actor.user, at=at, queue=queue, text=text)
            )
        except RedisUnavailableError:
            return


async def batches(reader: QueueReader, plan: Plan) -> AsyncIterator[list[FailedRef]]:
    """The plan's jobs as they were frozen, at most `BATCH` at a time."""
    if plan.ids:
        refs = [FailedRef(job_id, failed_at) for job_id, failed_at in plan.ids]
        for start in range(0, len(refs), BATCH):
            yield refs[start : start + BATCH]
        return
    async for batch in reader.select_failed(plan.queue, plan.filter):
        yield batch


def _with_those_gone(plan: Plan, outcome: BatchOutcome, stopped: str | None) -> BatchOutcome:
    """Jobs that left the frozen set before it was read again were no longer failed, too."""
    if plan.ids or stopped:
        return outcome
    seen = len(outcome.done) + outcome.changed + outcome.vanished + outcome.left_out
    return replace(outcome, changed=outcome.changed + max(0, plan.count - seen))
