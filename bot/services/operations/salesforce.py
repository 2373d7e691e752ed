"""Retry through Salesforce: orders are set back to activating, and their new jobs are watched.

Salesforce is not changed in one step with the done set, which is beside the queue. So what is about
to be tried is remembered first, with its order: after a crash, an order that was tried and is
activating, or has a job, was set by this operation.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final

from bot.domain.jobs import BatchOutcome, FailedRef
from bot.domain.operations import WATCH_LIMIT, Receipt
from bot.domain.plans import STUCK, Plan
from bot.domain.policy import Catalog
from bot.domain.redaction import shown_code
from bot.domain.salesforce import (
    BATCH,
    NewJob,
    OrderJob,
    OrderOutcome,
    Retried,
    SalesforcePolicy,
    order_key,
)
from bot.domain.subjects import JobsAbout
from bot.errors import BullhornError, HandedOverError
from bot.ports import DoneSets, QueueReader
from bot.services.operations.base import Step, Throttle
from bot.services.operations.clean import Taking
from bot.services.operations.record import Record
from bot.services.operations.tasks import cancelled
from bot.services.salesforce_retry import SalesforceRetry, order_jobs

_OURS: Final = (Retried.ALREADY, Retried.HAS_JOB, Retried.UNEXPECTED, Retried.UNCLEAR)
"""How an order may stand that this operation has set before it was interrupted."""
_EXAMPLES: Final = 3
_LONGEST_STATUS: Final = 40
_AT_ONCE: Final = 500
_BETWEEN: Final = "\x1f"
_OLD: Final = "\n"
"""What stands in the note between what was left out and what was archived."""


class SalesforceExecutor:
    """Sets orders back to activating, at most 200 a call."""

    def __init__(
        self,
        *,
        retry: SalesforceRetry,
        reader: QueueReader,
        done: DoneSets,
        policy: SalesforcePolicy,
    ) -> None:
        self._retry = retry
        self._reader = reader
        self._done = done
        self._policy = policy

    async def steps(self, plan: Plan, throttle: Throttle) -> AsyncIterator[Step]:
        """A batch at a time; what was not set is told with the reason, at the end."""
        told: Counter[str] = Counter()
        left = None
        if plan.canary:
            left = max(0, plan.canary - await self._done.count(plan.queue, plan.id))
        jobs = await self._jobs(plan)
        about = await self._about(plan, jobs)
        at = 0
        while at < len(jobs) and left != 0:
            size = min(throttle.batch, BATCH, len(jobs) if left is None else left)
            batch, at = jobs[at : at + size], at + size
            outcome = await self._batch(plan, batch, about, told)
            if left is not None:
                left -= len(outcome.done)
            yield Step(outcome=outcome, note=_note(told))

    async def _batch(
        self, plan: Plan, batch: Sequence[OrderJob], about: JobsAbout, told: Counter[str]
    ) -> BatchOutcome:
        queue, operation = plan.queue, plan.id
        ids = [job.job_id for job in batch]
        known = await self._done.contains(queue, operation, ids)
        rest = [job for job in batch if job.job_id not in known]
        if not rest:
            return BatchOutcome(already=len(known))
        pairs = {_pair(job): job.job_id for job in rest if job.order_id is not None}
        tried = await self._done.contains(queue, tried_set(operation), list(pairs))
        before = {pairs[pair] for pair in tried}
        await self._done.remember(queue, tried_set(operation), list(pairs))
        outcomes = await self._retry.reactivate(
            queue, rest, stuck_since=_stuck_since(plan, self._policy), about=about
        )
        done = [job for job in outcomes if _is_done(outcomes[job], tried=job in before)]
        await self._done.remember(queue, operation, done)
        not_done = [outcome for job, outcome in outcomes.items() if job not in done]
        told.update(_reason(outcome) for outcome in not_done)
        return BatchOutcome(done=tuple(done), already=len(known), left_out=len(not_done))

    async def _jobs(self, plan: Plan) -> list[OrderJob]:
        """The plan's jobs and their orders; or the orders themselves, where they have no job."""
        if plan.state == STUCK:
            return [OrderJob(order_id, order_id) for order_id, _ in plan.ids]
        facts = await self._reader.plan_facts(
            plan.queue,
            plan.filter,
            ids=[job_id for job_id, _ in plan.ids],
            business=self._policy.order_id,
        )
        values = {job.id: job.business for job in facts.about}
        wanted = [job_id for job_id, _ in plan.ids] or list(values)
        excluded = frozenset(plan.excluded)
        return order_jobs({one: values.get(one) for one in wanted if one not in excluded})

    async def _about(self, plan: Plan, jobs: Sequence[OrderJob]) -> JobsAbout:
        return await self._retry.jobs_of(plan.queue, jobs, finished=plan.state == STUCK)


