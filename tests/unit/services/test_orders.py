"""What the views say of orders: never an error, never slow, nothing where nothing is to say."""

import asyncio

import pytest

from bot.domain.archives import REPLACED
from bot.domain.jobs import ORPHAN, JobDetail
from bot.domain.policy import Catalog, QueuePolicy
from bot.domain.salesforce import SalesforcePolicy
from bot.domain.subjects import JobAbout
from bot.domain.times import MINUTE
from bot.services import archived_orders
from bot.services.archived_orders import ArchivedOrders
from bot.services.orders import MOST, Orders
from tests.support.archived_jobs import archive_job_of, job_of
from tests.support.fake_archive import FakeArchive
from tests.support.fake_salesforce import FakeSalesforce, order_id
from tests.support.fakes import ORDERS, SIMS

ONE, TWO, THREE = order_id(1), order_id(2), order_id(3)
CATALOG = Catalog(
    default=QueuePolicy(), queues={"order-provisioning": QueuePolicy(retry_via="salesforce")}
)


@pytest.fixture
def salesforce(clock):
    return FakeSalesforce(clock)


@pytest.fixture
def archive(clock):
    return FakeArchive(clock)


@pytest.fixture
def orders(salesforce, queues, archive):
    def build(system=salesforce, limit=3.0, policy=None):
        return Orders(
            system=system, reader=queues, policy=policy or SalesforcePolicy(), catalog=CATALOG,
            archived=ArchivedOrders(archive=archive, path="sfOrderId"), limit=limit,
        )  # fmt: skip

    return build


def job(data, queue=ORDERS):
    return JobDetail(
        queue=queue, id="1", name="provision", state="failed", data=data, options={},
        attempts_made=3, attempts=3,
    )  # fmt: skip


async def test_the_order_of_a_job(orders, salesforce):
    salesforce.put(ONE, "Failed", "WHMCS_ERROR")
    view = await orders().of_job(job({"sfOrderId": ONE}))
    assert (view.order_id, view.order.status, view.unknown) == (ONE, "Failed", "")
    view = await orders().of_job(job({"sfOrderId": TWO}))
    assert (view.order_id, view.order, view.unknown) == (TWO, None, "")


async def test_the_path_of_the_id_is_config(orders, salesforce):
    salesforce.put(ONE)
    made = orders(policy=SalesforcePolicy(order_id="order.id"))
    assert (await made.of_job(job({"order": {"id": ONE}}))).order is not None
    assert await made.of_job(job({"order": ONE})) is None


@pytest.mark.parametrize(
    "data", [{}, {"sfOrderId": None}, {"sfOrderId": "x' OR Name != '"}, {"sfOrderId": 7}, "text"]
)
async def test_a_job_without_an_order_id_asks_nothing(orders, salesforce, data):
    assert await orders().of_job(job(data)) is None
    assert salesforce.calls == 0


async def test_nothing_is_said_of_other_queues_nor_without_credentials(orders, salesforce):
    assert await orders().of_job(job({"sfOrderId": ONE}, queue=SIMS)) is None
    assert await orders().stuck(SIMS) is None
    assert await orders(system=None).of_job(job({"sfOrderId": ONE})) is None
    assert await orders(system=None).stuck(ORDERS) is None
    assert salesforce.calls == 0
    assert not orders(system=None).through_salesforce(ORDERS)
    assert orders().through_salesforce(ORDERS)


async def test_salesforce_away_is_no_error(orders, salesforce):
    salesforce.go_away()
    assert (await orders().of_job(job({"sfOrderId": ONE}))).unknown == "Salesforce did not answer"
    assert (await orders().stuck(ORDERS)).unknown == "Salesforce did not answer"


async def test_salesforce_that_is_slow_is_not_waited_for(orders, salesforce):
    async def never(*_args, **_more):
        await asyncio.Event().wait()

    salesforce.order = salesforce.stuck = never
    made = orders(limit=0.01)
    assert (await made.of_job(job({"sfOrderId": ONE}))).unknown == "Salesforce did not answer"
    assert (await made.stuck(ORDERS)).unknown == "Salesforce did not answer"


