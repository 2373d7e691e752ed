"""How jobs that leave nothing behind ended, as a receipt tells it: on a real server."""

import asyncio
from contextlib import asynccontextmanager, suppress

import pytest

from bot.domain.jobs import FailureFilter
from bot.domain.operations import Receipt
from bot.domain.plans import PlanKind
from bot.domain.queues import QueueId
from bot.errors import HandedOverError
from bot.services.operations import receipts, screen
from tests.support.fake_operations import FakeOperationQueue
from tests.support.fake_salesforce import FakeSalesforce
from tests.support.fakes import FakeClock, FakeMessenger
from tests.support.replica import Replica
from tests.support.toolbox import ALICE, BOB
from tests.support.valkey_bullmq import now_ms, write_failed, write_meta

QUEUE = QueueId("main", "bull", "orders")


@pytest.fixture
def messenger():
    clock = FakeClock()
    clock.now = now_ms()
    return FakeMessenger(clock)


@pytest.fixture
async def replica(valkey, redis, messenger, monkeypatch):
    for pause in ("FIRST", "EVERY", "AGAIN"):
        monkeypatch.setattr(screen, pause, 0.01)
    monkeypatch.setattr(receipts, "LISTEN_EVERY", 0.01)
    write_meta(redis, QUEUE, "bullmq:6.0.0")
    orders = FakeSalesforce(messenger.clock)
    one = Replica(valkey.url, messenger, FakeOperationQueue(), orders)
    one.runner._tools.watchers[PlanKind.RETRY]._every = 0.01
    yield one
    await one.aclose()


async def begin(replica, redis, count, **options):
    at = now_ms() - 60_000
    write_failed(redis, QUEUE, [(f"j{n}", at + n, "TIMEOUT: slow", "work") for n in range(count)])
    plan = (await replica.retries.propose(BOB, QUEUE, FailureFilter(), **options)).plan
    return (await replica.confirming.confirm(BOB, plan.id)).plan


async def until(holds):
    while not await holds():  # noqa: ASYNC110 - what is waited for is in Redis
        await asyncio.sleep(0.01)


@asynccontextmanager
async def running(replica, plan):
    """Run it, until it is handed over."""
    leave = asyncio.Event()
    task = asyncio.create_task(replica.runner.run(plan.id, leave))
    yield
    leave.set()
    with pytest.raises(HandedOverError):
        await task


async def to_the_end(replica, redis, plan):
    """Run it while a worker is there; the receipt."""
    working = asyncio.create_task(until(lambda: completes(redis)))
    await replica.runner.run(plan.id, asyncio.Event())
    working.cancel()
    with suppress(asyncio.CancelledError):
        await working
    return (await replica.operations.load(plan.id)).receipt


async def completes(redis, most=1000):
    """The queue's worker completes what waits, and removes it (`removeOnComplete`)."""
    for _ in range(most):
        job_id = redis.rpop(QUEUE.key("wait"))
        if job_id is None:
            break
        redis.delete(QUEUE.key(job_id))
        ended = {"event": "completed", "jobId": job_id, "prev": "active"}
        redis.xadd(QUEUE.key("events"), ended)
    return False


def forget_events(redis):
    """Other jobs' events push them out of the stream."""
    redis.xtrim(QUEUE.key("events"), maxlen=0, approximate=False)


async def test_how_they_ended_until_now_is_stored_while_they_are_watched(replica, redis):
    plan = await begin(replica, redis, 3)

    async def all_moved():
        return redis.llen(QUEUE.key("wait")) == 3

    async def two_have():
        known = await replica.operations.load(plan.id)
        return known and known.receipt and known.receipt.completed == 2

    async with running(replica, plan):
        await until(all_moved)
        await completes(redis, 2)
        await until(two_have)


async def test_a_watch_that_is_handed_over_counts_on(replica, redis, messenger):
    plan = await begin(replica, redis, 9)

    async def shown():
        told = messenger.of(screen.KIND)
        return told and "8 completed" in told[0].message.text

    async def all_moved():
        return redis.llen(QUEUE.key("wait")) == 9

    async with running(replica, plan):
        await until(all_moved)
        await completes(redis, 8)
        await until(shown)
    forget_events(redis)
    ended = await to_the_end(replica, redis, plan)
    assert ended == Receipt(completed=9, watched=9, of=9)


async def test_what_ended_while_jobs_were_still_moved_is_counted_by_the_next(replica, redis):
    plan = await begin(replica, redis, 20, rate=10)

    async def some_moved():
        return redis.llen(QUEUE.key("wait")) > 0

    async def noted():
        return await replica.done.count(QUEUE, f"{plan.id}.ended") == moved

    async with running(replica, plan):
        await until(some_moved)
        await completes(redis)
        moved = 20 - redis.zcard(QUEUE.key("failed"))
        await until(noted)
        assert redis.zcard(QUEUE.key("failed")), "it is in the middle"
    forget_events(redis)
    ended = await to_the_end(replica, redis, plan)
    assert ended == Receipt(completed=20, watched=20, of=20)


async def test_the_rests_receipt_counts_the_canary_in(replica, redis):
    plan = await begin(replica, redis, 60, canary=5)
    assert (await to_the_end(replica, redis, plan)).completed == 5
    forget_events(redis)
    await replica.confirming.rest(ALICE, plan.id)
    ended = await to_the_end(replica, redis, plan)
    assert ended == Receipt(completed=60, watched=60, of=60)
    left = redis.keys(QUEUE.key("bullhorn:*"))
    assert left == [QUEUE.key(f"bullhorn:{plan.id}")], "what it was counted by is dropped"