class SalesforceReceipts:
    """Watches for the orders' new jobs, and archives and removes each old one once it has one."""

    def __init__(
        self,
        *,
        retry: SalesforceRetry,
        reader: QueueReader,
        done: DoneSets,
        taking: Taking,
        catalog: Catalog,
    ) -> None:
        self._retry = retry
        self._reader = reader
        self._done = done
        self._taking = taking
        self._catalog = catalog

    async def listen(self, record: Record) -> None:
        """Nothing: the orders tell where a new job was removed as soon as it ended."""

    async def watch(self, record: Record, leave: asyncio.Event) -> Receipt:
        """Look until each new job has ended or the time is over.

        Raises:
            HandedOverError: the process ends.
        """
        plan = record.plan
        orders = await self._orders(plan)
        redact = self._catalog.policy(plan.queue).redact
        since = plan.confirmed_at or plan.asked_at
        taken: set[str] = set()
        noted: set[str] = set()

        async def told(known: Mapping[str, NewJob]) -> None:
            record.set(receipt=_receipt(known, orders.values(), redact))
            await self._remember_new(plan, known, noted)
            with_new = {order_key(one) for one, job in known.items() if job.exists}
            ready = [
                job for job, order in orders.items()
                if order_key(order) in with_new and job not in taken
            ]  # fmt: skip
            if ready and plan.state != STUCK:
                taken.update(await self._take_away(record, ready))

        watching = asyncio.ensure_future(
            self._retry.await_new_jobs(
                plan.queue, list(orders.values()), since=since, limit=WATCH_LIMIT,
                old=list(orders), told=told,
            )
        )  # fmt: skip
        leaving = asyncio.ensure_future(leave.wait())
        await asyncio.wait({watching, leaving}, return_when=asyncio.FIRST_COMPLETED)
        leaving.cancel()
        if not watching.done():
            await cancelled(watching)
            raise HandedOverError
        known = await watching
        await told(known)
        return _receipt(known, orders.values(), redact)

    async def _remember_new(self, plan: Plan, known: Mapping[str, NewJob], noted: set[str]) -> None:
        """Which jobs are the new ones; what cannot be noted now is at the next look."""
        new = [job.job_id for job in known.values() if job.job_id and job.job_id not in noted]
        with suppress(BullhornError):
            for start in range(0, len(new), _AT_ONCE):
                part = new[start : start + _AT_ONCE]
                await self._done.remember(plan.queue, new_set(plan.id), part)
                noted.update(part)

    async def _orders(self, plan: Plan) -> dict[str, str]:
        """The order of each job whose order was set."""
        set_: set[str] = set()
        async for batch in self._done.ids(plan.queue, plan.id):
            set_.update(batch)
        found: dict[str, str] = {}
        async for batch in self._done.ids(plan.queue, tried_set(plan.id)):
            for pair in batch:
                job_id, _, order_id = pair.rpartition(_BETWEEN)
                if job_id in set_:
                    found[job_id] = order_id
        return found

    async def _take_away(self, record: Record, ids: Sequence[str]) -> list[str]:
        """Archive and remove old failed jobs; what fails is tried again at the next look."""
        plan = removal(record.plan)
        try:
            await self._taking.begin(plan)
            found = await self._reader.failed_refs(plan.queue, ids)
            refs = [FailedRef(job.id, job.failed_at) for job in found.values() if job is not None]
            if refs:
                await self._taking.take(plan, "failed", refs)
        except BullhornError:
            return []
        count = await self._done.count(plan.queue, plan.id)
        if count:
            old = record.operation.note.partition(_OLD)[0]
            jobs = "old job" if count == 1 else "old jobs"
            said = f"{count:,} {jobs} archived: `/queue undo {plan.archive}`"
            record.set(note=f"{old}{_OLD}{said}")
        return list(ids)


def removal(plan: Plan) -> Plan:
    """The removal of the old jobs, as a clean of its own within the operation."""
    return replace(plan, id=f"{plan.id}.old", state="failed", archive=plan.id, named=False)


def new_set(operation: str) -> str:
    """The done set of the new jobs that came of it."""
    return f"{operation}.new"


def tried_set(operation: str) -> str:
    """The done set of what was about to be tried: a job's id and its order's."""
    return f"{operation}.tried"


def _pair(job: OrderJob) -> str:
    return f"{job.job_id}{_BETWEEN}{job.order_id}"


def _is_done(outcome: OrderOutcome, *, tried: bool) -> bool:
    return outcome.what is Retried.SET or (tried and outcome.what in _OURS)


def _stuck_since(plan: Plan, policy: SalesforcePolicy) -> int | None:
    return plan.asked_at - policy.stuck_after if plan.state == STUCK else None


def _reason(outcome: OrderOutcome) -> str:
    if outcome.what is Retried.UNEXPECTED and outcome.status:
        return f"{outcome.what} ({outcome.status[:40]})"
    if outcome.what is Retried.REFUSED and outcome.reason:
        return f"{outcome.what}: {outcome.reason[:120]}"
    return str(outcome.what)


def _note(told: Counter[str]) -> str:
    """Why orders were left out: `2 has a job already; 1 refused by Salesforce: ...`."""
    if not told:
        return ""
    said = [f"{count:,} {why}" for why, count in told.most_common(_EXAMPLES)]
    more = len(told) - _EXAMPLES
    return "; ".join(said) + (f"; and {more} more reasons" if more > 0 else "")


def _receipt(
    known: Mapping[str, NewJob], orders: Collection[str], redact: tuple[str, ...]
) -> Receipt:
    wanted = {order_key(order) for order in orders}
    jobs = {order_key(one): job for one, job in known.items()}
    ended = Counter(jobs[one].state for one in wanted if one in jobs)
    failed = Counter(
        shown_code(jobs[one].code, redact)
        for one in wanted
        if one in jobs and jobs[one].state == "failed"
    )
    jobless = Counter(
        jobs[one].status[:_LONGEST_STATUS] for one in wanted if one in jobs and jobs[one].status
    )
    return Receipt(
        completed=ended["completed"],
        failed=dict(failed.most_common()),
        waiting=len(wanted) - ended["completed"] - ended["failed"] - ended["gone"],
        gone=ended["gone"] - jobless.total(),
        jobless=dict(jobless.most_common()),
        watched=len(wanted),
        of=len(wanted),
    )
