"""Retries on real queues of each version: who finishes them, in what order, with what attempts."""

import asyncio

import pytest

from bot.adapters.bullmq_operator import BullmqOperator
from bot.adapters.bullmq_retry import CHUNK
from bot.adapters.sources import Sources
from bot.domain.jobs import BatchOutcome, FailedRef
from bot.domain.queues import QueueId
from bot.errors import RefusedError
from tests.integration.retrying import FAILS, fail, failed, retry
from tests.support.node_bullmq import VERSIONS
from tests.support.valkey_bullmq import ORDERS, contents, now_ms, write_failed, write_meta

each_version = pytest.mark.parametrize("version", VERSIONS)


@each_version
async def test_workers_that_wait_finish_what_is_retried(node, reader, operator, redis, version):
    queue = node.queue(version, "orders")
    worker = await fail(queue, *[FAILS] * 130, {"data": {"fail": "MAPPING_ERROR: no"}})
    refs = await failed(reader)
    await worker.heal()

    outcome = await retry(operator, refs)

    assert set(outcome.done) == {ref.id for ref in refs}
    assert len(outcome.done) == 130
    await queue.wait(completed=130, failed=1, within=15_000)
    assert await retry(operator, refs) == BatchOutcome(changed=130)
    job = await reader.job(ORDERS, refs[0].id)
    assert (job.state, job.failed_reason) == ("completed", None)
    await worker.stop()


@each_version
async def test_a_job_that_failed_again_is_another_failure(node, reader, operator, version):
    queue = node.queue(version, "orders")
    worker = await fail(queue, FAILS, FAILS)
    first, second = await failed(reader)
    assert await retry(operator, [first]) == BatchOutcome(done=(first.id,))
    for _ in range(200):
        found = (await reader.failed_refs(ORDERS, [first.id]))[first.id]
        if found is not None:
            break
        await asyncio.sleep(0.02)
    assert found.failed_at > first.failed_at

    outcome = await retry(operator, [first, second, second])

    assert outcome == BatchOutcome(done=(second.id,), changed=1)
    await worker.stop()


@each_version
async def test_priority_is_kept_except_where_it_would_be_lost(node, reader, operator, version):
    queue = node.queue(version, "orders")
    urgent = {**FAILS, "opts": {"priority": 2}}
    worker = await fail(queue, urgent, FAILS)
    refs = await failed(reader)
    await worker.heal()

    outcome = await retry(operator, refs)

    if version == 3:
        assert (len(outcome.done), outcome.left_out) == (1, 1)
        await queue.wait(completed=1, failed=1)
    else:
        assert (len(outcome.done), outcome.left_out) == (2, 0)
        await queue.wait(completed=2)
    await worker.stop()


@each_version
async def test_fresh_attempts(node, reader, operator, version):
    queue = node.queue(version, "orders")
    worker = await fail(queue, {**FAILS, "opts": {"attempts": 2}})
    refs = await failed(reader)
    started = await worker.started()
    if version < 5:
        with pytest.raises(RefusedError, match="Fresh attempts"):
            await retry(operator, refs, fresh=True)
        assert await queue.state(refs[0].id) == "failed"
    else:
        assert len((await retry(operator, refs, fresh=True)).done) == 1
        await queue.wait(failed=1)
        for _ in range(100):
            if await worker.started() == started + 2:
                break
            await asyncio.sleep(0.02)
        assert await worker.started() == started + 2
    await worker.stop()


@each_version
async def test_a_paused_queue(node, reader, operator, redis, version):
    queue = node.queue(version, "orders")
    worker = await fail(queue, FAILS, FAILS)
    refs = await failed(reader)
    await worker.heal()
    await queue.call("pause")
    before = contents(redis)
    if version < 6:
        with pytest.raises(RefusedError, match="paused"):
            await retry(operator, refs)
        assert contents(redis) == before
        await queue.call("resume")
        await retry(operator, refs)
    else:
        assert len((await retry(operator, refs)).done) == 2
        await queue.call("resume")
    await queue.wait(completed=2)
    await worker.stop()


@each_version
async def test_last_in_first_out_jobs_come_first_again(node, reader, operator, redis, version):
    queue = node.queue(version, "orders")
    worker = await fail(queue, FAILS, {**FAILS, "opts": {"lifo": True}})
    await worker.stop()
    refs = await failed(reader)
    lifo = refs[0].id if (await reader.job(ORDERS, refs[0].id)).options.get("lifo") else refs[1].id
    await retry(operator, refs)
    assert redis.lrange(ORDERS.key("wait"), -1, -1) == [lifo]


async def test_the_events_stream_is_no_longer_than_bullmq_lets_it_be(operator, redis):
    write_meta(redis, ORDERS)
    redis.hset(ORDERS.key("meta"), "opts.maxLenEvents", 120)
    at = now_ms()
    write_failed(redis, ORDERS, [(str(n), at, "WHMCS_ERROR: x", "work") for n in range(2 * CHUNK)])
    for number in range(150):
        redis.xadd(ORDERS.key("events"), {"event": "failed", "jobId": number})

    await retry(operator, [FailedRef(str(n), at) for n in range(2 * CHUNK)])

    told = [fields for _, fields in redis.xrange(ORDERS.key("events"))]
    assert 120 <= len(told) < 120 + 100  # Redis cuts a hundred at a time
    assert {tuple(fields.items()) for fields in told} == {
        (("event", "waiting"), ("jobId", fields["jobId"]), ("prev", "failed")) for fields in told
    }


async def test_vanished_jobs_are_stepped_over(reader, operator, redis):
    write_meta(redis, ORDERS)
    at = now_ms()
    write_failed(redis, ORDERS, [(str(n), at + n, "WHMCS_ERROR: x", "work") for n in range(120)])
    refs = await failed(reader)
    redis.delete(*[ORDERS.key(str(n)) for n in range(0, 120, 2)])

    outcome = await retry(operator, refs)

    assert (len(outcome.done), outcome.vanished, outcome.changed) == (60, 60, 0)
    assert redis.zcard(ORDERS.key("failed")) == 60


async def test_names_and_prefixes_are_taken_as_they_are(valkey, redis):
    queue = QueueId("main", "{odd}:pre fix", "na:me {x} é")
    sources = Sources({"main": (valkey.url, queue.prefix)})
    write_meta(redis, queue)
    write_failed(redis, queue, [("1", now_ms(), "A_B", "work")])
    ref = FailedRef("1", int(redis.zscore(queue.key("failed"), "1")))
    outcome = await retry(BullmqOperator(sources=sources), [ref], queue=queue)
    assert outcome.done == ("1",)
    assert redis.lrange(queue.key("wait"), 0, -1) == ["1"]
    await sources.aclose()
