"""Which failed jobs a retry takes, and what was found out of all that matched on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.jobs import FailureFilter
from bot.domain.plans import PlanKind
from bot.domain.policy import Catalog
from bot.domain.queues import QueueId
from bot.domain.times import Ms
from bot.ports import QueueReader
from bot.services.overtaken import DoneElsewhere, done_words, without_done
from bot.services.plan_freezing import Frozen, freeze_matching, freeze_named, without
from bot.services.plan_knowledge import Knowledge, look_into
from bot.services.settled_orders import Asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The jobs that are `frozen`, by their ids where they were `named`.

    `found` is what is known of them, `asked` what Salesforce says of their orders.
    """

    kind: PlanKind
    named: bool
    frozen: Frozen
    found: Knowledge
    asked: Asked

    @property
    def done(self) -> tuple[str, ...]:
        """The jobs whose work another job does, or that need, or may have, no retry."""
        return (*self.found.superseded.jobs, *self.asked.jobs)

    def order_words(self, redact: Sequence[str]) -> list[str]:
        """What a card says of their orders."""
        return done_words(self.asked, self.kind, redact, kept=_kept(self.kind, named=self.named))


class Chooser:
    """Makes the choice; `elsewhere` tells what other jobs and Salesforce have done."""

    def __init__(self, *, reader: QueueReader, catalog: Catalog, elsewhere: DoneElsewhere) -> None:
        self._reader = reader
        self._catalog = catalog
        self._elsewhere = elsewhere

    async def choose(
        self, queue: QueueId, wanted: FailureFilter, *, ids: Sequence[str], kind: PlanKind, now: Ms
    ) -> Choice:
        """Freeze the named jobs, or those that match, and leave out what a retry would do twice.

        Raises:
            JobGoneError: nothing that matches is failed, or all of it is left out.
        """
        frozen, found = await self._frozen(queue, wanted, ids, now)
        asked = await self._elsewhere.orders(
            queue,
            frozen.edge,
            [job_id for job_id, _ in frozen.ids] if ids else [],
            but=() if ids else found.superseded.jobs,
            kind=kind,
        )
        if not _kept(kind, named=bool(ids)):
            policy = self._catalog.policy(queue)
            frozen = await without_done(self._reader, queue, frozen, asked, policy)
        return Choice(kind=kind, named=bool(ids), frozen=frozen, found=found, asked=asked)

    async def _frozen(
        self, queue: QueueId, wanted: FailureFilter, ids: Sequence[str], now: Ms
    ) -> tuple[Frozen, Knowledge]:
        """What is in the plan, and what is known of all that matched."""
        reader, policy = self._reader, self._catalog.policy(queue)
        if ids:
            frozen = await freeze_named(reader, queue, wanted, ids)
            there = [job_id for job_id, _ in frozen.ids]
            return frozen, await look_into(reader, queue, policy, frozen.edge, ids=there, now=now)
        frozen = await freeze_matching(reader, queue, wanted)
        found = await look_into(reader, queue, policy, frozen.edge, now=now)
        return await without(reader, queue, frozen, found.superseded, policy), found


def _kept(kind: PlanKind, *, named: bool) -> bool:
    """Whether jobs stay in it though their order is done: who names a job wants it."""
    return named and kind is PlanKind.RETRY
