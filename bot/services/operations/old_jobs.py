"""The end of the old failed jobs of a retry through Salesforce: archived, and removed."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from typing import Final

from bot.domain.jobs import FailedRef
from bot.domain.plans import Plan
from bot.errors import BullhornError, RefusedError
from bot.ports import DoneSets, QueueReader
from bot.services.operations.base import READ_ONLY
from bot.services.operations.clean import Taking
from bot.services.operations.record import Record

_OLD: Final = "\n"
"""What stands in the note between what was left out and what became of the old jobs."""


class OldJobs:
    """Those of one operation. What fails is tried again at the next look, and told at the end."""

    def __init__(
        self,
        record: Record,
        *,
        reader: QueueReader,
        done: DoneSets,
        taking: Taking,
        read_only: bool,
    ) -> None:
        self._record = record
        self._reader = reader
        self._done = done
        self._taking = taking
        self._read_only = read_only
        self._taken: set[str] = set()
        self._left: list[str] = []
        self._why = ""
        self._archived = ""

    async def take_away(self, ids: Iterable[str]) -> None:
        """Archive and remove those of these jobs that are failed still; raises nothing."""
        self._left = [job_id for job_id in ids if job_id not in self._taken]
        if not self._left:
            return
        try:
            await self._take()
            self._taken.update(self._left)
            self._left, self._why = [], ""
        except BullhornError as error:
            self._why = str(error)
        with suppress(BullhornError):
            await self._tell()

    async def _take(self) -> None:
        if self._read_only:
            raise RefusedError(READ_ONLY)
        plan = removal(self._record.plan)
        await self._taking.begin(plan)
        refs = await self._there()
        if refs:
            await self._taking.take(plan, "failed", refs)

    async def _there(self) -> list[FailedRef]:
        """Those that are left, as far as they are failed still."""
        found = await self._reader.failed_refs(self._record.plan.queue, self._left)
        return [FailedRef(job.id, job.failed_at) for job in found.values() if job is not None]

    async def tell_rest(self) -> None:
        """Say at the end how many stay, and why; raises nothing."""
        count = len(self._left)
        with suppress(BullhornError):
            count = len(await self._there()) if count else 0
        if count:
            jobs = "1 old job stays" if count == 1 else f"{count:,} old jobs stay"
            self._say(self._archived, f"{jobs} failed. {self._why}")

    async def _tell(self) -> None:
        """How many are archived, and where."""
        plan = removal(self._record.plan)
        count = await self._done.count(plan.queue, plan.id)
        if count:
            jobs = "1 old job" if count == 1 else f"{count:,} old jobs"
            self._archived = f"{jobs} archived: `/queue undo {plan.archive}`"
            self._say(self._archived)

    def _say(self, *said: str) -> None:
        old = self._record.operation.note.partition(_OLD)[0]
        self._record.set(note=f"{old}{_OLD}{'. '.join(filter(None, said))}")


def removal(plan: Plan) -> Plan:
    """The removal of the old jobs, as a clean of its own within the operation."""
    return replace(plan, id=f"{plan.id}.old", state="failed", archive=plan.id, named=False)
