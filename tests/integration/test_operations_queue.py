"""Bullhorn's own BullMQ queue, on a real server: taken once, handed over, tried again."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from bot.adapters import bullmq_operations
from bot.adapters.bullmq_operations import OperationsQueue, OperationsWorker
from bot.adapters.sources import connect
from bot.errors import HandedOverError, RedisUnavailableError


@pytest.fixture
async def queue(valkey):
    queue = OperationsQueue(client=connect("REDIS_URL", valkey.url))
    yield queue
    await queue.aclose()


@asynccontextmanager
async def worker(url, handler):
    working = OperationsWorker(
        client=lambda: connect("REDIS_URL", url, patient=True), handler=handler
    )
    working.start()
    try:
        yield working
    finally:
        await working.stop(5)


class Handler:
    """Remembers what it was given; `does` is what it does then."""

    def __init__(self, does=None):
        self.given = []
        self.called = asyncio.Queue()
        self._does = does

    async def __call__(self, plan_id, leave):
        self.given.append(plan_id)
        self.called.put_nowait(plan_id)
        if self._does is not None:
            await self._does(leave)


async def test_an_attempt_is_taken_once(valkey, queue):
    handler = Handler()
    for plan in ("a", "a", "b"):
        await queue.submit(plan, "1")
    async with worker(valkey.url, handler):
        assert {await handler.called.get() for _ in range(2)} == {"a", "b"}
        await queue.submit("a", "2")
        assert await handler.called.get() == "a"
    assert sorted(handler.given) == ["a", "a", "b"]


async def test_what_runs_is_handed_over_when_the_process_ends(valkey, queue):
    async def until_told(leave):
        await leave.wait()
        raise HandedOverError

    first, second = Handler(until_told), Handler()
    async with worker(valkey.url, first):
        await queue.submit("a", "1")
        await first.called.get()
    with valkey.client() as redis:
        # Given back by the one that ends, and not left to be found when its lock is over.
        assert redis.zscore("{bullhorn}:operations:delayed", "a-1") is not None
        assert redis.hget("{bullhorn}:operations:a-1", "failedReason") is None
    async with worker(valkey.url, second):
        assert await second.called.get() == "a"


async def test_what_fails_is_tried_again(valkey, queue):
    failures = iter([True])

    async def once(_leave):
        if next(failures, False):
            raise RedisUnavailableError("away")

    handler = Handler(once)
    async with worker(valkey.url, handler):
        await queue.submit("a", "1")
        assert [await handler.called.get() for _ in range(2)] == ["a", "a"]


async def blocked(valkey, clients=1):
    """Until so many clients wait for a job."""
    with valkey.client() as redis:
        while redis.info("clients")["blocked_clients"] != clients:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_of_an_idle_replicas_slots_one_asks_for_all(valkey):
    with valkey.client() as redis:
        redis.config_resetstat()
        async with worker(valkey.url, Handler()):
            await blocked(valkey)
            asked = redis.info("commandstats")["cmdstat_rpoplpush"]["calls"]
    assert asked == 1, "each look of BullMQ's script for a job is one RPOPLPUSH"


async def test_a_repair_begins_at_once_while_many_operations_are_watched(valkey, queue):
    async def until_told(leave):
        await leave.wait()
        raise HandedOverError

    handler = Handler(until_told)
    async with worker(valkey.url, handler):
        for number in range(60):
            await queue.submit(f"p{number}", "1")
            assert await handler.called.get() == f"p{number}"
        await blocked(valkey)  # still one client waits for all
    with valkey.client() as redis:
        assert redis.zcard("{bullhorn}:operations:delayed") == 60, "each was handed over"


async def test_one_replica_has_no_more_operations_than_it_may(valkey, queue, monkeypatch):
    monkeypatch.setattr(bullmq_operations, "HELD", 2)
    ends = asyncio.Queue()

    async def until_let_go(leave):
        await ends.get()

    handler = Handler(until_let_go)
    for number in range(3):
        await queue.submit(f"p{number}", "1")
    async with worker(valkey.url, handler):
        assert [await handler.called.get() for _ in range(2)] == ["p0", "p1"]
        for _ in range(100):  # long enough for whoever would ask
            await queue._client.ping()
        assert handler.called.empty()
        ends.put_nowait(True)
        assert await handler.called.get() == "p2"
        for _ in range(2):
            ends.put_nowait(True)


async def test_an_idle_worker_that_is_told_to_stop_waits_for_no_job_more(valkey):
    async with worker(valkey.url, Handler()) as working:
        await blocked(valkey)
    assert not working._task.cancelled(), "it ended of itself, and did not have to be cut off"
