"""What a sample says of real queues of BullMQ 3 to 6, against what is known of them."""

import asyncio

import pytest
from bullmq import Queue, Worker

from bot.domain.sample import SampleRequest
from tests.support.node_bullmq import VERSIONS
from tests.support.valkey_bullmq import ORDERS, now_ms, write_meta

each_version = pytest.mark.parametrize("version", VERSIONS)


async def look(reader, cursor=None, **more):
    round_ = await reader.sample([SampleRequest(queue=ORDERS, cursor=cursor, **more)])
    assert not round_.broken
    assert not round_.unreachable
    return round_.samples[ORDERS]


@each_version
async def test_counts_of_a_queue_at_rest(node, reader, version):
    queue = node.queue(version, "orders")
    before = now_ms()
    await queue.add({}, {}, {}, {"opts": {"delay": 60_000}}, {"opts": {"delay": 1}})
    await queue.add({"opts": {"priority": 5}}, {"opts": {"priority": 2}})
    await asyncio.sleep(0.05)

    sample = await look(reader)

    counts = sample.counts
    # BullMQ 3 puts prioritized jobs into wait
    assert (counts.waiting, counts.prioritized) == ((5, 0) if version == 3 else (3, 2))
    assert (counts.delayed, counts.overdue, counts.active) == (2, 1, 0)
    assert counts.backlog == 6
    assert sample.version.startswith(f"bullmq:{version}.")
    assert before <= sample.oldest_waiting_at <= sample.taken_at
    assert before <= sample.next_delayed_at <= sample.taken_at
    assert (sample.paused, sample.workers, sample.concurrency) == (False, 0, None)


@pytest.mark.parametrize("version", [3, 4])
async def test_the_markers_of_old_versions_are_no_jobs(node, reader, redis, version):
    queue = node.queue(version, "orders")
    await queue.add({"opts": {"delay": 60_000}})
    if version == 4:
        await queue.add({"opts": {"priority": 1}})
    assert redis.lrange(ORDERS.key("wait"), 0, -1)[0].startswith("0:")

    assert (await look(reader)).counts.waiting == 0
    await queue.add(*[{} for _ in range(100)])
    assert redis.llen(ORDERS.key("wait")) == 101
    assert (await look(reader)).counts.waiting == 100


@each_version
async def test_a_paused_queue(node, reader, version):
    queue = node.queue(version, "orders")
    await queue.add({}, {}, {})
    await queue.call("pause")

    sample = await look(reader)

    assert sample.paused
    assert sample.held_back == "paused"
    moved = version < 6
    assert (sample.counts.waiting, sample.counts.paused_list) == ((0, 3) if moved else (3, 0))
    assert sample.counts.backlog == 3
    assert sample.oldest_waiting_at is not None


@each_version
async def test_active_jobs_with_start_attempt_and_lock(node, reader, redis, version):
    queue = node.queue(version, "orders")
    worker = await queue.worker(concurrency=3)
    first, second = await queue.add(
        {"name": "slow", "data": {"ms": 3_000}},
        {
            "name": "again",
            "data": {"ms": 400, "fail": "OOPS_ONE", "times": 1},
            "opts": {"attempts": 3},
        },
    )
    await queue.wait(active=2)
    await asyncio.sleep(0.6)  # the second one is at its second attempt
    redis.delete(ORDERS.key(f"{first}:lock"))

    sample = await look(reader)

    assert sample.counts.active == 2
    slow, again = sample.active_jobs
    assert (slow.id, slow.name, slow.attempt, slow.locked) == (first, "slow", 1, False)
    assert (again.id, again.name, again.attempt, again.locked) == (second, "again", 2, True)
    assert slow.started_at < again.started_at <= sample.taken_at
    assert (again.starts is None) == (version < 5)
    assert sample.workers == 1
    await worker.stop(force=True)


