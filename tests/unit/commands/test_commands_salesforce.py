"""`job` and `status QUEUE` where Salesforce has credentials."""

from dataclasses import replace

import pytest

from bot.domain.jobs import JobDetail
from bot.domain.policy import Catalog
from bot.domain.times import MINUTE
from tests.support.fake_salesforce import FakeSalesforce, order_id
from tests.support.fakes import ORDERS
from tests.support.toolbox import BOB, CATALOG, VERA, build_office, labels, value_of

ONE = order_id(1)


@pytest.fixture
def salesforce(clock):
    return FakeSalesforce(clock)


@pytest.fixture
async def desk(redis, queues, messenger, salesforce):
    """An office whose orders are best retried through Salesforce."""
    queue = queues.add(ORDERS)
    queue.jobs["4711"] = JobDetail(
        queue=ORDERS, id="4711", name="provision", state="failed", data={"sfOrderId": ONE},
        options={}, attempts_made=3, attempts=3, failed_reason="WHMCS_ERROR: down",
    )  # fmt: skip
    policies = dict(CATALOG.queues)
    policies["order-provisioning"] = replace(policies["order-provisioning"], retry_via="salesforce")
    catalog: Catalog = replace(CATALOG, queues=policies)
    office = build_office(
        redis=redis, queues=queues, messenger=messenger, catalog=catalog, salesforce=salesforce
    )
    await office.tick()
    return office


async def test_job_shows_the_order(desk, salesforce):
    salesforce.put(ONE, "Failed", "WHMCS_ERROR: down")
    text = await desk.said("job order-provisioning 4711", VERA)
    assert f"Salesforce order {ONE}: Failed" in text
    salesforce.go_away()
    text = await desk.said("job order-provisioning 4711", VERA)
    assert "Salesforce order" in text
    assert "unknown: Salesforce did not answer" in text
    assert "WHMCS_ERROR: down" in text, "the rest of the answer is there"


async def test_status_counts_stuck_orders_and_offers_to_set_them_right(desk, salesforce, clock):
    for number in range(3):
        salesforce.put(order_id(number), "Activating")
    clock.forward(11 * MINUTE)
    text = await desk.said("status order-provisioning", BOB)
    assert "3 orders are Activating in Salesforce without a job" in text
    reply = await desk.ask("status order-provisioning", BOB)
    assert value_of(reply, "Set right") == "retry order-provisioning --stuck"
    assert not any(
        "Set right" in one for one in labels(await desk.ask("status order-provisioning", VERA))
    )
    salesforce.go_away()
    assert "unknown: Salesforce did not answer" in await desk.said("status order-provisioning", BOB)


async def test_other_queues_and_the_overview_ask_salesforce_nothing(desk, salesforce):
    before = salesforce.calls
    await desk.said("status", BOB)
    assert salesforce.calls == before
