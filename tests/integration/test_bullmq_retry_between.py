"""What happens in the middle of a retry: pauses, other versions, other retries, lost scripts."""

from itertools import count

import pytest

from bot.adapters.bullmq_retry import CHUNK
from bot.domain.jobs import BatchOutcome
from bot.errors import RedisUnavailableError, RefusedError
from tests.integration.retrying import failed, retry, two_chunks_failed
from tests.support.script_calls import interfere
from tests.support.valkey_bullmq import ORDERS, now_ms, write_failed, write_meta


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


async def test_batch_after_batch_asks_once_and_hears_of_a_pause_from_the_next_call(
    reader, operator, redis, monkeypatch
):
    refs = await two_chunks_failed(reader, redis)
    calls = interfere(monkeypatch, act=lambda: None)
    await retry(operator, refs[:10])
    assert len(calls) == 2, "asked, sent"
    await retry(operator, refs[10:20])
    assert len(calls) == 3

    redis.hset(ORDERS.key("meta"), "paused", 1)
    with pytest.raises(RefusedError, match="paused"):
        await retry(operator, refs[20:])
    assert redis.zcard(ORDERS.key("failed")) == len(refs) - 20
    redis.hdel(ORDERS.key("meta"), "paused")
    assert len((await retry(operator, refs[20:])).done) == len(refs) - 20


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
