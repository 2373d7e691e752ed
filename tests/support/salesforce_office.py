"""An office that retries order-provisioning through Salesforce: failed jobs with failed orders."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from bot.domain.jobs import FailureFilter
from bot.domain.plans import Plan, PlanKind
from bot.domain.salesforce import Order, OrderOutcome
from bot.domain.subjects import JobAbout
from bot.domain.times import Ms
from bot.services.operations import screen
from tests.support.fake_queues import FakeQueue, FakeQueues
from tests.support.fake_salesforce import FakeSalesforce, order_id
from tests.support.fakes import ORDERS, START, FakeMessenger
from tests.support.toolbox import BOB, CATALOG, Office, build_office, shown

PATH = "sfOrderId"


class Flowing(FakeSalesforce):
    """A Salesforce whose flow publishes a new job for each order that becomes activating."""

    queue: FakeQueue
    flows = True

    def _reactivated(self, order: Order) -> OrderOutcome:
        outcome = super()._reactivated(order)
        if self.activated[-1:] == [order.id] and self.flows:
            job = JobAbout(id=f"new-{order.id}", state="wait", created_at=self.clock.now)
            self.queue.contents.add(job, **{PATH: order.id})
        return outcome


async def salesforce_office(
    redis: Any,
    queues: FakeQueues,
    messenger: FakeMessenger,
    salesforce: FakeSalesforce,
    *,
    count: int = 4,
    since: Ms = START - 600_000,
) -> Office:
    """It, after its first look."""
    queue = queues.add(ORDERS)
    if isinstance(salesforce, Flowing):
        salesforce.queue = queue
    fail(salesforce, queue, range(count), since)
    policies = dict(CATALOG.queues)
    policies["order-provisioning"] = replace(
        policies["order-provisioning"], retry_via="salesforce", business_id=PATH
    )
    office = build_office(
        redis=redis, queues=queues, messenger=messenger, salesforce=salesforce,
        catalog=replace(CATALOG, queues=policies),
    )  # fmt: skip
    await office.tick()
    return office


def fail(salesforce: FakeSalesforce, queue: FakeQueue, numbers: Iterable[int], at: Ms) -> None:
    """Failed jobs w0, w1… from then on, each with a failed order."""
    for number in numbers:
        queue.fail(f"w{number}", "WHMCS_ERROR: down", at + number)
        queue.contents.data[f"w{number}"] = {PATH: order_id(number)}
        salesforce.put(order_id(number), "Failed", "WHMCS_ERROR: down")


def another(office: Office, job_id: str, number: int, state: str = "completed") -> None:
    """A job about the order of this number that was added, and done, just now."""
    at = office.clock.now
    job = JobAbout(id=job_id, state=state, created_at=at, started_at=at, finished_at=at)
    office.queues.queues[ORDERS].contents.add(job, **{PATH: order_id(number)})


async def begin(office: Office, **options: Any) -> Plan:
    """The confirmed plan for all of them."""
    wanted = FailureFilter(code="WHMCS_ERROR")
    tools = office.toolbox
    plan = (
        await tools.planner.propose(BOB, ORDERS, wanted, kind=PlanKind.SALESFORCE, **options)
    ).plan
    return (await tools.confirming.confirm(BOB, plan.id)).plan


def message(messenger: FakeMessenger) -> str:
    """The text of the operation's message."""
    [posted] = messenger.of(screen.KIND)
    return shown(posted.message).text.replace("*", "")
