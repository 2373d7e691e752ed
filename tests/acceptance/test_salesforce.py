"""A bulk retry through Salesforce on running bots, one of which dies in the middle of a batch."""

import asyncio
import json
from collections import Counter
from contextlib import asynccontextmanager
from functools import wraps

import pytest
from aiohttp import web
from bullmq import Queue

from bot.demo.localsalesforce import LocalSalesforce
from bot.demo.localsalesforce.orders import ACTIVATING, STATUS, OrderBook
from bot.demo.localsalesforce.rest import Rest
from bot.domain.queues import QueueId
from bot.domain.salesforce import BATCH
from tests.support.fake_salesforce import order_id
from tests.support.stage import plain
from tests.support.valkey_bullmq import now_ms, write_failed, write_meta

pytestmark = pytest.mark.asyncio(loop_scope="module")
ORDERS = QueueId("main", "bull", "order-provisioning")
COUNT = 2 * BATCH + 50


class Recorded(OrderBook):
    """Counts how often each order is set to activating, changed by that or not."""

    def __init__(self, **options):
        super().__init__(**options)
        self.activations = Counter()

    def change(self, order_id, values):
        problem = super().change(order_id, values)
        if problem is None and values.get(STATUS) == ACTIVATING:
            self.activations[order_id] += 1
        return problem


class Held(Rest):
    """Holds the second bulk change until `go`, after it was made, or else in place of making it."""

    def __init__(self, book, *, made):
        super().__init__(book)
        self._made = made
        self._changes = 0
        self.holds, self.go = False, asyncio.Event()

    async def patch_many(self, request):
        self._changes += 1
        if self._changes != 2:
            return await super().patch_many(request)
        answer = await super().patch_many(request) if self._made else web.Response(status=500)
        self.holds = True
        await self.go.wait()
        return answer


@asynccontextmanager
async def salesforce(redis_url, *, made):
    """A Salesforce whose flow adds a new job for each order that becomes activating."""
    queue = Queue(ORDERS.name, {"connection": redis_url})

    async def flow(order):
        await queue.add("provision", {"sfOrderId": order.id}, {"attempts": 1})

    server = LocalSalesforce(book=Recorded(flow=flow))
    server.rest = Held(server.book, made=made)
    await server.start()
    try:
        yield server
    finally:
        server.rest.go.set()
        await server.stop()
        await queue.close()


def on_salesforce(*, made):
    """Hand a story its Redis with failed jobs, and a Salesforce with their failed orders."""

    def of(story):
        @wraps(story)
        async def told(stage, valkey):
            stage.config["queues"][ORDERS.name]["retry_via"] = "salesforce"
            stage.config["salesforce"] = {"timeout": "1m"}
            with valkey.client() as redis:
                async with salesforce(valkey.url, made=made) as server:
                    fail(redis, server.book)
                    await story(stage, redis, server)

        return told

    return of


def fail(redis, book):
    """Jobs that failed an hour ago, and their orders."""
    write_meta(redis, ORDERS, "bullmq:6.7.0")
    at = now_ms() - 3_600_000
    reason = "TIMEOUT: WHMCS did not answer"
    write_failed(redis, ORDERS, ((f"old{n}", at + n, reason, "provision") for n in range(COUNT)))
    for number in range(COUNT):
        data = json.dumps({"sfOrderId": order_id(number)})
        redis.hset(ORDERS.key(f"old{number}"), "data", data)
        book.put(order_id(number), status="Failed", error=reason)


def saying(*words):
    """An operation's message that says all of this."""
    return lambda m: (
        m.metadata.get("event_type") == "bullhorn_operation"
        and all(word in plain(m) for word in words)
    )


def answer(*words):
    return lambda m: m.ephemeral and all(word in plain(m) for word in words)


def new_jobs(redis):
    """How many jobs there are of each order, once the old ones are gone."""
    ids = redis.zrange(ORDERS.key("completed"), 0, -1)
    data = [json.loads(redis.hget(ORDERS.key(one), "data")) for one in ids]
    return Counter(one["sfOrderId"] for one in data)


async def _holds(server):
    return server.rest.holds


async def killed_in_a_batch(stage, redis, server):
    """The second of three batches is under way: Salesforce has it, and its answer never comes."""
    first = await stage.start_bot(**server.environment)
    portal = stage.portal()
    portal.work()
    await stage.driver.command("/queue retry order-provisioning --all")
    drawn = await stage.driver.wait_for(answer(f"Retry through Salesforce: {COUNT} jobs"))
    await stage.driver.click(f"Retry {COUNT} now", message=drawn)
    await stage.until(lambda: _holds(server), lambda: "there is no second batch")
    second = await stage.start_bot(**server.environment)
    first.kill()
    await first.process.wait()
    server.rest.go.set()
    ended = await stage.driver.wait_for(
        saying(
            f"Set {COUNT} of {COUNT} to Activating in Salesforce, for order-provisioning",
            f"{COUNT} completed",
            f"{COUNT} old jobs archived: `/queue undo ",
        ),
        timeout=60,
    )
    assert second.process.returncode is None
    assert "left out" not in plain(ended)
    every = {order_id(number): 1 for number in range(COUNT)}
    assert server.book.activations == every, "each order was set to activating once"
    assert new_jobs(redis) == every, "and has one new job"
    assert redis.zcard(ORDERS.key("failed")) == 0
    assert not redis.exists(*(ORDERS.key(f"old{number}") for number in range(COUNT)))
    await stage.driver.command("/queue undo")
    listed = await stage.driver.wait_for(answer("replaced by new jobs through Salesforce"))
    assert f"{COUNT} failed jobs" in plain(listed)
    messages = [one for one in await stage.driver.messages() if saying()(one)]
    assert len(messages) == 1, "one message, whichever replica edits it"


@on_salesforce(made=True)
async def a_replica_killed_after_salesforce_made_its_batch_is_replaced(stage, redis, server):
    await killed_in_a_batch(stage, redis, server)


@on_salesforce(made=False)
async def a_replica_killed_before_salesforce_made_its_batch_is_replaced(stage, redis, server):
    await killed_in_a_batch(stage, redis, server)


STORIES = (
    a_replica_killed_after_salesforce_made_its_batch_is_replaced,
    a_replica_killed_before_salesforce_made_its_batch_is_replaced,
)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
async def test_story(story, told):
    await told[story]
