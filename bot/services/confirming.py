"""From a plan's card to an operation: asked again where the facts have drifted, begun once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from secrets import token_hex

from bot.domain.access import Actor
from bot.domain.audit import Outcome
from bot.domain.plans import Change, Plan, PlanKind, PlanStatus
from bot.domain.policy import Catalog
from bot.domain.times import Ms
from bot.errors import (
    JobGoneError,
    PlanExpiredError,
    RedisUnavailableError,
    RefusedError,
    StaleError,
)
from bot.ports import OperationQueue, OperationStore, PlanStore, QueueReader
from bot.services import plan_words as words
from bot.services.journal import Journal
from bot.services.planning import Planner, Proposal, change_of, redrawn


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """A plan that was begun; or, with `drawn_again`, that must be asked again, and why."""

    plan: Plan
    drawn_again: Proposal | None = None
    change: Change | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What the person chose on the card."""

    fresh: bool = False
    canary: int = 0
    begin_at: Ms | None = None


class Confirming:
    """Begins, cancels and stops. Callers have checked the role."""

    def __init__(
        self,
        *,
        plans: PlanStore,
        planners: Mapping[PlanKind, Planner],
        queue: OperationQueue,
        operations: OperationStore,
        reader: QueueReader,
        journal: Journal,
        catalog: Catalog,
    ) -> None:
        self._plans = plans
        self._planners = planners
        self._queue = queue
        self._operations = operations
        self._reader = reader
        self._journal = journal
        self._catalog = catalog

    async def confirm(self, actor: Actor, plan_id: str, choice: Choice | None = None) -> Confirmed:
        """Begin a plan, once; or draw its card anew where the facts have drifted.

        Raises:
            StaleError: it is unknown, another person's, expired, cancelled or begun already.
            RefusedError: the version table does not allow it now; the plan stays open.
            JobGoneError: nothing matches any more.
        """
        choice = choice or Choice()
        now = await self._reader.now()
        stored = await self._plans.get(plan_id)
        await self._hand_over(stored, actor)
        plan = await self._open(stored, actor)
        if now >= plan.expires_at:
            raise PlanExpiredError("This plan has expired. Ask for a new one.")
        if plan.kind.approved:
            raise StaleError("A second admin must approve this, by the request in the channel.")
        planner = self._planners[plan.kind]
        plan = replace(
            plan,
            fresh=plan.fresh or choice.fresh,
            canary=choice.canary or plan.canary,
            begin_at=choice.begin_at,
        )
        try:
            await planner.check(plan)
        except RefusedError as error:
            await self._record(actor, plan, Outcome.REFUSED, str(error))
            raise
        change = await change_of(plan, planner)
        if change:
            return await self._ask_again(actor, plan, change)
        plan = replace(plan, overtaken=change.overtaken)
        return Confirmed(plan=await self.begin(actor, plan, expected=PlanStatus.PROPOSED))

    async def rest(self, actor: Actor, plan_id: str) -> Confirmed:
        """Go on with what a canary has left, or ask anew; any operator may.

        It stays on offer when it is asked anew: whoever presses gets a card of their own.

        Raises:
            As `confirm`.
        """
        plan = await self._plans.get(plan_id)
        if plan is None or plan.status is not PlanStatus.TRIED:
            await self._hand_over(plan, actor)
            await self._not_open(plan)
            raise StaleError("Nothing of this plan waits. Ask for a new one.")
        planner, rest = self._planners[plan.kind], replace(plan, canary=0, begin_at=None)
        await planner.check(rest)
        change = await change_of(rest, planner, late=await self._is_late(rest))
        if change:
            return await self._ask_again(actor, rest, change)
        rest = replace(rest, overtaken=change.overtaken)
        return Confirmed(plan=await self.begin(actor, rest, expected=PlanStatus.TRIED))

    async def begin(self, actor: Actor, plan: Plan, *, expected: PlanStatus) -> Plan:
        """Win the plan for this press, record that, and hand it to whichever replica is free.

        Raises:
            StaleError: another press has won it.
            RedisUnavailableError: it may have begun; pressing again does no harm.
        """
        now = await self._reader.now()
        running = replace(
            plan,
            status=PlanStatus.RUNNING,
            confirmed_by=actor.user,
            confirmed_at=now,
            progress_at=now,
            attempt=token_hex(4),
        )
        if not await self._win(running, expected):
            await self._not_open(await self._plans.get(plan.id))
            raise StaleError("This plan was just carried out by another press.")
        await self._record(actor, running, Outcome.STARTED, "")
        await self._queue.submit(running.id, running.attempt)
        return running

    async def cancel(self, actor: Actor, plan_id: str) -> Plan:
        """Put a plan aside: its buttons do nothing any more.

        Raises:
            StaleError: as for `confirm`.
        """
        stored = await self._plans.get(plan_id)
        if stored is not None and stored.asked_by == actor.user and await self._withdraw(stored):
            return stored
        plan = await self._open(stored, actor)
        cancelled = replace(plan, status=PlanStatus.CANCELLED)
        if not await self._plans.advance(cancelled, expected=PlanStatus.PROPOSED):
            raise StaleError("This plan was just carried out by another press.")
        return cancelled

    async def stop(self, actor: Actor, plan_id: str) -> Plan:
        """Tell a running operation to stop after its batch; one that has not begun never does.

        Raises:
            StaleError: it is over, or unknown.
        """
        plan = await self._plans.get(plan_id)
        if plan is None:
            raise StaleError("This plan is not known any more. Ask for a new one.")
        if plan.status is not PlanStatus.RUNNING:
            raise StaleError("This has ended already: there is nothing to stop.")
        await self._operations.ask_stop(plan_id, plan.attempt, actor.user)
        await self._withdraw(plan)
        what = words.what(plan, self._redact(plan))
        await self._journal.record(
            actor, "stop", f"stop: {what}", Outcome.DONE, queue=plan.queue, plan=f"{plan.id}-stop"
        )
        return plan

    async def plan(self, plan_id: str) -> Plan | None:
        """A stored plan."""
        return await self._plans.get(plan_id)

    async def _ask_again(self, actor: Actor, plan: Plan, change: Change) -> Confirmed:
        if change.matching:
            again = await self._planners[plan.kind].again(actor, plan)
            change = redrawn(change, plan, again.plan)
            await self._put_aside(plan)
            return Confirmed(plan=plan, drawn_again=again, change=change)
        await self._put_aside(plan)
        raise JobGoneError(words.none_left(plan))

    async def _is_late(self, plan: Plan) -> bool:
        """Whether a canary's rest was offered too long ago to begin as it was."""
        operation = await self._operations.load(plan.id)
        until = operation.offered_until if operation is not None else 0
        return until is not None and await self._reader.now() >= until

    async def _put_aside(self, plan: Plan) -> None:
        aside = replace(plan, status=PlanStatus.CANCELLED)
        await self._plans.advance(aside, expected=PlanStatus.PROPOSED)

    async def _win(self, running: Plan, expected: PlanStatus) -> bool:
        """Change the status; a lost answer is looked into, not taken for a no."""
        try:
            return await self._plans.advance(running, expected=expected)
        except RedisUnavailableError:
            stored = await self._plans.get(running.id)
            if stored is not None and stored.attempt == running.attempt:
                return True
            raise

    async def _withdraw(self, plan: Plan) -> bool:
        """Take back a plan that was begun and that no replica has taken up; whether it was one.

        A replica that takes it up just now sees that it was asked to stop, before it does anything.
        """
        if plan.status is not PlanStatus.RUNNING or await self._is_taken(plan):
            return False
        await self._operations.ask_stop(plan.id, plan.attempt, plan.asked_by)
        if await self._is_taken(plan):
            return False
        aside = replace(plan, status=PlanStatus.CANCELLED)
        return await self._plans.advance(aside, expected=PlanStatus.RUNNING)

    async def _is_taken(self, plan: Plan) -> bool:
        """Whether a replica has taken this attempt up."""
        operation = await self._operations.load(plan.id)
        return operation is not None and operation.attempt == plan.attempt

    async def _hand_over(self, plan: Plan | None, actor: Actor) -> None:
        """Put a begun plan into the queue again, should it have been lost on the way there.

        The same attempt runs once.
        """
        if plan is not None and plan.status is PlanStatus.RUNNING and plan.asked_by == actor.user:
            await self._queue.submit(plan.id, plan.attempt)

    async def _open(self, plan: Plan | None, actor: Actor) -> Plan:
        """The plan, if this person may still confirm it."""
        if plan is not None and plan.asked_by != actor.user:
            raise StaleError("This plan was made for someone else. Ask for your own.")
        await self._not_open(plan)
        if plan is None:
            raise StaleError("This plan is not known any more. Ask for a new one.")
        return plan

    async def _not_open(self, plan: Plan | None) -> None:
        """Say what became of a plan that can not be confirmed (any more).

        Raises:
            StaleError: with that.
        """
        if plan is None:
            raise StaleError("This plan is not known any more. Ask for a new one.")
        if plan.status is PlanStatus.CANCELLED:
            raise StaleError("This plan was put aside. Ask for a new one.")
        who, at = (plan.confirmed_by or plan.asked_by,), plan.confirmed_at
        if plan.status is PlanStatus.DONE:
            raise StaleError(
                f"{{people}} did this already at {{at}}: {plan.outcome}.", people=who, at=at
            )
        if plan.status is PlanStatus.RUNNING:
            operation = await self._operations.load(plan.id)
            done = operation.tally.done if operation is not None else 0
            text = f"{{people}} began this at {{at}}, and it is under way: {done:,} of "
            raise StaleError(f"{text}{plan.whole:,} done.", people=who, at=at)

    def _redact(self, plan: Plan) -> tuple[str, ...]:
        return self._catalog.policy(plan.queue).redact

    async def _record(self, actor: Actor, plan: Plan, word: Outcome, detail: str) -> None:
        await self._journal.record(
            actor, plan.kind.verb, words.what(plan, self._redact(plan)), word,
            queue=plan.queue, job_count=0, detail=detail, plan=plan.id, approver=plan.approved_by,
        )  # fmt: skip
