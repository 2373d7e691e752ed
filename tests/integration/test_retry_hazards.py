"""Damage that would make BullMQ's retry fail half-way, and odd values where jobs are read."""

import json

import pytest

from bot.adapters.bullmq_failures import kept_limit
from bot.adapters.bullmq_jobs import read_job
from bot.adapters.bullmq_retry import CHUNK
from bot.adapters.bullmq_sample import whole
from bot.domain.jobs import BatchOutcome, FailedRef, FailureFilter
from bot.errors import RefusedError
from tests.support.bullmq_places import misplaced
from tests.support.script_calls import interfere
from tests.support.valkey_bullmq import ORDERS, contents, now_ms, write_failed, write_meta

ANY = FailureFilter()
DEEP = '{"a":[' * 4_500 + '"end"' + "]}" * 4_500


async def failed(reader):
    return [ref async for batch in reader.select_failed(ORDERS, ANY) for ref in batch]


async def retry(operator, refs):
    return await operator.retry(ORDERS, refs, fresh=False, configured=None)


def write_two(redis, **fields):
    """Two failed jobs; the first has these fields too."""
    write_meta(redis, ORDERS)
    at = now_ms()
    write_failed(redis, ORDERS, [(id_, at, "A_B: x", "work") for id_ in ("1", "2")])
    if fields:
        redis.hset(ORDERS.key("1"), mapping=fields)
    return [FailedRef(id_, at) for id_ in ("1", "2")]


def damage_meta(field, value):
    return lambda redis: redis.hset(ORDERS.key("meta"), field, value)


def damage_key(name):
    def act(redis):
        redis.delete(ORDERS.key(name))
        redis.sadd(ORDERS.key(name), "x")

    return act


QUEUE_DAMAGE = {
    **{
        name: damage_key(name)
        for name in ("meta", "failed", "wait", "active", "prioritized", "marker", "pc", "events")
    },
    "pc of text": lambda redis: redis.set(ORDERS.key("pc"), "many"),
    "pc at its end": lambda redis: redis.set(ORDERS.key("pc"), 2**63 - 1),
    "meta.concurrency": damage_meta("concurrency", "many"),
    "meta.concurrency empty": damage_meta("concurrency", ""),
    **{
        f"meta.opts.maxLenEvents {value!r}": damage_meta("opts.maxLenEvents", value)
        for value in ("many", "", "-1", "1.5", " 1", "01", "9" * 30)
    },
}


@pytest.mark.parametrize("kind", QUEUE_DAMAGE)
async def test_damage_to_the_queues_own_keys_moves_nothing(operator, redis, kind):
    refs = write_two(redis, priority=1)
    QUEUE_DAMAGE[kind](redis)
    before = contents(redis)

    with pytest.raises(RefusedError) as caught:
        await retry(operator, refs)

    assert f"damaged ({kind.split(' ')[0]})" in str(caught.value)
    assert caught.value.done == BatchOutcome()
    assert contents(redis) == before


async def test_damage_that_comes_after_a_chunk_tells_what_was_moved(operator, redis, monkeypatch):
    write_meta(redis, ORDERS)
    at = now_ms()
    rows = [(str(n), at, "A_B: x", "work") for n in range(CHUNK + 20)]
    write_failed(redis, ORDERS, rows)
    interfere(monkeypatch, before_call=3, act=lambda: redis.set(ORDERS.key("marker"), "x"))
    with pytest.raises(RefusedError, match=r"\(marker\)") as caught:
        await retry(operator, [FailedRef(row[0], at) for row in rows])
    assert len(caught.value.done.done) == CHUNK == redis.llen(ORDERS.key("wait"))


@pytest.mark.parametrize("priority", ["nan", "-nan", "inf", "-inf", "1e400"])
async def test_a_priority_that_is_no_number_leaves_that_job_out(operator, redis, priority):
    refs = write_two(redis, priority=priority)
    assert await retry(operator, refs) == BatchOutcome(done=("2",), left_out=1)
    assert misplaced(redis, ORDERS, ["1", "2"]) == {}
    assert redis.zrange(ORDERS.key("failed"), 0, -1) == ["1"]


@pytest.mark.parametrize("priority", ["0.5", "0x10"])
async def test_a_priority_only_lua_counts_is_left_out_where_it_would_be_lost(
    operator, redis, priority
):
    refs = write_two(redis, priority=priority)
    write_meta(redis, ORDERS, "bullmq:3.15.0")
    assert await retry(operator, refs) == BatchOutcome(done=("2",), left_out=1)