@each_version
async def test_events_tell_of_jobs_that_leave_no_trace(node, reader, version):
    queue = node.queue(version, "orders")
    kept = {"removeOnComplete": True, "removeOnFail": True}
    before = await look(reader)
    await queue.add(*[{"opts": kept} for _ in range(4)])
    await queue.add(*[{"data": {"fail": "X_Y"}, "opts": {**kept, "attempts": 2}} for _ in range(3)])
    start = now_ms()
    worker = await queue.worker()
    for _ in range(200):
        sample = await look(reader, before.events.cursor)
        if sum(count for _, count in sample.events.failures) == 3 and sample.events.starts == 10:
            break
        await asyncio.sleep(0.02)

    events = sample.events
    assert (sample.counts.completed, sample.counts.failed) == (0, 0)
    assert events.starts == 10
    assert sum(count for _, count in events.failures) == 3
    # BullMQ 3 and 4 say of an attempt that is repeated at once what they say of a retry by hand
    assert events.finishes == (7 if version < 5 else 10)
    assert all(at % 10_000 == 0 for at, _ in events.failures)
    assert start <= events.last_start <= events.last_finish <= sample.taken_at
    assert not events.gap
    again = await look(reader, events.cursor)
    assert (again.events.starts, again.events.failures, again.events.cursor) == (
        0,
        (),
        events.cursor,
    )
    first_look = await look(reader)
    assert first_look.events.cursor == events.cursor
    assert first_look.events.last_finish == events.last_finish
    await worker.stop()


@each_version
async def test_an_attempt_that_waits_for_its_backoff_is_progress(node, reader, version):
    queue = node.queue(version, "orders")
    before = await look(reader)
    await queue.add({"data": {"fail": "X_Y"}, "opts": {"attempts": 2, "backoff": 60_000}})
    worker = await queue.worker()
    await queue.wait(delayed=1)

    events = (await look(reader, before.events.cursor)).events

    assert (events.starts, events.finishes, events.failures) == (1, 1, ())
    assert events.last_finish is not None
    await worker.stop()


async def test_a_new_delayed_job_is_no_progress(node, reader):
    before = await look(reader)
    for version in VERSIONS:
        await node.queue(version, "orders").add({"opts": {"delay": 60_000}})
    events = (await look(reader, before.events.cursor)).events
    assert (events.starts, events.finishes, events.last_finish) == (0, 0, None)


async def test_a_stream_trimmed_past_the_cursor_is_a_gap(reader, redis):
    write_meta(redis, ORDERS)
    for number in range(50):
        redis.xadd(ORDERS.key("events"), {"event": "active", "jobId": number, "prev": "waiting"})
    cursor = (await look(reader)).events.cursor
    for number in range(50):
        redis.xadd(ORDERS.key("events"), {"event": "active", "jobId": number, "prev": "waiting"})
    assert not (await look(reader, cursor)).events.gap
    redis.xtrim(ORDERS.key("events"), maxlen=20, approximate=False)
    events = (await look(reader, cursor)).events
    assert (events.gap, events.starts) == (True, 20)


async def test_a_stream_that_begins_after_the_first_look_has_no_gap(reader, redis):
    write_meta(redis, ORDERS)
    cursor = (await look(reader)).events.cursor
    redis.xadd(ORDERS.key("events"), {"event": "active", "jobId": "1", "prev": "waiting"})
    assert not (await look(reader, cursor)).events.gap
    redis.xadd(ORDERS.key("events"), {"event": "active", "jobId": "2", "prev": "waiting"})
    redis.xtrim(ORDERS.key("events"), maxlen=1, approximate=False)
    assert (await look(reader, cursor)).events.gap


async def test_a_long_backlog_of_events_is_read_to_its_end(reader, redis):
    write_meta(redis, ORDERS)
    cursor = (await look(reader)).events.cursor
    pipe = redis.pipeline(transaction=False)
    for number in range(5_000):
        job = {"jobId": number, "prev": "active"}
        pipe.xadd(ORDERS.key("events"), {"event": "active", **job})
        pipe.xadd(ORDERS.key("events"), {"event": "failed", **job, "failedReason": "A_B"})
    pipe.execute()

    events = (await look(reader, cursor)).events

    assert (events.starts, events.finishes) == (5_000, 5_000)
    assert sum(count for _, count in events.failures) == 5_000


