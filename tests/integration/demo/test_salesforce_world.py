"""The demo's orders in its Salesforce, and the retry through it from end to end."""

import asyncio
import time
from contextlib import aclosing
from dataclasses import dataclass
from functools import wraps

import pytest
from redis.asyncio import Redis

from bot.adapters.bullmq_outcomes import BullmqOutcomes
from bot.adapters.bullmq_reader import BullmqReader
from bot.adapters.sources import Sources
from bot.config import load_config
from bot.demo.workload.config import DEMO_CONFIG
from bot.demo.workload.orders import ORDER_QUEUE
from bot.demo.workload.world import World
from bot.domain.jobs import FailureFilter
from bot.domain.queues import QueueId
from bot.domain.salesforce import OrderJob, Retried
from bot.domain.times import MINUTE
from bot.services.orders import Orders
from bot.services.salesforce_retry import SalesforceRetry
from tests.support.local_salesforce import Connected, connected

pytestmark = pytest.mark.asyncio(loop_scope="module")
ORDERS = QueueId("main", "bull", ORDER_QUEUE)
CONFIG = load_config(DEMO_CONFIG, environ={"REDIS_URL": "redis://h"})
POLICY = CONFIG.salesforce()


async def until(check, *, within=60.0):
    """Poll an async check until it gives something true."""
    deadline = time.monotonic() + within
    while not (found := await check()):
        assert time.monotonic() < deadline, f"{check.__name__} did not come true"
        await asyncio.sleep(0.05)
    return found


@dataclass(kw_only=True)
class Demo:
    """The demo's world, and Bullhorn's view of it."""

    world: World
    side: Connected
    reader: BullmqReader
    retry: SalesforceRetry
    sources: Sources
    redis: Redis


def in_the_demo(story):
    """Tell the story in a demo that runs."""

    @wraps(story)
    async def told(valkey, redis):
        sources = Sources({"main": (valkey.url, "bull")})
        reader = BullmqReader(sources=sources, own=redis)
        async with (
            aclosing(sources),
            World(redis_url=valkey.url) as world,
            connected(world.salesforce, policy=POLICY) as side,
        ):
            retry = SalesforceRetry(
                orders=side.orders, reader=reader, outcomes=BullmqOutcomes(sources=sources),
                policy=POLICY,
            )  # fmt: skip
            demo = Demo(
                world=world, side=side, reader=reader, retry=retry, sources=sources, redis=redis
            )
            await story(demo)

    return told


async def failed_orders(demo):
    """The seeded jobs by their code, once each has failed and Salesforce knows it."""

    async def all_have_failed():
        jobs = await demo.reader.failed_jobs(ORDERS, FailureFilter(), limit=10)
        return jobs if len({job.code for job in jobs}) == 4 else None

    jobs = {}
    for job in await until(all_have_failed):
        detail = await demo.reader.job(ORDERS, job.id)
        jobs[job.code] = OrderJob(job.id, detail.data["sfOrderId"])

    async def salesforce_knows():
        order = await demo.side.orders.order(jobs["MAPPING_ERROR"].order_id)
        return order if order.status == "Failed" else None

    order = await until(salesforce_knows)
    assert "has no WH_Product_ID__c" in order.error
    assert order.error_at is not None
    return jobs


def orders_seen(demo, reader):
    return Orders(
        system=demo.side.orders, reader=reader, policy=POLICY,
        catalog=CONFIG.catalog(default_attempts=3, backoff_delay=5000),
    )  # fmt: skip


