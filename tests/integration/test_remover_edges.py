"""Removing and restoring where something is damaged, large, held, in use or not there."""

import json

import pytest

from bot.domain.jobs import BatchOutcome, FailedRef
from bot.domain.queues import QueueId
from bot.errors import RefusedError
from tests.integration.removing import FAILS, captured, fail, refs_of, remove, restore, take
from tests.support.bullmq_whole import whole
from tests.support.valkey_bullmq import ORDERS, write_failed, write_meta


async def test_a_job_that_a_worker_holds_or_that_is_in_two_states_is_left_out(remover, redis, raw):
    write_meta(redis, ORDERS)
    write_failed(redis, ORDERS, [(id_, 1000, "x", "n") for id_ in ("a", "b", "c", "meta")])
    redis.set(ORDERS.key("a:lock"), "token")
    redis.zadd(ORDERS.key("completed"), {"b": 1000})
    before = whole(raw, ORDERS)

    outcome = await remove(remover, "failed", [FailedRef(id_, 1000) for id_ in "ab"])
    meta = await remove(remover, "failed", [FailedRef("meta", 1000)])

    assert outcome == meta + BatchOutcome(left_out=1) == BatchOutcome(left_out=2)
    assert whole(raw, ORDERS) == before


async def test_an_id_that_is_in_use_is_not_restored(node, remover, raw):
    queue = node.queue(5, "orders")
    worker = await fail(queue, *[{**FAILS, "opts": {"jobId": f"o-{n}"}} for n in range(4)])
    jobs, _ = await take(remover, "failed", await refs_of(remover, "failed"))
    await queue.call("pause")
    await queue.call("resume")
    await worker.stop()
    await queue.add({"data": {"new": 1}, "opts": {"jobId": "o-1"}})
    raw.rpush(ORDERS.key("wait"), "o-2")  # its hash was evicted, the id was not
    before = whole(raw, ORDERS)

    outcome = await restore(remover, jobs)

    assert (set(outcome.done), outcome.changed) == ({"o-0", "o-3"}, 2)
    after = whole(raw, ORDERS)
    assert all(after[key] == value for key, value in before.items())
    assert await restore(remover, jobs) == BatchOutcome(already=2, changed=2)


async def test_large_jobs_come_about_a_megabyte_at_a_time(remover, redis, raw):
    write_meta(redis, ORDERS)
    write_failed(redis, ORDERS, [(f"{n:02}", 1000 + n, "x", "n") for n in range(24)])
    for number in range(24):
        redis.hset(ORDERS.key(f"{number:02}"), "data", json.dumps("x" * 250_000))
    before = whole(raw, ORDERS)
    refs = await refs_of(remover, "failed")

    parts = [part.jobs async for part in remover.capture(ORDERS, "failed", refs)]
    assert [len(part) for part in parts] == [5, 5, 5, 5, 4]
    assert len((await remove(remover, "failed", refs)).done) == 24
    for part in parts:
        await restore(remover, part)

    assert whole(raw, ORDERS) == before


