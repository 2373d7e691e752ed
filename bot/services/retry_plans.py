"""Proposing a bulk retry: what matches is frozen, its consequences are stated, and it is stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from secrets import token_hex

from bot.domain.access import Actor
from bot.domain.compatibility import Action, allow
from bot.domain.jobs import FailureFilter
from bot.domain.plan_consequences import Known
from bot.domain.plan_warnings import gap_over_at, plan_warnings
from bot.domain.plans import PLAN_LIFETIME, Overtaken, Plan, PlanGroup, PlanKind
from bot.domain.policy import Catalog, QueuePolicy
from bot.domain.queues import QueueId
from bot.domain.redaction import shown_code
from bot.domain.sample import Sample
from bot.domain.times import Ms
from bot.ports import PlanStore, QueueReader
from bot.services.overtaken import DoneElsewhere
from bot.services.plan_freezing import FROZEN_BY_ID, Frozen
from bot.services.plan_knowledge import Knowledge, look_into
from bot.services.planning import Proposal, under_way
from bot.services.queue_facts import QueueFacts, allows_fresh
from bot.services.retry_choice import Choice, Chooser
from bot.services.settled_orders import SettledOrders, not_checked

__all__ = ["FROZEN_BY_ID", "RetryPlanner"]


class RetryPlanner:
    """Makes plans to retry. Callers have checked the role.

    `salesforce` says whether there are credentials for it; `settled` asks it which orders are done.
    """

    def __init__(
        self,
        *,
        reader: QueueReader,
        plans: PlanStore,
        catalog: Catalog,
        salesforce: bool = False,
        settled: SettledOrders | None = None,
    ) -> None:
        self._reader = reader
        self._plans = plans
        self._catalog = catalog
        self._salesforce = salesforce
        self._elsewhere = DoneElsewhere(reader=reader, catalog=catalog, settled=settled)
        self._chooser = Chooser(reader=reader, catalog=catalog, elsewhere=self._elsewhere)
        self._facts = QueueFacts(reader=reader, catalog=catalog)

    async def propose(
        self,
        actor: Actor,
        queue: QueueId,
        wanted: FailureFilter,
        *,
        ids: Sequence[str] = (),
        fresh: bool = False,
        rate: float | None = None,
        canary: int = 0,
        kind: PlanKind = PlanKind.RETRY,
    ) -> Proposal:
        """Freeze what matches now and store a plan for it.

        Named `ids` are all in it; of those that a filter selects, jobs whose business id has a
        newer, an open or a completed job are left out, and those whose order is done in Salesforce.
        Through Salesforce these also when they are named, as those in a state that allows no retry.

        Raises:
            JobGoneError: nothing that matches is failed, or all of it is left out.
            RefusedError: the version table does not allow it now.
        """
        policy, sample = self._catalog.policy(queue), await self._facts.sample(queue, anew=True)
        major, now = self._major(queue, sample, kind, fresh=fresh), sample.taken_at
        choice = await self._chooser.choose(queue, wanted, ids=ids, kind=kind, now=now)
        frozen = choice.frozen
        plan = replace(
            _drawn(actor, queue, choice, policy, now),
            fresh=fresh,
            rate=rate,
            canary=canary if canary < frozen.count else 0,
        )
        known = _known(plan, frozen, choice.found, major)
        said = (*await under_way(self._plans, queue), *frozen.said)
        said = (*choice.order_words(policy.redact), *said, *_too_few(canary, plan.count))
        plan = self._judged(plan, known, sample, said=said)
        await self._plans.save(plan)
        return Proposal(plan=plan, may_be_fresh=known.may_be_fresh)

    async def again(self, actor: Actor, plan: Plan) -> Proposal:
        """A new plan for what an old one was asked for; raises as `propose`."""
        return await self.propose(
            actor,
            plan.queue,
            replace(plan.filter, until=None),
            ids=[job_id for job_id, _ in plan.ids] if plan.named else (),
            fresh=plan.fresh,
            rate=plan.rate,
            canary=plan.canary,
            kind=plan.kind,
        )

    async def recount(self, plan: Plan) -> int:
        """How many jobs match now what the plan was asked for; `Plan.matching` then.

        Of named jobs, how many are failed still as they were.
        """
        if plan.named:
            found = await self._reader.failed_refs(plan.queue, [job_id for job_id, _ in plan.ids])
            there = ((found.get(job_id), failed_at) for job_id, failed_at in plan.ids)
            return sum(job is not None and job.failed_at == at for job, at in there)
        wanted = replace(plan.filter, until=None)
        return (await self._reader.failures(plan.queue, wanted)).total

    async def overtaken(self, plan: Plan) -> Overtaken:
        """Which of its jobs others have done since its card was drawn; raises as `recount`."""
        return await self._elsewhere.since(plan)

    async def check(self, plan: Plan) -> None:
        """Look whether it may be done now.

        Raises:
            RefusedError: the version table does not allow it.
            RedisUnavailableError: the queue cannot be read.
        """
        sample = await self._facts.sample(plan.queue)
        self._major(plan.queue, sample, plan.kind, fresh=plan.fresh)

    async def is_harmless(self, queue: QueueId, job_id: str) -> bool:
        """Whether a failed job needs no card on account of other jobs about the same.

        That is: none for its business id, as far as all of them could be looked at, and none of its
        subject tried less than `min_gap` ago.
        Nor is its order done in Salesforce, or unknown there.
        """
        policy, now = self._catalog.policy(queue), await self._reader.now()
        asked = await self._elsewhere.orders(queue, FailureFilter(), [job_id])
        if asked.settled or not_checked(asked):
            return False
        if policy.business_id is None and not (policy.min_gap and policy.subject_path):
            return True
        found = await look_into(self._reader, queue, policy, FailureFilter(), ids=[job_id], now=now)
        other = found.superseded
        return not (other.jobs or other.unsure or found.facts.unread or found.soon.subjects)

    def _major(self, queue: QueueId, sample: Sample, kind: PlanKind, *, fresh: bool) -> int | None:
        """The queue's BullMQ; through Salesforce no job is moved back, so that any will do."""
        if kind is PlanKind.SALESFORCE:
            return None
        return self._facts.check_retry(queue, sample, fresh=fresh)

    def _judged(self, plan: Plan, known: Known, sample: Sample, *, said: tuple[str, ...]) -> Plan:
        """With its warnings, and when it had better begin."""
        policy, now = self._catalog.policy(plan.queue), plan.asked_at
        warnings = plan_warnings(
            plan.groups, policy, now=now, paused=sample.paused, workers=sample.workers,
            busy=sample.busy, salesforce=self._salesforce, known=known,
        )  # fmt: skip
        later_at = known.soon.later_at
        if policy.subject_path is None:
            later_at = gap_over_at(plan.groups, policy, now=now)
        return replace(plan, warnings=(*said, *warnings), later_at=later_at)


