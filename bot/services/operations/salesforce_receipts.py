"""What follows a retry through Salesforce: its orders' new jobs, and the end of their old ones."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final

from bot.domain.jobs import FailedRef
from bot.domain.operations import WATCH_LIMIT, Receipt
from bot.domain.plans import STUCK, Plan
from bot.domain.policy import Catalog
from bot.domain.redaction import shown_code
from bot.domain.salesforce import NewJob, OrderNote, order_key, unique_ids
from bot.domain.times import Ms
from bot.errors import BullhornError, HandedOverError
from bot.ports import DoneSets, QueueReader
from bot.services.operations.clean import Taking
from bot.services.operations.record import Record
from bot.services.order_notes import OrderNotes
from bot.services.salesforce_retry import SalesforceRetry
from bot.tasks import cancelled

_LONGEST_STATUS: Final = 40
_AT_ONCE: Final = 500
_OLD: Final = "\n"
"""What stands in the note between what was left out and what was archived."""


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
        notes = await self._notes(plan)
        orders = {job_id: note.order_id for job_id, note in notes.items()}
        redact = self._catalog.policy(plan.queue).redact
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
                plan.queue, _set_at(notes.values()), limit=WATCH_LIMIT,
                old={*notes, *(one for note in notes.values() for one in note.others)}, told=told,
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

    async def _notes(self, plan: Plan) -> dict[str, OrderNote]:
        """What was last noted for each job whose order was set."""
        set_: set[str] = set()
        async for batch in self._done.ids(plan.queue, plan.id):
            set_.update(batch)
        notes = await OrderNotes(self._done, plan.queue, plan.id).read()
        return {note.job_id: note for note in notes if note.job_id in set_}

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


def _set_at(notes: Collection[OrderNote]) -> dict[str, Ms]:
    """When each order was set, once by either form of its id."""
    latest = {order_key(note.order_id): note.at for note in sorted(notes, key=lambda one: one.at)}
    return {one: latest[order_key(one)] for one in unique_ids(note.order_id for note in notes)}


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