@in_the_demo
async def an_order_is_retried_through_salesforce_to_its_end(demo):
    side, reader, retry, failed = demo.side, demo.reader, demo.retry, await failed_orders(demo)
    mapping, gone = failed["MAPPING_ERROR"], failed["ORDER_NOT_FOUND"]
    since = await reader.now()
    await demo.world.switch("mapping_added", True)
    done = await retry.reactivate(ORDERS, [mapping, gone])
    assert done[mapping.job_id].what is Retried.SET
    assert done[gone.job_id].what is Retried.GONE
    found = await retry.await_new_jobs(
        ORDERS, {mapping.order_id: since}, limit=MINUTE, old=[mapping.job_id]
    )
    new = found[mapping.order_id]
    assert new.state == "completed"
    old, made = await reader.job(ORDERS, mapping.job_id), await reader.job(ORDERS, new.job_id)
    assert made.data["sfOrderId"] == old.data["sfOrderId"]
    assert made.data["eventPayload"] == old.data["eventPayload"]
    assert made.data["idempotencyKey"] != old.data["idempotencyKey"]
    assert old.state == "failed", "what becomes of the old one is not decided here"

    async def it_is_activated():
        return (await side.orders.order(mapping.order_id)).status == "Activated"

    await until(it_is_activated)
    assert (await side.orders.order(mapping.order_id)).error is None


@in_the_demo
async def an_order_whose_cause_is_not_fixed_fails_again(demo):
    reader, retry, failed = demo.reader, demo.retry, await failed_orders(demo)
    mapping, since = failed["MAPPING_ERROR"], await reader.now()
    await retry.reactivate(ORDERS, [mapping])
    found = await retry.await_new_jobs(
        ORDERS, {mapping.order_id: since}, limit=MINUTE, old=[mapping.job_id]
    )
    assert (found[mapping.order_id].state, found[mapping.order_id].code) == (
        "failed",
        "MAPPING_ERROR",
    )


@in_the_demo
async def the_switches_make_it_refuse_and_go_away(demo):
    reader, retry, failed = demo.reader, demo.retry, await failed_orders(demo)
    mapping = failed["MAPPING_ERROR"]
    told = await demo.world.switch("salesforce_refuses", True)
    assert {s["id"]: s["up"] for s in told["systems"]}["salesforce"] is False
    done = await retry.reactivate(ORDERS, [mapping])
    assert done[mapping.job_id].what is Retried.REFUSED
    assert "FIELD_CUSTOM_VALIDATION_EXCEPTION: Activation is frozen" in done[mapping.job_id].reason
    await demo.world.switch("salesforce_refuses", False)
    await demo.world.switch("salesforce_down", True)
    orders = orders_seen(demo, reader)
    view = await orders.of_job(await reader.job(ORDERS, mapping.job_id))
    assert view.unknown.startswith("Salesforce did not answer")
    await demo.world.switch("salesforce_down", False)
    view = await orders.of_job(await reader.job(ORDERS, mapping.job_id))
    assert view.order.status == "Failed"


@in_the_demo
async def an_order_whose_event_was_lost_is_found_and_set_right(demo):
    reader, retry = demo.reader, demo.retry
    await demo.world.switch("event_lost", True)

    class Later(BullmqReader):
        """The clock is half a minute ahead: what is young now is old then."""

        async def now(self):
            return await super().now() + MINUTE // 2 + 1000

    orders = orders_seen(demo, Later(sources=demo.sources, own=demo.redis))

    async def only_the_lost_one():
        # The others are done in a moment, or have a job.
        found = await orders.stuck(ORDERS)
        return found if len(found.orders) == 1 else None

    found = await until(only_the_lost_one)
    assert found.sure
    [order] = found.orders
    since = await reader.now()
    job = OrderJob(order.id, order.id)
    done = await retry.reactivate(ORDERS, [job], stuck_since=since + 10_000)
    assert done[order.id].what is Retried.SET
    made = await retry.await_new_jobs(ORDERS, {order.id: since}, limit=MINUTE)
    assert made[order.id].state in {"completed", "failed"}
    again = await retry.reactivate(ORDERS, [job], stuck_since=since - 1)
    assert again[order.id].what in {Retried.ALREADY, Retried.HAS_JOB}


STORIES = (
    an_order_is_retried_through_salesforce_to_its_end,
    an_order_whose_cause_is_not_fixed_fails_again,
    the_switches_make_it_refuse_and_go_away,
    an_order_whose_event_was_lost_is_found_and_set_right,
)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
async def test_story(story, told):
    await told[story]
