"""A second person for what cannot be taken back lightly: asked, approved, refused, each once.

Every step is decided by the plan's status, compared and set: any replica can serve any of them, and
of two presses at once one wins.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from bot.domain.access import Actor
from bot.domain.audit import NOT_ALLOWED, Outcome
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
            StaleError: it is unknown, another person's, expired, asked already, or over a tenth of
                the jobs are `exchanged` since they were shown.
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
        if exchanged(plan, groups):
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
        await self._record(actor, asked, "ask", Outcome.DONE, "")
        return asked

    async def unsent(self, plan: Plan) -> None:
        """Put a plan aside whose request did not get into the channel for sure."""
        await self._close(plan, plan.asked_by, Verdict.UNSENT)

    async def overdue(self) -> list[Plan]:
        """What was asked and has had its ten minutes: put aside now if it still waited.

        Each again until `shown`, and told in the audit log once, whoever crashes in between.

        Raises:
            RedisUnavailableError: Bullhorn's own Redis does not answer.
        """
        found = []
        for plan_id in await self._plans.asked(until=await self._reader.now()):
            plan = await self.plan(plan_id)
            if plan is not None and plan.status is PlanStatus.ASKED:
                with suppress(StaleError):  # a press has settled it at this very moment
                    await self._close(plan, None, Verdict.EXPIRED)
                plan = await self.plan(plan_id)
            if plan is None:
                await self.shown(plan_id)
            elif verdict(plan) is not Verdict.EXPIRED or await self._record_end(plan, plan):
                found.append(plan)
        return found

    async def shown(self, plan_id: str) -> None:
        """The message of a request shows what became of it, as far as Slack lets it."""
        await self._plans.forget_asked(plan_id)

    async def approve(self, actor: Actor, plan_id: str) -> Plan:
        """Begin what was asked, if nothing speaks against it; else the plan says what does.

        Returns:
            The plan: begun, or put aside since it has expired or over a tenth of the jobs are
            `exchanged`. Then `matching` is what is there now.

        Raises:
            StaleError: it is unknown, or settled already.
            AccessDeniedError: who asked cannot approve.
            RefusedError: it may not be done now; it can be approved still.
        """
        plan = await self._asked(plan_id)
        if plan.asked_by == actor.user:
            await self.not_allowed(actor, plan, "approve", "another admin must, not who asked")
            raise self._own(plan)
        if await self._reader.now() >= plan.expires_at:
            return await self._close(plan, actor.user, Verdict.EXPIRED)
        try:
            await self._planner.check(plan)
        except RefusedError as error:
            by = plan.asked_by
            await self._record(actor, plan, "approve", Outcome.REFUSED, str(error), asked_by=by)
            raise
        groups = await self._planner.counted(plan)
        if exchanged(plan, groups):
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
        late = await self._reader.now() >= plan.expires_at
        how = Verdict.EXPIRED if late else Verdict.REFUSED
        return await self._close(plan, actor.user, how)

    async def not_allowed(self, actor: Actor, plan: Plan, step: str, why: str) -> None:
        """Record that someone may not do this `step` ("ask", "approve", "refuse")."""
        await self._record(
            actor, plan, step, Outcome.REFUSED, why, word=NOT_ALLOWED,
            asked_by=plan.asked_by if plan.asked_by != actor.user else None,
        )  # fmt: skip

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
        self, plan: Plan, by: str | None, how: Verdict, *, now: tuple[PlanGroup, ...] | None = None
    ) -> Plan:
        """Put it aside, and say why; `now` is what is there instead of what was asked about.

        `by` is who pressed, None where nobody did.

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
        await self._record_end(plan, closed)
        return closed

    async def _record_end(self, asked: Plan, plan: Plan) -> bool:
        """Who asked for what, what became of it, and by whom; False where Redis took it not."""
        by = plan.confirmed_by if plan.confirmed_by != plan.asked_by else None
        word, detail = _end(asked, plan, by)
        return await self._record(
            Actor(user=plan.asked_by, channel=plan.channel), plan, plan.kind.verb, Outcome.REFUSED,
            detail, word=word, ended_by=by, once=f"{plan.id}-closed",
        )  # fmt: skip

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
        self, actor: Actor, plan: Plan, action: str, outcome: Outcome, detail: str, *,
        word: str = "", asked_by: str | None = None, ended_by: str | None = None, once: str = "",
    ) -> bool:  # fmt: skip
        what = words.what(plan, self._catalog.policy(plan.queue).redact)
        said = {"ask": f"ask to {what}", plan.kind.verb: what}
        return await self._journal.record(
            actor, action, said.get(action, f"{action}: {what}"), outcome,
            queue=plan.queue, job_count=0, detail=detail, plan=plan.id, word=word,
            asked_by=asked_by, ended_by=ended_by, once=once,
        )  # fmt: skip


def _end(asked: Plan, plan: Plan, by: str | None) -> tuple[str, str]:
    """A word for what became of it, and the rest; `by` is the other person who brought it about."""
    how = verdict(plan)
    if how is Verdict.VOID:
        sums = f"{plan.count:,} when it was asked, {plan.matching:,} now"
        return "void", f"{sums} ({changes(asked.groups, plan.groups)})"
    if how is Verdict.EXPIRED:
        return "expired", "came too late" if by else "nobody approved"
    if how is Verdict.REFUSED:
        return ("refused", "") if by else ("taken back", "")
    return "not sent", "the request could not be posted"
