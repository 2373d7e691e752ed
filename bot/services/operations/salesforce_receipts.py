"""What follows a retry through Salesforce: its orders' new jobs, and the end of their old ones."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Final

from bot.domain.operations import WATCH_LIMIT, Receipt
from bot.domain.plans import STUCK, Plan
from bot.domain.policy import Catalog
from bot.domain.redaction import shown_code
from bot.domain.salesforce import NewJob, OrderNote, order_key, unique_ids
from bot.domain.times import Ms
from bot.errors import BullhornError, HandedOverError
from bot.ports import DoneSets, QueueReader
from bot.services.operations.clean import Taking
from bot.services.operations.old_jobs import OldJobs
from bot.services.operations.record import Record
from bot.services.order_notes import OrderNotes
from bot.services.salesforce_retry import SalesforceRetry
from bot.tasks import cancelled

_LONGEST_STATUS: Final = 40
_AT_ONCE: Final = 500


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
        old = self._old_jobs(record)
        noted: set[str] = set()

        async def told(known: Mapping[str, NewJob]) -> None:
            record.set(receipt=_receipt(known, orders.values(), redact))
            await self._remember_new(plan, known, noted)
            with_new = {order_key(one) for one, job in known.items() if job.exists}
            if plan.state != STUCK:
                await old.take_away(job for job in orders if order_key(orders[job]) in with_new)

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
        await old.tell_rest()
        return _receipt(known, orders.values(), redact)

    async def _remember_new(self, plan: Plan, known: Mapping[str, NewJob], noted: set[str]) -> None:
        """Which jobs are the new ones; what cannot be noted now is at the next look."""
        new = [job.job_id for job in known.values() if job.job_id and job.job_id not in noted]
        with suppress(BullhornError):
            for start in range(0, len(new), _AT_ONCE):
                part = new[start : start + _AT_ONCE]
                await self._done.remember(plan.queue, new_set(plan.id), part)
                noted.update(part)

    def _old_jobs(self, record: Record) -> OldJobs:
        return OldJobs(
            record, reader=self._reader, done=self._done, taking=self._taking,
            read_only=self._catalog.read_only,
        )  # fmt: skip

    async def _notes(self, plan: Plan) -> dict[str, OrderNote]:
        """What was last noted for each job whose order was set."""
        set_: set[str] = set()
        async for batch in self._done.ids(plan.queue, plan.id):
            set_.update(batch)
        notes = await OrderNotes(self._done, plan.queue, plan.id).read()
        return {note.job_id: note for note in notes if note.job_id in set_}


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
