"""Plans through Salesforce: for failed jobs, and for orders that are activating without a job."""

from __future__ import annotations

from dataclasses import replace

from bot.domain.access import Actor
from bot.domain.plans import STUCK, Plan, PlanKind
from bot.domain.queues import QueueId
from bot.errors import JobGoneError, SalesforceUnavailableError
from bot.services.orders import Orders
from bot.services.plan_desk import Desk
from bot.services.planning import Planner, Proposal


class StuckPlanner:
    """Plans to set orders right that no job in any state is about."""

    def __init__(self, *, desk: Desk, orders: Orders) -> None:
        self._desk = desk
        self._orders = orders

    async def propose(self, actor: Actor, queue: QueueId) -> Proposal:
        """Freeze the orders that are stuck now.

        Raises:
            JobGoneError: none is, or the queue is not retried through Salesforce.
            SalesforceUnavailableError: it does not answer now.
        """
        ids = await self._stuck(queue)
        address = self._desk.catalog.address(queue)
        if not ids:
            raise JobGoneError(f"No order of {address} is activating without a job: nothing to do.")
        plan = self._desk.draft(
            actor, queue, PlanKind.SALESFORCE, now=await self._desk.reader.now(), count=len(ids),
            ids=ids, state=STUCK, named=True,
        )  # fmt: skip
        said = "These orders are activating in Salesforce, and no job in any state is about them"
        warnings = (
            said,
            "Each is set to failed and to activating again: the flow runs on a change",
        )
        return await self._desk.keep(replace(plan, warnings=warnings))

    async def again(self, actor: Actor, plan: Plan) -> Proposal:
        """The same, now; raises as `propose`."""
        return await self.propose(actor, plan.queue)

    async def recount(self, plan: Plan) -> int:
        """How many of the plan's orders are stuck still."""
        now = {order_id for order_id, _ in await self._stuck(plan.queue)}
        return sum(order_id in now for order_id, _ in plan.ids)

    async def check(self, plan: Plan) -> None:
        """Nothing in the queue stands against it: no job is moved."""

    async def _stuck(self, queue: QueueId) -> tuple[tuple[str, int], ...]:
        found = await self._orders.stuck(queue)
        if found is None:
            raise JobGoneError(
                "This queue is not retried through Salesforce, or there are no credentials for it."
            )
        if found.unknown:
            raise SalesforceUnavailableError(f"{found.unknown}. Nothing was changed.")
        return tuple((order.id, order.modified_at or 0) for order in found.orders)


class SalesforcePlanner:
    """Whoever planned it draws it again."""

    def __init__(self, *, retry: Planner, stuck: Planner) -> None:
        self._retry = retry
        self._stuck = stuck

    async def again(self, actor: Actor, plan: Plan) -> Proposal:
        """A new plan for what an old one was asked for."""
        return await self._of(plan).again(actor, plan)

    async def recount(self, plan: Plan) -> int:
        """How many match now."""
        return await self._of(plan).recount(plan)

    async def check(self, plan: Plan) -> None:
        """Look whether it may be done now."""
        await self._of(plan).check(plan)

    def _of(self, plan: Plan) -> Planner:
        return self._stuck if plan.state == STUCK else self._retry