def _drawn(actor: Actor, queue: QueueId, choice: Choice, policy: QueuePolicy, now: Ms) -> Plan:
    """The plan for what is chosen, as yet without how it is to be retried."""
    frozen, named = choice.frozen, choice.named
    return Plan(
        id=token_hex(6),
        queue=queue,
        kind=choice.kind,
        filter=frozen.edge,
        ids=frozen.ids,
        named=named,
        count=frozen.count,
        matching=frozen.count if named else frozen.matching,
        doubled=choice.done if named else (),
        excluded=() if named else choice.done,
        unchecked=bool(choice.asked.unknown),
        groups=tuple(
            PlanGroup(shown_code(group.code, policy.redact), group.count, last_at=group.last_at)
            for group in frozen.groups
        ),
        asked_by=actor.user,
        asked_at=now,
        expires_at=now + PLAN_LIFETIME,
        channel=actor.channel,
    )


def _known(plan: Plan, frozen: Frozen, found: Knowledge, major: int | None) -> Known:
    """What its card has to say of the jobs."""
    retried = plan.kind is PlanKind.RETRY
    lost = retried and allow(Action.RETRY, major=major, paused=False).leave_out_prioritized
    return Known(
        facts=found.facts,
        superseded=found.superseded,
        soon=found.soon,
        kind=plan.kind,
        named=plan.named,
        fresh=plan.fresh,
        priority_lost=lost,
        may_be_fresh=retried and not plan.fresh and allows_fresh(major),
        kept=frozen.kept,
        kept_limit=frozen.kept_limit,
    )


def _too_few(canary: int, count: int) -> list[str]:
    """That a try of so many first would be all of them."""
    if not canary or canary < count:
        return []
    there = "There is only 1" if count == 1 else f"There are only {count:,}"
    return [f"{there}: no try of {canary:,} first"]
