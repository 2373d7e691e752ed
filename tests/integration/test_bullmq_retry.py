"""Retrying jobs that real workers of BullMQ 3 to 6 failed; the same workers finish them."""

import asyncio
from itertools import count

import pytest

from bot.adapters.bullmq_operator import BullmqOperator
from bot.adapters.bullmq_retry import CHUNK
from bot.adapters.sources import Sources
from bot.domain.jobs import BatchOutcome, FailedRef, FailureFilter
from bot.domain.queues import QueueId
from bot.errors import RedisUnavailableError, RefusedError
from tests.support.node_bullmq import VERSIONS
from tests.support.script_calls import interfere
from tests.support.valkey_bullmq import ORDERS, contents, now_ms, write_failed, write_meta

each_version = pytest.mark.parametrize("version", VERSIONS)
FAILS = {"data": {"fail": "WHMCS_ERROR: 502"}}


async def failed(reader, queue=ORDERS):
    wanted = FailureFilter(code="WHMCS_ERROR")
    return [ref async for batch in reader.select_failed(queue, wanted) for ref in batch]


async def retry(operator, refs, *, fresh=False, configured=None, queue=ORDERS):
    return await operator.retry(queue, refs, fresh=fresh, configured=configured)


async def two_chunks_failed(reader, redis):
    write_meta(redis, ORDERS)
    at = now_ms()
    rows = [(str(n), at + n, "WHMCS_ERROR: x", "work") for n in range(2 * CHUNK)]
    write_failed(redis, ORDERS, rows)
    return await failed(reader)


async def fail(queue, *jobs, **options):
    worker = await queue.worker(**options)
    await queue.add(*jobs)
    await queue.wait(failed=len(jobs))
    return worker


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


@pytest.mark.parametrize(
    ("seen", "configured", "refused"),
    [
        (None, None, True),
        (None, 6, False),
        (None, 5, True),
        ("bullmq:6.7.0", 5, True),
        ("bullmq:6.7.0", None, False),
    ],
)
async def test_a_paused_queue_of_doubtful_version(
    reader, operator, redis, seen, configured, refused
):
    redis.hset(ORDERS.key("meta"), "paused", 1)
    if seen:
        redis.hset(ORDERS.key("meta"), "version", seen)
    write_failed(redis, ORDERS, [("1", now_ms(), "WHMCS_ERROR: x", "work")])
    refs = await failed(reader)
    if refused:
        with pytest.raises(RefusedError):
            await retry(operator, refs, configured=configured)
        with pytest.raises(RefusedError):
            await retry(operator, [], configured=configured)
    else:
        assert len((await retry(operator, refs, configured=configured)).done) == 1


async def test_a_pause_that_comes_in_between_stops_it_and_tells_what_was_moved(
    reader, operator, redis, monkeypatch
):
    refs = await two_chunks_failed(reader, redis)

    def pause():
        redis.rename(ORDERS.key("wait"), ORDERS.key("paused"))
        redis.hset(ORDERS.key("meta"), "paused", 1)

    interfere(monkeypatch, before_call=3, act=pause)
    with pytest.raises(RefusedError, match="paused") as caught:
        await retry(operator, refs)

    assert len(caught.value.done.done) == CHUNK
    assert redis.llen(ORDERS.key("paused")) == CHUNK
    assert redis.exists(ORDERS.key("wait")) == 0


async def test_a_call_that_expects_another_version_moves_nothing_and_asks_again(
    reader, operator, redis, monkeypatch
):
    """BullMQ 3 in between: the prioritized are left out from then on."""
    write_meta(redis, ORDERS)
    write_failed(redis, ORDERS, [(str(n), now_ms(), "WHMCS_ERROR: x", "work") for n in range(3)])
    redis.hset(ORDERS.key("1"), "priority", 1)
    refs = await failed(reader)

    calls = interfere(
        monkeypatch, before_call=2, act=lambda: write_meta(redis, ORDERS, "bullmq:3.15.0")
    )
    outcome = await retry(operator, refs)

    assert outcome == BatchOutcome(done=("0", "2"), left_out=1)
    assert len(calls) == 3, "asked, sent, sent again as it is now"


async def test_another_retry_in_between_moves_no_job_twice(reader, operator, redis, monkeypatch):
    write_meta(redis, ORDERS)
    write_failed(redis, ORDERS, [(str(n), now_ms(), "WHMCS_ERROR: x", "work") for n in range(3)])
    refs = await failed(reader)

    def failed_again():
        redis.zadd(ORDERS.key("failed"), {"1": refs[1].failed_at + 5})
        redis.hset(ORDERS.key("1"), "finishedOn", refs[1].failed_at + 5)

    interfere(monkeypatch, before_call=2, act=failed_again)
    outcome = await retry(operator, refs)
    assert (outcome.done, outcome.changed) == (("0", "2"), 1)


async def test_a_queue_that_never_holds_still_is_given_up(reader, operator, redis, monkeypatch):
    write_meta(redis, ORDERS)
    write_failed(redis, ORDERS, [("1", now_ms(), "WHMCS_ERROR: x", "work")])
    refs = await failed(reader)
    versions = count()
    interfere(monkeypatch, act=lambda: write_meta(redis, ORDERS, f"bullmq:5.{next(versions)}.0"))
    with pytest.raises(RedisUnavailableError, match="too fast"):
        await retry(operator, refs)
    assert redis.zcard(ORDERS.key("failed")) == 1


async def test_a_version_of_odd_bytes_is_an_unknown_one(reader, operator, redis):
    redis.hset(ORDERS.key("meta"), "version", b"bullmq:\xff\xfe")
    write_failed(redis, ORDERS, [("1", now_ms(), "WHMCS_ERROR: x", "work")])
    assert (await retry(operator, await failed(reader))).done == ("1",)


async def test_scripts_forgotten_in_between_are_loaded_again(reader, operator, redis, monkeypatch):
    refs = await two_chunks_failed(reader, redis)
    interfere(monkeypatch, before_call=3, act=redis.script_flush)
    assert len((await retry(operator, refs)).done) == len(refs)


async def test_a_server_that_refuses_writes_says_so(reader, operator, redis):
    write_meta(redis, ORDERS)
    write_failed(redis, ORDERS, [("1", now_ms(), "WHMCS_ERROR: x", "work")])
    refs = await failed(reader)
    redis.replicaof("127.0.0.1", 1)
    try:
        with pytest.raises(RedisUnavailableError, match="replica") as caught:
            await retry(operator, refs)
    finally:
        redis.replicaof("NO", "ONE")
    assert caught.value.done == BatchOutcome()
    assert redis.zcard(ORDERS.key("failed")) == 1
