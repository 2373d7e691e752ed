"""A second person for what cannot be taken back lightly: asked, approved, refused, each once.

Every step is decided by the plan's status, compared and set: any replica can serve any of them, and
of two presses at once one wins.
"""

from __future__ import annotations

from dataclasses import replace

from bot.domain.access import Actor
from bot.domain.audit import Outcome
from bot.domain.emergencies import Verdict, changes, exchanged, hurried, total, verdict
from bot.domain.plans import APPROVAL_LIFETIME, Plan, PlanGroup, PlanStatus
from bot.domain.policy import Catalog
from bot.errors import AccessDeniedError, PlanExpiredError, RefusedError, StaleError, UsageError
from bot.ports import OperationQueue, PlanStore, QueueReader
from bot.services import plan_words as words
from bot.services.confirming import Confirming
from bot.services.emergencies import EmergencyPlanner
from bot.services.journal import Journal

_UNKNOWN = "This request is not known any more. Ask for a new one."


class Approving:
    """Takes a plan from its dialog to its operation. Callers have checked the role."""

    def __init__(
        self,
        *,
        plans: PlanStore,
        planner: EmergencyPlanner,
        confirming: Confirming,
        queue: OperationQueue,
        reader: QueueReader,
        journal: Journal,
        catalog: Catalog,
    ) -> None:
        self._plans = plans
        self._planner = planner
        self._confirming = confirming
        self._queue = queue
        self._reader = reader
        self._journal = journal
        self._catalog = catalog

    async def plan(self, plan_id: str) -> Plan | None:
        """A plan of the kinds that must be approved."""
        plan = await self._plans.get(plan_id)
        return plan if plan is not None and plan.kind.approved else None

    def is_named(self, plan: Plan, typed: str) -> bool:
        """Whether a person has typed its queue's name, to the letter."""
        return typed.strip() == self._catalog.address(plan.queue).strip()

    async def ask(self, actor: Actor, plan_id: str, typed: str) -> Plan:
        """Open the plan for a second admin's approval; ten minutes from now on.

        Raises:
            StaleError: it is unknown, another person's, expired, asked already, or the counts have
                changed by more than a tenth since they were shown, in sum or by their states.
            UsageError: the name is not the queue's.
        """
        plan = await self.plan(plan_id)
        if plan is None:
            raise StaleError(_UNKNOWN)
        if plan.asked_by != actor.user:
            raise StaleError("This was made for someone else. Ask for your own.")
        if plan.status is not PlanStatus.PROPOSED:
            raise self._settled(plan)
        now = await self._reader.now()
        if now >= plan.expires_at:
            raise PlanExpiredError("The dialog was open for too long: the numbers may be others.")
        if not self.is_named(plan, typed):
            raise UsageError("That is not the queue's name. Nothing was changed.")
        groups = await self._planner.counted(plan)
        if exchanged(plan.groups, groups):
            raise StaleError(
                f"The queue has changed: {plan.matching:,} jobs were shown, {total(groups):,} are "
                f"there now ({changes(plan.groups, groups)}). Nothing was changed. Ask again."
            )
        soon = hurried(plan, groups, after=now - plan.asked_at)
        asked = replace(
            plan,
            status=PlanStatus.ASKED,
            expires_at=now + APPROVAL_LIFETIME,
            warnings=(*plan.warnings, soon) if soon else plan.warnings,
        )
        if not await self._plans.advance(asked, expected=PlanStatus.PROPOSED):
            raise self._settled(await self.plan(plan_id))
        await self._record(actor, asked, "ask", Outcome.DONE, "asked a second admin")
        return asked

    async def unsent(self, plan: Plan) -> None:
        """Put a plan aside whose request did not get into the channel for sure."""
        await self._close(plan, plan.asked_by, Verdict.UNSENT)

    async def approve(self, actor: Actor, plan_id: str) -> Plan:
        """Begin what was asked, if nothing speaks against it; else the plan says what does.

        Returns:
            The plan: begun, or put aside since it has expired or the counts have changed by more
            than a tenth, in sum or by their states. Then `matching` is what is there now.

        Raises:
            StaleError: it is unknown, or settled already.
            AccessDeniedError: who asked cannot approve.
            RefusedError: it may not be done now; it can be approved still.
        """
        plan = await self._asked(plan_id)
        if plan.asked_by == actor.user:
            await self._record(actor, plan, plan.kind.verb, Outcome.REFUSED, "approved by themself")
            raise self._own(plan)
        if await self._reader.now() >= plan.expires_at:
            return await self._expire(plan, actor)
        try:
            await self._planner.check(plan)
        except RefusedError as error:
            await self._record(actor, plan, plan.kind.verb, Outcome.REFUSED, str(error))
            raise
        groups = await self._planner.counted(plan)
        if exchanged(plan.groups, groups):
            return await self._close(plan, actor.user, Verdict.VOID, now=groups)
        asker = Actor(user=plan.asked_by, channel=plan.channel)
        approved = replace(plan, approved_by=actor.user)
        try:
            return await self._confirming.begin(asker, approved, expected=PlanStatus.ASKED)
        except StaleError as error:
            raise self._settled(await self.plan(plan_id)) from error

    async def refuse(self, actor: Actor, plan_id: str) -> Plan:
        """Put aside what was asked: by another admin, or by who asked.

        Raises:
            StaleError: it is unknown, or settled already.
        """
        plan = await self._asked(plan_id)
        if await self._reader.now() >= plan.expires_at:
            return await self._expire(plan, actor)
        return await self._close(plan, actor.user, Verdict.REFUSED)

    async def _expire(self, plan: Plan, actor: Actor) -> Plan:
        return await self._close(plan, actor.user, Verdict.EXPIRED)

    async def _asked(self, plan_id: str) -> Plan:
        """The plan, if it waits for approval.

        Raises:
            StaleError: it does not, with what became of it.
        """
        plan = await self.plan(plan_id)
        if plan is None:
            raise StaleError(_UNKNOWN)
        if plan.status is PlanStatus.RUNNING:
            # should it have been lost between the press and the queue: the same attempt runs once
            await self._queue.submit(plan.id, plan.attempt)
        if plan.status is not PlanStatus.ASKED:
            raise self._settled(plan)
        return plan

    async def _close(
        self, plan: Plan, by: str, how: Verdict, *, now: tuple[PlanGroup, ...] | None = None
    ) -> Plan:
        """Put it aside, and say why; `now` is what is there instead of what was asked about.

        Raises:
            StaleError: another press has settled it.
        """
        closed = replace(
            plan,
            status=PlanStatus.CANCELLED,
            confirmed_by=by,
            confirmed_at=await self._reader.now(),
            outcome=how.value,
            groups=plan.groups if now is None else now,
            matching=plan.matching if now is None else total(now),
        )
        if not await self._plans.advance(closed, expected=PlanStatus.ASKED):
            raise self._settled(await self.plan(plan.id))
        actor = Actor(user=by, channel=plan.channel)
        await self._record(actor, closed, plan.kind.verb, Outcome.REFUSED, _why(plan, closed, how))
        return closed

    def _own(self, plan: Plan) -> AccessDeniedError:
        """Who asked is not the second person; `people` are those who are."""
        admins = self._catalog.access_to(plan.queue).admins - {plan.asked_by}
        if not admins:
            return AccessDeniedError(
                "You asked for this, so that another admin must approve it, and there is none: "
                "see `access.admins` in the config."
            )
        return AccessDeniedError(
            "You asked for this, so that another admin must approve it. Ask {people}.",
            people=tuple(sorted(admins)),
        )

    def _settled(self, plan: Plan | None) -> StaleError:
        """What became of a plan that does not wait for approval."""
        if plan is None:
            return StaleError(_UNKNOWN)
        how, at = verdict(plan), plan.confirmed_at
        if how is Verdict.OPEN:
            return StaleError("Another admin was asked already: the request is in the channel.")
        if how is Verdict.APPROVED:
            who = (plan.approved_by or plan.asked_by,)
            return StaleError("{people} approved this already at {at}.", people=who, at=at)
        if how is Verdict.REFUSED:
            who = (plan.confirmed_by or plan.asked_by,)
            text = "{people} refused this at {at}. Nothing was changed."
            return StaleError(text, people=who, at=at)
        return StaleError("This request is over. Nothing was changed. Ask for a new one.")

    async def _record(
        self, actor: Actor, plan: Plan, action: str, word: Outcome, detail: str
    ) -> None:
        what = words.what(plan, self._catalog.policy(plan.queue).redact)
        await self._journal.record(
            actor, action, what if action != "ask" else f"ask to {what}", word,
            queue=plan.queue, job_count=0, detail=detail, plan=plan.id,
        )  # fmt: skip


def _why(asked: Plan, plan: Plan, how: Verdict) -> str:
    if how is Verdict.VOID:
        sums = f"{plan.count:,} when it was asked, {plan.matching:,} now"
        return f"void: {sums} ({changes(asked.groups, plan.groups)})"
    if how is Verdict.REFUSED:
        return "taken back" if plan.confirmed_by == plan.asked_by else "not approved"
    return "not approved in time" if how is Verdict.EXPIRED else "the request could not be posted"
