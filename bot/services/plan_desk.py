"""What all planners of repairs share: a look at the queue, a draft, and where plans are kept."""

from __future__ import annotations

from dataclasses import replace
from secrets import token_hex
from typing import Any

from bot.domain.access import Actor
from bot.domain.compatibility import Action
from bot.domain.plans import PLAN_LIFETIME, Plan, PlanKind
from bot.domain.policy import Catalog
from bot.domain.queues import QueueId
from bot.domain.sample import Sample
from bot.domain.times import Ms
from bot.ports import PlanStore, QueueReader
from bot.services.planning import Proposal, under_way
from bot.services.queue_facts import QueueFacts

FROZEN_BY_ID = 2_000
"""Up to so many jobs are frozen one by one, where nothing else tells them from later ones."""


class Desk:
    """Where plans are drawn up."""

    def __init__(self, *, reader: QueueReader, plans: PlanStore, catalog: Catalog) -> None:
        self.reader = reader
        self.plans = plans
        self.catalog = catalog
        self._facts = QueueFacts(reader=reader, catalog=catalog)

    async def look(
        self, queue: QueueId, *actions: Action, anew: bool = False
    ) -> tuple[Sample, int | None]:
        """The queue now and its BullMQ major, if these are allowed there; `anew` for a card.

        Raises:
            RefusedError: the version table does not allow it; with what to do.
            RedisUnavailableError: the queue cannot be read.
        """
        sample = await self._facts.sample(queue, anew=anew)
        return sample, self._facts.check(queue, sample, *actions)

    def draft(
        self, actor: Actor, queue: QueueId, kind: PlanKind, *, now: Ms, count: int, **more: Any
    ) -> Plan:
        """A plan, not stored yet, in which all that matched is."""
        return Plan(
            id=token_hex(6),
            queue=queue,
            kind=kind,
            count=count,
            matching=more.pop("matching", count),
            asked_by=actor.user,
            asked_at=now,
            expires_at=now + PLAN_LIFETIME,
            channel=actor.channel,
            **more,
        )

    async def keep(self, plan: Plan, **more: Any) -> Proposal:
        """Store it, and propose it."""
        busy = await under_way(self.plans, plan.queue)
        plan = replace(plan, warnings=(*busy, *plan.warnings))
        await self.plans.save(plan)
        return Proposal(plan=plan, **more)
