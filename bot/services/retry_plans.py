"""Proposing a bulk retry: what matches is frozen, its consequences are stated, and it is stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from secrets import token_hex

from bot.domain.access import Actor
from bot.domain.jobs import FailureFilter, FailureGroup
from bot.domain.plan_warnings import plan_warnings
from bot.domain.plans import PLAN_LIFETIME, Plan, PlanGroup, PlanStatus
from bot.domain.policy import Catalog
from bot.domain.queues import QueueId
from bot.domain.redaction import shown_code
from bot.domain.times import MINUTE, Ms
from bot.errors import JobGoneError, StaleError
from bot.ports import PlanStore, QueueReader
from bot.services.queue_facts import QueueFacts, allows_fresh
from bot.services.retry_words import grouped

FROZEN_BY_ID = 2_000
"""Up to so many jobs are frozen one by one; of more, all whose score is no higher than the highest
at the time of asking."""
INTERRUPTED_AFTER: Ms = MINUTE
"""A running plan that has made no progress for so long was interrupted: its process is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A stored plan, and whether fresh attempts may be offered for it."""

    plan: Plan
    may_be_fresh: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Frozen:
    """What a plan is about, and what is to be said of what is not in it."""

    ids: tuple[tuple[str, Ms], ...]
    count: int
    groups: Sequence[FailureGroup]
    newest: Ms | None
    said: tuple[str, ...]


class RetryPlanner:
    """Makes plans. Callers have checked the role."""

    def __init__(self, *, reader: QueueReader, plans: PlanStore, catalog: Catalog) -> None:
        self._reader = reader
        self._plans = plans
        self._catalog = catalog
        self._facts = QueueFacts(reader=reader, catalog=catalog)

    async def propose(
        self,
        actor: Actor,
        queue: QueueId,
        wanted: FailureFilter,
        *,
        ids: Sequence[str] = (),
        fresh: bool = False,
    ) -> Proposal:
        """Freeze what matches now and store a plan for it.

        Raises:
            JobGoneError: nothing that matches is failed.
            RefusedError: the version table does not allow it now.
        """
        sample = await self._facts.sample(queue)
        major = self._facts.check_retry(queue, sample, fresh=fresh)
        frozen = await (self._named(queue, ids) if ids else self._matching(queue, wanted))
        if not frozen.count:
            raise JobGoneError("No failed job matches that now: nothing to retry.")
        policy = self._catalog.policy(queue)
        shares = tuple(
            PlanGroup(shown_code(group.code, policy.redact), group.count, last_at=group.last_at)
            for group in frozen.groups
        )
        warnings = plan_warnings(
            shares, policy, now=sample.taken_at, paused=sample.paused, workers=sample.workers
        )
        plan = Plan(
            id=token_hex(6),
            queue=queue,
            filter=replace(wanted, until=frozen.newest),
            ids=frozen.ids,
            named=bool(ids),
            count=frozen.count,
            groups=shares,
            asked_by=actor.user,
            asked_at=sample.taken_at,
            expires_at=sample.taken_at + PLAN_LIFETIME,
            channel=actor.channel,
            fresh=fresh,
            warnings=(*frozen.said, *warnings),
        )
        await self._plans.save(plan)
        return Proposal(plan=plan, may_be_fresh=not fresh and allows_fresh(major))

    async def _matching(self, queue: QueueId, wanted: FailureFilter) -> _Frozen:
        """What the filter matches now: one by one, unless there are too many."""
        report = await self._reader.failures(queue, wanted)
        edge = replace(wanted, until=report.newest)
        ids: tuple[tuple[str, Ms], ...] = ()
        if report.total <= FROZEN_BY_ID:
            refs = [ref async for some in self._reader.select_failed(queue, edge) for ref in some]
            ids = tuple((ref.id, ref.failed_at) for ref in refs)
        return _Frozen(
            ids=ids, count=report.total, groups=report.groups, newest=report.newest, said=()
        )

    async def _named(self, queue: QueueId, ids: Sequence[str]) -> _Frozen:
        """Those of the named jobs that are failed now."""
        found = await self._reader.failed_refs(queue, list(dict.fromkeys(ids)))
        jobs = [job for job in found.values() if job is not None]
        missing = len(found) - len(jobs)
        if not jobs:
            raise JobGoneError(f"None of these {missing:,} jobs is failed now: nothing to retry.")
        said = f"{missing:,} of the {len(found):,} named are not failed now: left out"
        return _Frozen(
            ids=tuple((job.id, job.failed_at) for job in jobs),
            count=len(jobs),
            groups=grouped(jobs),
            newest=None,
            said=(said,) if missing else (),
        )


def open_plan(plan: Plan | None, actor: Actor, now: Ms) -> Plan:
    """The plan, if this person may still confirm it.

    Raises:
        StaleError: it is unknown, another person's, cancelled, under way, done or interrupted.
    """
    if plan is None:
        raise StaleError("This plan is not known any more. Ask for a new one.")
    if plan.asked_by != actor.user:
        raise StaleError("This plan was made for someone else. Ask for your own.")
    if plan.status is PlanStatus.CANCELLED:
        raise StaleError("This plan was cancelled. Ask for a new one.")
    who = (plan.confirmed_by or plan.asked_by,)
    if plan.status is PlanStatus.DONE:
        text = f"{{people}} did this already at {{at}}: {plan.outcome}."
        raise StaleError(text, people=who, at=plan.confirmed_at)
    if plan.status is PlanStatus.RUNNING:
        far = f"{plan.done:,} of {plan.count:,} moved"
        if plan.progress_at is not None and now - plan.progress_at > INTERRUPTED_AFTER:
            text = f"{{people}} began this at {{at}}, and it was interrupted: {far}. Ask again."
        else:
            text = f"{{people}} began this at {{at}}, and it is under way: {far}."
        raise StaleError(text, people=who, at=plan.confirmed_at)
    return plan
