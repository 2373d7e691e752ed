"""Plans through Salesforce: for failed jobs, and for orders that are activating without a job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from bot.domain.access import Actor
from bot.domain.archives import ArchiveInfo
from bot.domain.plans import STUCK, Overtaken, Plan, PlanKind
from bot.domain.queues import QueueId
from bot.domain.salesforce import StuckOrders
from bot.errors import JobGoneError, RefusedError, SalesforceUnavailableError
from bot.services.orders import Orders
from bot.services.plan_desk import Desk
from bot.services.planning import Overtakable, Planner, Proposal

_ARCHIVES: Final = 3


class StuckPlanner:
    """Plans to set orders right that no job in any state is about."""

    def __init__(self, *, desk: Desk, orders: Orders) -> None:
        self._desk = desk
        self._orders = orders

    async def propose(self, actor: Actor, queue: QueueId) -> Proposal:
        """Freeze the orders that are stuck now.

        Raises:
            JobGoneError: none is, or the queue is not retried through Salesforce.
            RefusedError: not all jobs could be looked at, so each order may have one.
            SalesforceUnavailableError: it does not answer now.
        """
        found = await self._stuck(queue)
        ids, kept = _ids(found), _archived(found.archived)
        if not ids:
            raise _none(self._desk.catalog.address(queue), found)
        plan = self._desk.draft(
            actor, queue, PlanKind.SALESFORCE, now=await self._desk.reader.now(), count=len(ids),
            ids=ids, state=STUCK, named=True,
        )  # fmt: skip
        said = "These orders are activating in Salesforce, and no job in any state is about them"
        warnings = (
            *([f"Left out: {kept}"] if kept else []),
            said,
            "Each is set to failed and to activating again: the flow runs on a change",
        )
        return await self._desk.keep(replace(plan, warnings=warnings))

    async def again(self, actor: Actor, plan: Plan) -> Proposal:
        """The same, now; raises as `propose`."""
        return await self.propose(actor, plan.queue)

    async def recount(self, plan: Plan) -> int:
        """How many of the plan's orders are stuck still."""
        now = {order_id for order_id, _ in _ids(await self._stuck(plan.queue))}
        return sum(order_id in now for order_id, _ in plan.ids)

    async def check(self, plan: Plan) -> None:
        """Nothing in the queue stands against it: no job is moved."""

    async def _stuck(self, queue: QueueId) -> StuckOrders:
        found = await self._orders.stuck(queue, thorough=True)
        if found is None:
            raise JobGoneError(
                "This queue is not retried through Salesforce, or there are no credentials for it."
            )
        if found.unknown:
            raise SalesforceUnavailableError(f"{found.unknown}. Nothing was changed.")
        if found.orders and not found.sure:
            raise RefusedError(_unsure(len(found.orders), self._desk.catalog.address(queue)))
        return found


def _ids(found: StuckOrders) -> tuple[tuple[str, int], ...]:
    return tuple((order.id, order.modified_at or 0) for order in found.orders)


def _archived(kept: Sequence[tuple[ArchiveInfo, int]]) -> str:
    """How many orders have their job in an archive, and what brings it back; "" for none."""
    if not kept:
        return ""
    count, shown = sum(of for _, of in kept), kept[:_ARCHIVES]
    ways = [f"`undo {info.id}`" + (f" ({of:,})" if len(kept) > 1 else "") for info, of in shown]
    more = " and others that `undo` lists" if len(kept) > len(shown) else ""
    orders, them = (
        ("1 order's job is", "it") if count == 1 else (f"{count:,} orders' jobs are", "them")
    )
    bring = "brings" if len(kept) == 1 else "bring"
    return f"{orders} archived: {', '.join(ways)}{more} {bring} {them} back"


def _none(address: str, found: StuckOrders) -> JobGoneError:
    """What is told where no order is to be set right."""
    kept = _archived(found.archived)
    if not kept:
        return JobGoneError(f"No order of {address} is activating without a job: nothing to do.")
    more = " Only the oldest orders were looked at." if found.more else ""
    gone = JobGoneError(f"No other order of {address} is activating without a job. {kept}.{more}")
    gone.offer = f"undo {found.archived[0][0].id}"
    return gone


def _unsure(count: int, address: str) -> str:
    orders, them = ("1 order is", "it") if count == 1 else (f"{count:,} orders are", "them")
    return (
        f"{orders} activating in Salesforce, and no job was found about {them}, but not all jobs "
        f"of {address} could be looked at: it or its archives have over a million, or some whose "
        "data is over 64 KB or no JSON. An order with a job would be provisioned twice, so nothing "
        f"was changed. Clean old jobs first, or set {them} right in Salesforce."
    )


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

    async def overtaken(self, plan: Plan) -> Overtaken:
        """Which jobs others have done; of orders without a job there is none."""
        planner = self._of(plan)
        if isinstance(planner, Overtakable):
            return await planner.overtaken(plan)
        return Overtaken()

    async def check(self, plan: Plan) -> None:
        """Look whether it may be done now."""
        await self._of(plan).check(plan)

    def _of(self, plan: Plan) -> Planner:
        return self._stuck if plan.state == STUCK else self._retry
