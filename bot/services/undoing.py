"""Undo: archived jobs come back as they were, but for those whose id is in use."""

from __future__ import annotations

from typing import Final

from bot.domain.access import Actor
from bot.domain.archives import ArchiveInfo
from bot.domain.compatibility import Action
from bot.domain.listing import listed
from bot.domain.plans import Plan, PlanKind, PlanStatus
from bot.domain.times import say_duration
from bot.errors import JobGoneError, RefusedError
from bot.ports import Archive, OperationStore, OutcomeReader
from bot.services.plan_desk import Desk
from bot.services.plan_words import receipt
from bot.services.planning import Proposal
from bot.services.settled_orders import SettledOrders, left_out_words, not_checked

LOOKED_AT: Final = 2_000
"""Archived jobs whose ids are looked for in the queue while the card is drawn."""

_AT_ONCE: Final = 500


class UndoPlanner:
    """Makes plans to undo. Callers have checked the role for the archive's queue."""

    def __init__(
        self,
        *,
        desk: Desk,
        archive: Archive,
        outcomes: OutcomeReader,
        settled: SettledOrders | None = None,
        operations: OperationStore | None = None,
    ) -> None:
        self._desk = desk
        self._archive = archive
        self._outcomes = outcomes
        self._settled = settled
        self._operations = operations

    async def info(self, archive_id: str) -> ArchiveInfo:
        """What an archive holds.

        Raises:
            JobGoneError: there is none of this id, or nothing is left in it.
        """
        info = await self._archive.info(archive_id)
        if info is None:
            raise self.no_archive(archive_id)
        if not info.jobs:
            raise JobGoneError(f"Nothing is left in archive {archive_id[:40]}: all is back.")
        return info

    def no_archive(self, archive_id: str) -> JobGoneError:
        """What is told of an archive that is not there, or that the person may not see."""
        kept = say_duration(self._archive.kept)
        return JobGoneError(
            f"There is no archive {archive_id[:40]} (any more): jobs are kept {kept}. "
            "`undo` lists what can be brought back."
        )

    async def propose(
        self, actor: Actor, archive_id: str, *, rate: float | None = None
    ) -> Proposal:
        """Store a plan for all that is in the archive.

        Raises:
            JobGoneError: nothing is, or all orders of replaced jobs are done or under way.
            RefusedError: jobs are still put into it, or the version table forbids it, or all their
                ids are in use.
        """
        info = await self.info(archive_id)
        await self._check_ended(archive_id)
        sample, _ = await self._desk.look(info.queue, Action.CLEAN)
        now = sample.taken_at
        left_out, said = await self._replaced(info)
        plan = self._desk.draft(
            actor, info.queue, PlanKind.UNDO, now=now, count=info.jobs - left_out,
            matching=info.jobs, state=info.state, archive=archive_id, rate=rate,
            warnings=(
                *said,
                *await self._in_use(info),
                "They come back as they were: state, order, data, logs, attempts",
            ),
        )  # fmt: skip
        return await self._desk.keep(plan, archive=info)

    async def again(self, actor: Actor, plan: Plan) -> Proposal:
        """A new plan for what is in the archive now; raises as `propose`."""
        return await self.propose(actor, plan.archive, rate=plan.rate)

    async def recount(self, plan: Plan) -> int:
        """How many jobs are in the archive now."""
        info = await self._archive.info(plan.archive)
        return info.jobs if info is not None else 0

    async def check(self, plan: Plan) -> None:
        """Look whether it may be done now; raises as `Planner.check`."""
        await self._check_ended(plan.archive)
        await self._desk.look(plan.queue, Action.CLEAN)

    async def _check_ended(self, archive_id: str) -> None:
        """An archive is not emptied while it is filled.

        Raises:
            RefusedError: what fills it is under way.
        """
        made_by = await self._desk.plans.get(archive_id)
        if made_by is not None and made_by.status is PlanStatus.RUNNING:
            raise RefusedError(
                f"The {made_by.kind.verb} that fills this archive is still under way. "
                "Stop it, or wait for its end, then undo it."
            )

    async def _replaced(self, info: ArchiveInfo) -> tuple[int, list[str]]:
        """Of jobs that new ones have replaced: how many must stay, and what to know.

        Raises:
            JobGoneError: all must.
        """
        if not info.replaced:
            return 0, []
        danger = "Replaced by new jobs through Salesforce: what runs twice is provisioned twice"
        ended = await self._ended(info)
        if self._settled is None:
            return 0, [danger, *ended]
        orders: dict[str, str | None] = {}
        for number in await self._archive.batches(info.id):
            orders |= self._settled.archived(await self._archive.batch(info.id, number))
            if len(orders) >= LOOKED_AT:
                break
        asked = await self._settled.within(orders, under_way=True)
        count = len(asked.settled)
        if count and count >= info.jobs:
            raise JobGoneError(
                f"Nothing to bring back: {left_out_words(asked.orders, asked.statuses())}, and "
                "an old job would invite a second provisioning."
            )
        who = left_out_words(asked.orders, asked.statuses())
        why = "left out, bringing their old jobs back invites a second provisioning"
        said = [f"{who}: {why}"] if count else []
        if asked.unknown:
            said.append(f"{not_checked(asked)}. It is asked again before any job is back")
        elif asked.looked < info.jobs:
            said.append(
                f"{asked.looked:,} of {info.jobs:,} were looked at in Salesforce: of the rest, "
                "those that are done or under way are left out too, as they come"
            )
        return count, [danger, *said, *ended]

    async def _ended(self, info: ArchiveInfo) -> list[str]:
        """How the new jobs ended, as the receipt of the retry that filled the archive has it."""
        made_by = await self._operations.load(info.id) if self._operations is not None else None
        if made_by is None or made_by.receipt is None:
            return []
        redact = self._desk.catalog.policy(info.queue).redact
        last = " when they were last looked at" if made_by.receipt.waiting else ""
        return [f"Of the new jobs{last}: {receipt(made_by.receipt, redact)}"]

    async def _in_use(self, info: ArchiveInfo) -> list[str]:
        """Which of the jobs cannot come back, as their id is another job's by now.

        Raises:
            RefusedError: none can.
        """
        looked, used = 0, list[str]()
        for number in await self._archive.batches(info.id):
            ids = [job.id for job in await self._archive.batch(info.id, number)]
            ids = ids[: LOOKED_AT - looked]
            looked += len(ids)
            for start in range(0, len(ids), _AT_ONCE):
                part = ids[start : start + _AT_ONCE]
                found = await self._outcomes.outcomes(info.queue, part)
                used += [job_id for job_id, now in found.items() if now.state != "gone"]
            if looked >= LOOKED_AT:
                break
        if not used:
            return []
        if len(used) == info.jobs:
            raise RefusedError(_all_in_use(used))
        of = f" of the {looked:,} looked at" if looked < info.jobs else ""
        have = "job has an id that is" if len(used) == 1 else "jobs have an id that is"
        stay = "it stays" if len(used) == 1 else "they stay"
        return [f"{len(used):,}{of} {have} in use again ({listed(used)}): {stay} archived"]


def _all_in_use(ids: list[str]) -> str:
    if len(ids) == 1:
        return (
            f"The id of the archived job ({listed(ids)}) is in use again: it cannot be brought "
            "back. Remove that job first (`remove QUEUE ID`), or leave it."
        )
    return (
        f"The ids of all {len(ids):,} archived jobs ({listed(ids)}) are in use again: none can be "
        "brought back. Remove those jobs first (`remove QUEUE ID`), or leave them."
    )