async def test_select_is_not_disturbed_by_what_is_removed_or_added(remover, redis):
    write_meta(redis, ORDERS)
    write_failed(redis, ORDERS, [(f"{n:04}", 1000 + n // 700, "x", "n") for n in range(1300)])
    seen = []
    async for refs in remover.select(ORDERS, "failed", until=1001):
        seen += [ref.id for ref in refs]
        redis.zrem(ORDERS.key("failed"), *[ref.id for ref in refs[::2]])
        redis.zadd(ORDERS.key("failed"), {"0000x": 1000, f"late{len(seen)}": 1002})
    assert seen == [f"{n:04}" for n in range(1300)]
    assert await remover.in_state(ORDERS, "failed", until=1000) == 351
    listed = []
    redis.rpush(ORDERS.key("wait"), *[f"w{n}" for n in range(1300)])
    async for refs in remover.select(ORDERS, "wait", until=None):
        listed += [ref.id for ref in refs]
        for ref in refs:
            redis.lrem(ORDERS.key("wait"), 1, ref.id)
        redis.lpush(ORDERS.key("wait"), f"new{len(listed)}")
    assert listed == [f"w{n}" for n in range(1300)]


async def test_select_ends_where_the_last_score_has_a_fraction(remover, redis):
    write_failed(redis, ORDERS, [(f"{n:03}", 1000 + n, "x", "n") for n in range(501)])
    redis.zadd(ORDERS.key("failed"), {"499": 1499.5, "500": 1500.5})
    pages = remover.select(ORDERS, "failed", until=None)
    found = [[ref.id for ref in await anext(pages, [])] for _ in range(3)]
    assert found == [[f"{n:03}" for n in range(500)], ["500"], []]


async def test_a_queue_that_is_not_there_is_an_empty_one(remover):
    nowhere = QueueId("main", "bull", "nowhere")
    assert await refs_of(remover, "failed", queue=nowhere) == []
    assert await refs_of(remover, "wait", queue=nowhere) == []
    assert await captured(remover, "failed", [FailedRef("1", 1)], queue=nowhere) == []
    assert await remove(remover, "failed", [FailedRef("1", 1)], queue=nowhere) == BatchOutcome(
        changed=1
    )


OF_THE_QUEUE = ("failed", "completed", "wait", "active", "events", "repeat", "bullhorn:op")
OF_THE_JOB = ("a:dependencies", "de:cust", "a:lock", "a")


@pytest.mark.parametrize("suffix", [*OF_THE_QUEUE, *OF_THE_JOB, "parent"])
async def test_damage_stops_a_removal_before_anything_is_changed(remover, redis, raw, suffix):
    """BullMQ's script would end half-way at a key of another type."""
    write_meta(redis, ORDERS)
    write_failed(redis, ORDERS, [(id_, 1000, "x", "n") for id_ in ("a", "b")])
    redis.hset(ORDERS.key("a"), mapping={"deid": "cust", "parentKey": "bull:parents:1"})
    key = "bull:parents:1:dependencies" if suffix == "parent" else ORDERS.key(suffix)
    redis.delete(key)
    redis.geoadd(key, (1, 1, "x")) if suffix in ("a", "de:cust") else redis.set(key, "x")
    before = whole(raw, ORDERS), raw.dump(key)
    refs = [FailedRef("a", 1000), FailedRef("b", 1000)]

    if suffix in OF_THE_QUEUE:
        with pytest.raises(RefusedError, match="damaged"):
            await remove(remover, "failed", refs)
        assert (whole(raw, ORDERS), raw.dump(key)) == before
        return
    outcome = await remove(remover, "failed", refs)

    assert outcome == BatchOutcome(done=("b",), left_out=1)
    assert (raw.dump(key), raw.zscore(ORDERS.key("failed"), "a")) == (before[1], 1000)


async def test_a_removed_job_is_also_in_the_set_of_its_batch(remover, redis):
    write_meta(redis, ORDERS)
    write_failed(redis, ORDERS, [(id_, 1000, "x", "n") for id_ in ("a", "b", "c")])
    redis.set(ORDERS.key("c:lock"), "held")
    for batch, id_ in (("op.1", "a"), ("op.2", "b"), ("op.2", "a"), ("op.2", "c")):
        await remover.remove(
            ORDERS, "failed", [FailedRef(id_, 1000)], configured=None, operation="op", batch=batch
        )
    assert redis.smembers(ORDERS.key("bullhorn:op")) == {"a", "b"}
    assert redis.smembers(ORDERS.key("bullhorn:op.1")) == {"a"}
    assert redis.smembers(ORDERS.key("bullhorn:op.2")) == {"b"}
    assert redis.pttl(ORDERS.key("bullhorn:op.2")) > 7 * 86_400_000
