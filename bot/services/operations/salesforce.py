"""Retry through Salesforce: the orders of failed jobs are set back to activating."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final

from bot.domain.jobs import BatchOutcome
from bot.domain.plans import STUCK, Plan
from bot.domain.policy import Catalog
from bot.domain.redaction import mask_reason
from bot.domain.salesforce import BATCH, OrderJob, OrderOutcome, Retried, SalesforcePolicy
from bot.domain.subjects import JobsAbout
from bot.errors import SalesforceRefusedError
from bot.ports import DoneSets, QueueReader
from bot.services.operations.base import Step, Throttle
from bot.services.order_notes import OrderNotes
from bot.services.salesforce_retry import SalesforceRetry, order_jobs

_EXAMPLES: Final = 3
ENOUGH: Final = 2 * BATCH
"""Refusals for one reason, with no order set, after which the rest is not asked for."""
_ASKED: Final = (Retried.REFUSED, Retried.UNCLEAR)
"""What became of an order that Salesforce was asked to change, and did not (as far as is known)."""


class SalesforceExecutor:
    """Sets orders back to activating, at most 200 a call."""

    def __init__(
        self,
        *,
        retry: SalesforceRetry,
        reader: QueueReader,
        done: DoneSets,
        policy: SalesforcePolicy,
        catalog: Catalog,
    ) -> None:
        self._retry = retry
        self._reader = reader
        self._done = done
        self._policy = policy
        self._catalog = catalog

    async def steps(self, plan: Plan, throttle: Throttle) -> AsyncIterator[Step]:
        """A batch at a time; what was not set is told with the reason, at the end.

        No more than were shown: an undo may have brought older jobs back since, below the edge.
        With a canary Salesforce is asked to change no more orders than that, those of a run that
        was killed among them; a whole page is read, as many may be done. Where it refuses all, the
        rest is not asked for. A page is as large as Salesforce's, however slow it is: the pace is
        for Redis, and each request counts.
        """
        notes = OrderNotes(self._done, plan.queue, plan.id)
        known = {note.job_id: note.order_id for note in await notes.read()}
        before = await self._done.count(plan.queue, plan.id)
        room = max(0, plan.count - before)
        jobs, unread = await self._jobs(plan, known)
        jobs.sort(key=lambda job: job.job_id not in notes.asked)
        again = sum(job.job_id in notes.asked for job in jobs)
        about = await self._retry.jobs_of(plan.queue, jobs, finished=plan.state == STUCK)
        run = _Told(plan, set_=before - plan.done)
        at = 0
        while at < len(jobs) and room:
            # those of a run that was killed are among the tries: first they, in pages of theirs
            page, left = (again - at, again - at) if at < again else (BATCH, _untried(plan, notes))
            pace = min(BATCH, throttle.batch) if plan.rate else BATCH
            size, most = min(page, BATCH if plan.canary else pace, room), min(pace, left)
            if not most:
                break
            outcome = await self._batch(plan, jobs[at : at + size], about, notes, run, most=most)
            taken = len(outcome.done) + outcome.already + outcome.changed + outcome.left_out
            at, room = at + taken, room - taken + outcome.already
            yield Step(outcome=outcome, note=run.note())
            run.check()
        if at >= len(jobs) and not plan.ids:
            yield Step(outcome=BatchOutcome(changed=max(0, room - unread)))

    async def _batch(
        self,
        plan: Plan,
        batch: Sequence[OrderJob],
        about: JobsAbout,
        notes: OrderNotes,
        run: _Told,
        *,
        most: int,
    ) -> BatchOutcome:
        """The batch, as far as there were no more than `most` orders to be changed in it."""
        queue, operation = plan.queue, plan.id
        ids = [job.job_id for job in batch]
        known = await self._done.contains(queue, operation, ids)
        rest = [job for job in batch if job.job_id not in known]
        there = await self._still_failed(plan, rest, notes)
        if not there:
            return BatchOutcome(already=len(known), changed=len(rest))
        outcomes = await self._retry.reactivate(
            queue, there, stuck_since=_stuck_since(plan, self._policy), about=about, notes=notes,
            most=most,
        )  # fmt: skip
        if len(outcomes) < len(there):
            first_left = there[len(outcomes)].job_id
            ids = ids[: ids.index(first_left)]
        already = len(known.intersection(ids))
        done = [job for job, outcome in outcomes.items() if outcome.what is Retried.SET]
        await self._done.remember(queue, operation, done)
        not_done = [outcome for outcome in outcomes.values() if outcome.what is not Retried.SET]
        run.add(len(done), not_done, self._catalog.policy(queue).redact)
        return BatchOutcome(
            done=tuple(done),
            already=already,
            changed=len(ids) - already - len(outcomes),
            left_out=len(not_done),
            refused=sum(outcome.what in _ASKED for outcome in not_done),
        )

    async def _still_failed(
        self, plan: Plan, jobs: Sequence[OrderJob], notes: OrderNotes
    ) -> list[OrderJob]:
        """Those that are failed now, or whose order may have been set before a crash."""
        if plan.state == STUCK or not jobs:
            return list(jobs)
        found = await self._reader.failed_refs(plan.queue, [job.job_id for job in jobs])
        return [job for job in jobs if found[job.job_id] is not None or notes.has(job)]

    async def _jobs(self, plan: Plan, noted: Mapping[str, str]) -> tuple[list[OrderJob], int]:
        """The plan's jobs and their orders; or the orders themselves, where they have no job.

        Beside them how many could not be read. `noted` are orders that are known, by the job.
        """
        if plan.state == STUCK:
            return [OrderJob(order_id, order_id) for order_id, _ in plan.ids], 0
        facts = await self._reader.plan_facts(
            plan.queue,
            plan.filter,
            ids=[job_id for job_id, _ in plan.ids],
            business=self._policy.order_id,
        )
        values = {**noted, **{job.id: job.business for job in facts.about}}
        wanted = [job_id for job_id, _ in plan.ids] or list(values)
        excluded = frozenset(plan.excluded)
        unread = facts.unread if facts.complete else plan.count
        return order_jobs({one: values.get(one) for one in wanted if one not in excluded}), unread


class _Told:
    """What was not set in this run, and why. `set_` is how many were set of this attempt before."""

    def __init__(self, plan: Plan, *, set_: int) -> None:
        self._canary = plan.canary
        self._set = set_
        self._reasons: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()

    def add(self, set_: int, not_done: Sequence[OrderOutcome], redact: Sequence[str]) -> None:
        """What became of a batch."""
        self._set += set_
        for outcome in not_done:
            of = f" of {self._canary:,}" if self._canary and outcome.what in _ASKED else ""
            self._reasons[f"{of} {_reason(outcome, redact)}"] += 1
            if outcome.what is Retried.REFUSED:
                self._refused[outcome.reason.partition(":")[0]] += 1

    def check(self) -> None:
        """Whether to go on.

        Raises:
            SalesforceRefusedError: no order was set, and very many were refused for one reason.
        """
        count = max(self._refused.values(), default=0)
        if not self._set and count >= ENOUGH:
            raise SalesforceRefusedError(f"Stopped after {count:,} refusals of the same kind.")

    def note(self) -> str:
        """Why orders were left out: `2 has a job already; 1 refused by Salesforce: ...`."""
        said = [f"{count:,}{why}" for why, count in self._reasons.most_common(_EXAMPLES)]
        more = len(self._reasons) - _EXAMPLES
        return "; ".join(said) + (f"; and {more} more reasons" if more > 0 else "")


def _untried(plan: Plan, notes: OrderNotes) -> int:
    """For how many more orders Salesforce may be asked."""
    return max(0, plan.canary - len(notes.asked)) if plan.canary else plan.count


def _stuck_since(plan: Plan, policy: SalesforcePolicy) -> int | None:
    return plan.asked_at - policy.stuck_after if plan.state == STUCK else None


def _reason(outcome: OrderOutcome, redact: Sequence[str]) -> str:
    """Why an order was not set; what Salesforce says in its own words is masked as a reason is."""
    if outcome.what is Retried.UNEXPECTED and outcome.status:
        return f"{outcome.what} ({mask_reason(outcome.status, redact)[:40]})"
    if outcome.what is Retried.REFUSED and outcome.reason:
        return f"{outcome.what}: {mask_reason(outcome.reason, redact)[:120]}"
    return str(outcome.what)