async def test_a_stalled_job_moved_back_is_no_progress(reader, redis):
    write_meta(redis, ORDERS)
    redis.xadd(ORDERS.key("events"), {"event": "waiting", "jobId": "1", "prev": "active"})
    redis.xadd(ORDERS.key("events"), {"event": "stalled", "jobId": "1"})
    assert (await look(reader)).events.last_finish is None


@pytest.mark.parametrize("version", [5, 6])
async def test_global_concurrency_holds_a_queue_back(node, reader, version):
    queue = node.queue(version, "orders")
    await queue.call("setGlobalConcurrency", 2)
    worker = await queue.worker(concurrency=5)
    await queue.add(*[{"data": {"ms": 1_500}} for _ in range(4)])
    await queue.wait(active=2)

    sample = await look(reader)

    assert (sample.concurrency, sample.counts.active, sample.held_back) == (2, 2, "concurrency")
    await worker.stop(force=True)


@each_version
async def test_a_rate_limit_holds_a_queue_back(node, reader, version):
    queue = node.queue(version, "orders")
    worker = await queue.worker(limiter={"max": 2, "duration": 30_000})
    await queue.add({}, {}, {}, {})
    await queue.wait(completed=2)

    sample = await look(reader)

    assert 0 < sample.rate_limited_for <= 30_000
    assert sample.held_back == "rate limit"
    await worker.stop(force=True)


async def test_a_limit_that_is_known_and_not_reached_holds_nothing_back(reader, redis):
    write_meta(redis, ORDERS)
    redis.hset(ORDERS.key("meta"), "max", 10)
    redis.set(ORDERS.key("limiter"), 9, px=20_000)
    assert (await look(reader)).rate_limited_for == 0
    redis.set(ORDERS.key("limiter"), 10, px=20_000)
    assert (await look(reader)).rate_limited_for > 0


@each_version
async def test_workers_and_processing_times(node, reader, version):
    queue = node.queue(version, "orders")
    workers = [await queue.worker(), await queue.worker(name="second")]
    await queue.add(*[{"data": {"ms": 30}} for _ in range(6)], {"data": {"ms": 200, "fail": "X_Y"}})
    await queue.wait(completed=6, failed=1)

    sample = await look(reader, recent=100)

    assert sample.workers == 2
    assert 190 <= sample.processing_p95 < 1_500
    assert (sample.failed_in_window, sample.failed_in_day) == (1, 1)
    assert (await look(reader)).processing_p95 is None
    for worker in workers:
        await worker.stop()


@pytest.mark.parametrize("concurrency", [1, 3])
async def test_a_worker_of_the_python_package_is_one_worker(reader, valkey, concurrency):
    """Each batch of jobs leaves it with more connections, all of one name."""
    options = {"connection": valkey.url, "prefix": "bull"}
    done = asyncio.Semaphore(0)

    async def process(job, token):
        await job.log("a pipeline")
        done.release()

    queue = Queue("orders", options)
    worker = Worker("orders", process, {**options, "concurrency": concurrency})
    for _ in range(6):
        await queue.add("work", {})
    for _ in range(6):
        await done.acquire()
    for _ in range(400):
        sample = await look(reader, anew=True)
        if sample.workers and not sample.more_workers:
            break
        await asyncio.sleep(0.02)
    await worker.close(force=True)
    await queue.close()

    assert sample.workers == 1


async def test_no_worker_seen_beside_a_live_lock_is_unknown_and_without_one_is_none(reader, redis):
    write_meta(redis, ORDERS)
    redis.lpush(ORDERS.key("active"), "1")
    redis.hset(ORDERS.key("1"), mapping={"name": "work", "data": "{}", "processedOn": 5})
    assert (await look(reader)).workers == 0
    redis.set(ORDERS.key("1:lock"), "token")
    assert (await look(reader)).workers is None
