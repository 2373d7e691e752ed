"""Retry one job, at once; more than one takes the way of a plan and an operation."""

from __future__ import annotations

from secrets import token_hex

from bot.domain.access import Actor
from bot.domain.audit import Outcome
from bot.domain.incidents import Mark, MarkKind
from bot.domain.jobs import FailedRef
from bot.domain.policy import Catalog
from bot.domain.queues import QueueId
from bot.errors import (
    BullhornError,
    JobGoneError,
    RedisUnavailableError,
    RefusedError,
)
from bot.ports import QueueOperator, QueueReader, WatchStore
from bot.services.journal import Journal
from bot.services.queue_facts import QueueFacts


class Retrying:
    """Moves failed jobs back to waiting. Callers have checked the role."""

    def __init__(
        self,
        *,
        reader: QueueReader,
        operator: QueueOperator,
        journal: Journal,
        store: WatchStore,
        catalog: Catalog,
    ) -> None:
        self._reader = reader
        self._operator = operator
        self._journal = journal
        self._store = store
        self._catalog = catalog
        self._facts = QueueFacts(reader=reader, catalog=catalog)

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

    async def _note(self, actor: Actor, queue: QueueId, text: str) -> None:
        """A line for the thread of whatever is firing there; a nicety, so never an error."""
        try:
            at = await self._reader.now()
            await self._store.mark(
                Mark(kind=MarkKind.NOTE, by=actor.user, at=at, queue=queue, text=text)
            )
        except RedisUnavailableError:
            return