@pytest.mark.parametrize("suffix", ["unsuccessful", "failed", "dependencies"])
async def test_a_damaged_parent_leaves_that_job_out(operator, redis, suffix):
    parent = "bull:parents:1"
    refs = write_two(redis, parentKey=parent)
    redis.hset(parent, "name", "x")
    redis.zadd(f"{parent}:unsuccessful", {ORDERS.key("1"): 1})
    redis.delete(f"{parent}:{suffix}")
    redis.set(f"{parent}:{suffix}", "x")

    assert await retry(operator, refs) == BatchOutcome(done=("2",), left_out=1)
    assert redis.zrange(ORDERS.key("failed"), 0, -1) == ["1"]


async def test_all_that_is_whole_is_moved(operator, redis):
    """The checks refuse nothing that BullMQ itself writes."""
    parent = "bull:parents:1"
    refs = write_two(redis, parentKey=parent, priority=3)
    redis.hset(ORDERS.key("meta"), "concurrency", "5")
    redis.set(ORDERS.key("pc"), "-7")
    redis.zadd(ORDERS.key("marker"), {"0": 0})
    redis.hset(parent, "name", "x")
    redis.zadd(f"{parent}:unsuccessful", {ORDERS.key("1"): 1})
    assert await retry(operator, refs) == BatchOutcome(done=("1", "2"))
    assert redis.smembers(f"{parent}:dependencies") == {ORDERS.key("1")}


@pytest.mark.parametrize("word", ["wait", "failed", "events", "active", "id"])
async def test_an_id_whose_key_is_no_hash_is_no_job(reader, operator, redis, word):
    refs = write_two(redis)
    at = refs[0].failed_at + 1
    redis.zadd(ORDERS.key("failed"), {word: at})
    redis.rpush(ORDERS.key("wait"), "9")
    redis.rpush(ORDERS.key("active"), "9")
    redis.set(ORDERS.key("id"), "9")
    redis.xadd(ORDERS.key("events"), {"event": "x", "jobId": "1"})

    report = await reader.failures(ORDERS, ANY)
    jobs = await reader.failed_jobs(ORDERS, ANY, limit=10, offset=0)

    assert (report.total, report.vanished, report.kept_limit) == (2, 1, None)
    assert {job.id for job in jobs} == {"1", "2"}
    assert (await reader.failed_refs(ORDERS, [word]))[word] is None
    assert len(await failed(reader)) == 3
    outcome = await retry(operator, [*refs, FailedRef(word, at)])
    assert outcome == BatchOutcome(done=("1", "2"), vanished=1)
    assert word not in redis.lrange(ORDERS.key("wait"), 0, -1)


@pytest.mark.parametrize("score", ["inf", "-inf"])
async def test_a_score_without_end_is_read_and_never_retried(reader, operator, redis, score):
    before = write_two(redis)[0].failed_at
    redis.zadd(ORDERS.key("failed"), {"1": score, "2": score})
    report = await reader.failures(ORDERS, ANY)
    assert report.newest >= before, "what fails later is beyond it"
    assert report.kept == 2
    assert len(await reader.failed_jobs(ORDERS, ANY, limit=10, offset=0)) == 2
    assert await retry(operator, await failed(reader)) == BatchOutcome(changed=2)


@pytest.mark.parametrize(
    "options",
    [
        DEEP,
        *(
            f'{{"removeOnFail": {rule}}}'
            for limit in ("1e400", "Infinity", "-Infinity", "NaN", "9" * 400, "9" * 5_000, "[]")
            for rule in (limit, f'{{"count": {limit}}}')
        ),
    ],
    ids=lambda options: options[:40],
)
def test_odd_options_keep_no_known_number(options):
    assert kept_limit(options) is None


def test_usual_options_keep_what_they_say():
    assert kept_limit('{"removeOnFail": 7}') == kept_limit('{"removeOnFail": {"count": 7}}') == 7


async def test_deep_options_do_not_stop_a_retry(operator, redis):
    refs = write_two(redis, opts=DEEP)
    assert await retry(operator, refs) == BatchOutcome(done=("1", "2"))


@pytest.mark.parametrize("attempts", [{"a": 1}, [3], "x", None])
def test_attempts_that_are_no_number_count_as_one(attempts):
    assert whole(attempts) is None
    raw = ["failed", "1", 0, 0, ["opts", json.dumps({"attempts": attempts})]]
    assert read_job(ORDERS, "1", raw).attempts == 1
