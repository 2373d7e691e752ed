"""Plans to drain or to obliterate a queue: counted, and stored until a second admin approves."""

from __future__ import annotations

from secrets import token_hex

from bot.domain.access import Actor
from bot.domain.commandline import join
from bot.domain.compatibility import Action, allow, major_version
from bot.domain.emergencies import Emergency, going, total
from bot.domain.health import lost
from bot.domain.plans import PLAN_LIFETIME, Plan, PlanGroup, PlanKind
from bot.domain.policy import Catalog
from bot.domain.queues import QueueId
from bot.domain.sample import Sample
from bot.errors import JobGoneError, NotPausedError, RefusedError
from bot.ports import Archive, PlanStore, QueueReader
from bot.services.planning import Proposal
from bot.services.queue_facts import QueueFacts


class EmergencyPlanner:
    """Makes them, by counts alone: a dialog must be open within three seconds.

    Callers have checked the role.
    """

    def __init__(
        self, *, reader: QueueReader, plans: PlanStore, archive: Archive, catalog: Catalog
    ) -> None:
        self._plans = plans
        self._archive = archive
        self._catalog = catalog
        self._facts = QueueFacts(reader=reader, catalog=catalog)

    async def propose(self, actor: Actor, queue: QueueId, kind: PlanKind) -> Emergency:
        """Count what would go now, and store a plan for it.

        Raises:
            JobGoneError: there is nothing to drain.
            NotPausedError: the queue must be paused to be obliterated.
            RefusedError: the version table does not allow it now.
        """
        sample = await self._facts.sample(queue)
        self._allow(queue, kind, sample)
        groups = going(kind, sample.counts)
        count, address = total(groups), self._catalog.address(queue)
        if kind is PlanKind.DRAIN and not count:
            raise JobGoneError(f"Nothing waits in {address}: there is nothing to drain.")
        plan_id = token_hex(6)
        plan = Plan(
            id=plan_id,
            archive=plan_id if kind is PlanKind.DRAIN else "",
            queue=queue,
            kind=kind,
            count=count,
            matching=count,
            groups=groups,
            asked_by=actor.user,
            asked_at=sample.taken_at,
            expires_at=sample.taken_at + PLAN_LIFETIME,
            channel=actor.channel,
        )
        await self._plans.save(plan)
        return Emergency(
            plan=plan,
            active=sample.counts.active,
            lost=len(lost(sample)),
            room=await self._archive.room(),
            cap=self._archive.cap,
            kept=self._archive.kept,
        )

    async def again(self, actor: Actor, plan: Plan) -> Proposal:
        """A new plan for what an old one was asked for; raises as `propose`."""
        return Proposal(plan=(await self.propose(actor, plan.queue, plan.kind)).plan)

    async def counted(self, plan: Plan) -> tuple[PlanGroup, ...]:
        """What would go now."""
        return going(plan.kind, (await self._facts.sample(plan.queue)).counts)

    async def recount(self, plan: Plan) -> int:
        """How many jobs would go now; `Plan.matching` then."""
        return total(await self.counted(plan))

    async def check(self, plan: Plan) -> None:
        """Look whether it may be done now.

        Raises:
            NotPausedError: the queue must be paused to be obliterated.
            RefusedError: the version table does not allow it, or jobs are active.
            RedisUnavailableError: the queue cannot be read.
        """
        sample = await self._facts.sample(plan.queue)
        self._allow(plan.queue, plan.kind, sample)
        if plan.kind is not PlanKind.OBLITERATE:
            return
        active, stuck = sample.counts.active, len(lost(sample))
        if stuck:
            many = "jobs have lost their worker and never end"
            who = "job has lost its worker and never ends" if stuck == 1 else many
            refusal = RefusedError(f"{stuck:,} {who}: `unstick` first.")
            refusal.offer = join(["unstick", self._catalog.address(plan.queue)])
            raise refusal
        if active:
            jobs = "job is" if active == 1 else "jobs are"
            raise RefusedError(
                f"{active:,} {jobs} active: obliterate would take them from their workers. "
                "Wait until they have ended, then try again."
            )

    def _allow(self, queue: QueueId, kind: PlanKind, sample: Sample) -> None:
        action = Action.DRAIN if kind is PlanKind.DRAIN else Action.OBLITERATE
        major = major_version(sample.version, self._catalog.policy(queue).bullmq)
        allow(action, major=major, paused=sample.paused)
        if kind is PlanKind.OBLITERATE and not sample.paused:
            raise NotPausedError(
                f"{self._catalog.address(queue)} is not paused. Pause it, then try again.",
                active=sample.counts.active,
                lost=len(lost(sample)),
            )