async def test_stuck_orders_are_those_without_a_job_in_any_state(orders, salesforce, queues, clock):
    queue = queues.add(ORDERS)
    for number in range(1, 5):
        salesforce.put(order_id(number), "Activating")
    clock.forward(11 * MINUTE)
    salesforce.put(order_id(5), "Activating")
    queue.contents.add(JobAbout(id="1", state="delayed"), sfOrderId=ONE)
    queue.contents.add(JobAbout(id="2", state="completed", finished_at=1), sfOrderId=TWO[:15])
    found = await orders().stuck(ORDERS)
    assert [order.id for order in found.orders] == [THREE, order_id(4)]
    assert (found.more, found.sure, found.unknown) == (False, True, "")
    queue.contents.complete = False
    assert not (await orders().stuck(ORDERS)).sure


async def test_a_view_looks_quickly_and_what_is_done_looks_thoroughly(
    orders, salesforce, queues, clock
):
    queue = queues.add(ORDERS)
    salesforce.put(ONE, "Activating")
    clock.forward(11 * MINUTE)
    queue.contents.add(JobAbout(id="1", state="wait"), sfOrderId=ONE)
    queue.contents.deep.add("1")
    view = await orders().stuck(ORDERS)
    assert (len(view.orders), view.sure) == (1, False)
    real = salesforce.stuck

    async def slow(**asked):
        await asyncio.sleep(0)
        return await real(**asked)

    salesforce.stuck = slow
    assert (await orders(limit=0.0).stuck(ORDERS)).unknown
    found = await orders(limit=0.0).stuck(ORDERS, thorough=True)
    assert (found.orders, found.sure, found.unknown) == ((), True, "")


@pytest.mark.parametrize(
    ("made", "counts"),
    [
        ({"kind": "drain"}, True),
        ({"kind": "clean", "state": "failed"}, True),
        ({"kind": REPLACED}, False),
        ({"kind": "sweep", "state": ORPHAN}, False),
    ],
)
async def test_an_order_is_counted_apart_whose_job_would_come_back_to_do_its_work(
    orders, salesforce, archive, clock, made, counts
):
    salesforce.put(ONE, "Activating")
    salesforce.put(TWO, "Activating")
    await archive_job_of(archive, "a1", [ONE[:15]], **made)
    clock.forward(11 * MINUTE)
    for thorough in (False, True):
        found = await orders().stuck(ORDERS, thorough=thorough)
        assert found.sure
        assert [order.id for order in found.orders] == ([TWO] if counts else [ONE, TWO])
        assert [(info.id, count) for info, count in found.archived] == [("a1", 1)] * counts


async def test_where_not_all_archived_jobs_are_looked_at_it_is_not_sure(
    orders, salesforce, archive, clock, monkeypatch
):
    salesforce.put(ONE, "Activating")
    await archive_job_of(archive, "old", [ONE])
    clock.forward(11 * MINUTE)
    await archive_job_of(archive, "new", [order_id(n) for n in range(50, 55)])
    monkeypatch.setattr(archived_orders, "MOST", 5)
    view = await orders().stuck(ORDERS)
    assert (len(view.orders), view.sure) == (1, False)
    found = await orders().stuck(ORDERS, thorough=True)
    assert (found.orders, found.sure) == ((), True)

    salesforce.put(TWO, "Activating")
    clock.forward(11 * MINUTE)
    assert (await orders().stuck(ORDERS, thorough=True)).sure
    await archive.put("old", [job_of("x", b"no JSON")])
    found = await orders().stuck(ORDERS, thorough=True)
    assert ([order.id for order in found.orders], found.sure) == ([TWO], False)


async def test_no_stuck_order_costs_no_look_at_the_jobs(orders, queues):
    queues.down["main"] = "Redis is away."
    found = await orders().stuck(ORDERS)
    assert found.orders == ()


async def test_there_may_be_more_stuck_orders_than_are_looked_at(orders, salesforce, clock):
    for number in range(MOST + 5):
        salesforce.put(order_id(number), "Activating")
    clock.forward(11 * MINUTE)
    found = await orders().stuck(ORDERS)
    assert (len(found.orders), found.more) == (MOST, True)
    thorough = await orders().stuck(ORDERS, thorough=True)
    assert (len(thorough.orders), thorough.more) == (MOST + 5, False)
