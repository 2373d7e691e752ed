"""Undo: archived jobs come back as they were, but for those whose id is in use."""

from __future__ import annotations

from typing import Final

from bot.domain.access import Actor
from bot.domain.archives import ArchiveInfo, back_set
from bot.domain.compatibility import Action
from bot.domain.jobs import ORPHAN
from bot.domain.listing import listed
from bot.domain.plans import Plan, PlanKind, PlanStatus
from bot.domain.times import say_duration
from bot.errors import JobGoneError, RefusedError
from bot.ports import Archive, DoneSets, OperationStore, OutcomeReader
from bot.services.done_ids import done_among
from bot.services.plan_desk import Desk
from bot.services.plan_words import receipt
from bot.services.planning import Proposal
from bot.services.returning import LOOKED_AT, Returning, Staying

_REPLACED: Final = "Replaced by new jobs through Salesforce: what runs twice is provisioned twice"
_AT_ONCE: Final = 500
_AS_THEY_WERE: Final = (
    "state, order, data, logs, attempts",
    "data, logs, attempts, in no list: no worker runs them",
)


class UndoPlanner:
    """Makes plans to undo. Callers have checked the role for the archive's queue."""

    def __init__(
        self,
        *,
        desk: Desk,
        archive: Archive,
        done: DoneSets,
        outcomes: OutcomeReader,
        returning: Returning | None = None,
        operations: OperationStore | None = None,
    ) -> None:
        self._desk = desk
        self._archive = archive
        self._done = done
        self._outcomes = outcomes
        self._returning = returning
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
        self,
        actor: Actor,
        archive_id: str,
        *,
        rate: float | None = None,
        all_of_them: bool = False,
    ) -> Proposal:
        """Store a plan for what is in the archive.

        Left out are ids in use, and what `Returning` lets stay; of pending jobs nothing, where
        `all_of_them` are wanted: the plan is `named` then.

        Raises:
            JobGoneError: nothing is, or all of it must stay.
            RefusedError: jobs are still put into it, or the version table forbids it, or all their
                ids are in use.
        """
        info = await self.info(archive_id)
        await self._check_ended(archive_id)
        sample, _ = await self._desk.look(info.queue, Action.CLEAN)
        staying = await self._looked(info, all_of_them=all_of_them)
        used = await self._in_use(info)
        out = staying.jobs | used.jobs
        if len(out) >= info.jobs:
            why = (*staying.why, *used.said) or ("all is back",)
            raise JobGoneError(f"Nothing to bring back: {'; '.join(why)}.")
        plan = self._desk.draft(
            actor, info.queue, PlanKind.UNDO, now=sample.taken_at, count=info.jobs - len(out),
            matching=info.jobs, at_most=not (staying.sure and used.sure), state=info.state,
            archive=archive_id, rate=rate, named=all_of_them,
            warnings=(
                *([_REPLACED] if info.replaced else []),
                *staying.said,
                *await self._ended(info),
                *used.said,
                f"They come back as they were: {_AS_THEY_WERE[info.state == ORPHAN]}",
            ),
        )  # fmt: skip
        return await self._desk.keep(plan, archive=info)

    async def again(self, actor: Actor, plan: Plan) -> Proposal:
        """A new plan for what is in the archive now; raises as `propose`."""
        return await self.propose(actor, plan.archive, rate=plan.rate, all_of_them=plan.named)

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

    async def _looked(self, info: ArchiveInfo, *, all_of_them: bool) -> Staying:
        """How many jobs must stay, and what to know of that.

        Raises:
            JobGoneError: all must.
        """
        if self._returning is None:
            return Staying()
        staying = await self._returning.look(info, all_of_them=all_of_them)
        if len(staying.jobs) < info.jobs:
            return staying
        why = "; ".join(staying.why)
        if info.replaced:
            raise JobGoneError(
                f"Nothing to bring back: {why}, and an old job would invite a second provisioning."
            )
        gone = JobGoneError(
            f"Nothing to bring back: {why}. They stay archived until {{at}}; "
            f"`undo {info.id} --all` brings them back all the same.",
            at=info.expires_at,
        )
        gone.offer = f"undo {info.id} --all"
        raise gone

    async def _ended(self, info: ArchiveInfo) -> list[str]:
        """How the new jobs ended, as the receipt of the retry that filled the archive has it."""
        if self._operations is None or not info.replaced:
            return []
        made_by = await self._operations.load(info.id)
        if made_by is None or made_by.receipt is None:
            return []
        redact = self._desk.catalog.policy(info.queue).redact
        last = " when they were last looked at" if made_by.receipt.waiting else ""
        return [f"Of the new jobs{last}: {receipt(made_by.receipt, redact)}"]

    async def _in_use(self, info: ArchiveInfo) -> Staying:
        """Which of the jobs cannot come back: they are back, or their id is another job's by now.

        Ids are seldom used twice: where none of those looked at is, none of the rest is expected.

        Raises:
            RefusedError: none can.
        """
        looked, used, back = 0, list[str](), frozenset[str]()
        for number in await self._archive.batches(info.id):
            ids = [job.id for job in await self._archive.batch(info.id, number)]
            ids = ids[: LOOKED_AT - looked]
            looked += len(ids)
            back |= await done_among(self._done, info.queue, back_set(info.id), ids)
            others = [job_id for job_id in ids if job_id not in back]
            for start in range(0, len(others), _AT_ONCE):
                part = others[start : start + _AT_ONCE]
                found = await self._outcomes.outcomes(info.queue, part)
                used += [job_id for job_id, now in found.items() if now.state != "gone"]
            if looked >= LOOKED_AT:
                break
        if not used:
            return Staying(jobs=back)
        if len(used) == info.jobs:
            raise RefusedError(_all_in_use(used))
        of = f" of the {looked:,} looked at" if looked < info.jobs else ""
        one = len(used) == 1
        have = f"job{of} has" if one else f"jobs{of} have"
        stay = "it stays" if one else "they stay"
        said = f"{len(used):,} {have} an id that is in use again ({listed(used)}): {stay} archived"
        return Staying(jobs=back.union(used), sure=looked >= info.jobs, said=(said,))


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
