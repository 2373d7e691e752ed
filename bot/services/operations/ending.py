"""The end of an operation: recorded once, told to whoever reads its thread or an alert's."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import structlog

from bot.domain.access import Actor
from bot.domain.audit import AUDIT_JOBS, Outcome
from bot.domain.incidents import Mark, MarkKind
from bot.domain.message import Message, Tag
from bot.domain.operations import Operation, Tally
from bot.domain.plans import PlanStatus
from bot.errors import (
    BullhornError,
    RedisUnavailableError,
    SlackRefusedError,
    SlackUnavailableError,
    UnavailableError,
)
from bot.services import plan_words as words
from bot.services.operations.ends import ended_set
from bot.services.operations.record import OvertakenError, Record
from bot.services.operations.screen import RECEIPT
from bot.services.operations.tools import Tools

_log = structlog.get_logger(__name__)


class Ending:
    """Ends one operation."""

    def __init__(self, tools: Tools, record: Record) -> None:
        self._tools = tools
        self._record = record

    async def conclude(self) -> None:
        """Record the outcome once, whoever else may think to run this too, and close the plan."""
        tools, record, plan = self._tools, self._record, self._record.plan
        tally, stopped = await self._counted(), record.operation.stopped
        record.set(tally=tally)
        said = words.outcome(plan, record.operation)
        tried = plan.canary and (tally.done or tally.refused) and not stopped
        status = PlanStatus.TRIED if tried else PlanStatus.DONE
        closed = replace(plan, status=status, outcome=said, done=tally.done)
        actor = Actor(user=plan.confirmed_by or plan.asked_by, channel=plan.channel)
        jobs = await self._some_jobs()
        await record.save()
        recorded = await tools.journal.record(
            actor, plan.kind.verb, words.what(plan, self._redact), _word(record.operation),
            queue=plan.queue, jobs=jobs, job_count=tally.done, detail=said, plan=plan.id,
            approver=plan.approved_by, counts=tally.counts(plan.canary or plan.whole),
            once=f"{plan.id}-{plan.attempt}",
        )  # fmt: skip
        if not recorded:
            raise RedisUnavailableError("The audit log could not be written.")
        if not await tools.plans.advance(closed, expected=PlanStatus.RUNNING):
            raise OvertakenError
        record.plan = closed
        if tally.done:
            await self._note(actor, words.note(plan, tally.done, self._redact))

    async def _counted(self) -> Tally:
        """What was done, by whomever: another replica may have had it at the same time."""
        plan, tally = self._record.plan, self._record.operation.tally
        counted = 0
        with suppress(UnavailableError):  # the source may be what ended it
            counted = await self._tools.done.count(plan.queue, plan.id)
        stored = await self._tools.plans.get(plan.id)
        if stored is None or stored.status is not PlanStatus.RUNNING:
            raise OvertakenError  # before it is saved over how the other has ended
        return replace(tally, done=max(tally.done, counted))

    async def _some_jobs(self) -> list[str]:
        """As many as an entry of the audit log holds."""
        plan, jobs = self._record.plan, list[str]()
        with suppress(UnavailableError):
            async for batch in self._tools.done.ids(plan.queue, plan.id):
                jobs += batch
                if len(jobs) >= AUDIT_JOBS:
                    break
        return jobs

    @property
    def _redact(self) -> tuple[str, ...]:
        return self._tools.catalog.policy(self._record.plan.queue).redact

    async def _note(self, actor: Actor, text: str) -> None:
        """A line for the thread of whatever is firing there; a nicety, so never an error."""
        plan = self._record.plan
        try:
            at = await self._tools.reader.now()
            await self._tools.store.mark(
                Mark(kind=MarkKind.NOTE, by=actor.user, at=at, queue=plan.queue, text=text)
            )
        except RedisUnavailableError:
            return

    async def tell(self) -> None:
        """The receipt: in the audit log, and in the thread of the operation's message."""
        plan, operation = self._record.plan, self._record.operation
        if operation.receipt is None:
            return
        actor = Actor(user=plan.confirmed_by or plan.asked_by, channel=plan.channel)
        await self._tools.journal.record(
            actor, "receipt", f"after {words.what(plan, self._redact)}", Outcome.DONE,
            queue=plan.queue, job_count=operation.tally.done,
            detail=words.receipt(operation.receipt, self._redact, plan.kind),
            plan=f"{plan.id}-receipt",
            counts=operation.receipt.counts(),
            once=f"{plan.id}-{plan.attempt}-receipt",
        )  # fmt: skip
        await self._reply(self._tools.writer.receipt(plan, operation), operation)

    async def _reply(self, message: Message, operation: Operation) -> None:
        if operation.message is None:
            return
        tag = Tag(RECEIPT, f"{operation.id}-{operation.attempt}")
        ref = operation.message
        try:
            since = operation.began_at or 0
            found = await self._tools.messenger.find(
                channel=ref.channel, tag=tag, since=since, thread=ref.ts
            )
            if found is None:
                await self._tools.messenger.post(
                    message, channel=ref.channel, tag=tag, thread=ref.ts
                )
        except (SlackRefusedError, SlackUnavailableError) as error:
            _log.warning("a receipt could not be posted", reason=str(error))

    async def forget(self) -> None:
        """Drop the done sets of what nobody asks about any more."""
        plan, done = self._record.plan, self._tools.done
        try:
            if self._record.operation.receipt is None:
                await done.forget(plan.queue, plan.id)
            else:
                await done.forget(plan.queue, ended_set(plan.id))
        except BullhornError:
            return  # it runs out by itself


def _word(operation: Operation) -> Outcome:
    return Outcome.FAILED if operation.stopped and not operation.stopped_by else Outcome.DONE
