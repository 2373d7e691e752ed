"""Promote and unstick where it is odd: damage, leftovers, many at a time, a second run."""

import pytest

from bot.adapters import bullmq_stalled
from bot.adapters.bullmq_promote import CHUNK
from bot.domain.jobs import BatchOutcome
from bot.errors import RefusedError
from tests.support.bullmq_places import misplaced, places
from tests.support.script_calls import interfere
from tests.support.valkey_bullmq import ORDERS, contents, now_ms, write_meta


def write_delayed(redis, count, **fields):
    """Jobs that are due in an hour; the first has these fields too."""
    write_meta(redis, ORDERS)
    due = now_ms() + 3_600_000
    ids = [f"d{number}" for number in range(count)]
    for place, id_ in enumerate(ids):
        job = {"name": "work", "data": "{}", "opts": "{}", "delay": 3_600_000, "timestamp": 1}
        redis.hset(ORDERS.key(id_), mapping={**job, **(fields if place == 0 else {})})
        redis.zadd(ORDERS.key("delayed"), {id_: (due + place) * 4096})
    return ids


def write_active(redis, *ids, locked=(), **fields):
    """Jobs that workers have taken, the first of them first."""
    write_meta(redis, ORDERS)
    for place, id_ in enumerate(ids):
        job = {"name": "work", "data": "{}", "opts": "{}", "timestamp": 1, "processedOn": place + 1}
        redis.hset(ORDERS.key(id_), mapping={**job, **fields})
        redis.lpush(ORDERS.key("active"), id_)
    for id_ in locked:
        redis.set(ORDERS.key(f"{id_}:lock"), "token")


async def promote(operator, ids, operation="op"):
    return await operator.promote(ORDERS, ids, configured=None, operation=operation)


async def unstick(operator, redis, operation="op"):
    """A pass, and the time until the next one may be."""
    outcome = await operator.unstick(ORDERS, configured=None, operation=operation)
    redis.delete(ORDERS.key("stalled-check"))
    return outcome


def done_set(redis, operation="op"):
    return redis.smembers(ORDERS.key(f"bullhorn:{operation}"))


async def test_many_delayed_jobs_are_promoted_and_remembered(operator, redis):
    ids = write_delayed(redis, CHUNK + 20)
    assert await promote(operator, ids) == BatchOutcome(done=tuple(ids))
    assert sorted(redis.lrange(ORDERS.key("wait"), 0, -1)) == sorted(ids)
    assert done_set(redis) == set(ids)
    assert 0 < redis.pttl(ORDERS.key("bullhorn:op")) <= 8 * 86_400_000
    assert redis.hget(ORDERS.key("d0"), "delay") == "0"


@pytest.mark.parametrize("priority", ["nan", "inf", "-1e400"])
async def test_a_priority_without_a_place_is_left_out(operator, redis, priority):
    ids = write_delayed(redis, 2, priority=priority)
    assert await promote(operator, ids) == BatchOutcome(done=("d1",), left_out=1)
    assert misplaced(redis, ORDERS, ids) == {}


async def test_a_delayed_id_without_a_job_is_no_job(operator, redis):
    ids = write_delayed(redis, 2)
    redis.delete(ORDERS.key("d0"))
    assert await promote(operator, ids) == BatchOutcome(done=("d1",), vanished=1)
    assert redis.exists(ORDERS.key("d0")) == 0, "none is made of it"


@pytest.mark.parametrize("name", ["delayed", "wait", "active", "prioritized", "events", "pc"])
async def test_damage_promotes_nothing(operator, redis, name):
    ids = write_delayed(redis, 2, priority=1)
    redis.delete(ORDERS.key(name))
    redis.set(ORDERS.key(name), "x")
    before = contents(redis)
    with pytest.raises(RefusedError, match=rf"damaged \({name}\)"):
        await promote(operator, ids)
    assert contents(redis) == before


async def test_a_done_set_that_is_none_changes_nothing(operator, redis):
    ids = write_delayed(redis, 2)
    redis.set(ORDERS.key("bullhorn:op"), "x")
    before = contents(redis)
    with pytest.raises(RefusedError, match=r"damaged \(bullhorn:op\)"):
        await promote(operator, ids)
    assert contents(redis) == before


async def test_a_pause_in_between_stops_a_promotion(operator, redis, monkeypatch):
    ids = write_delayed(redis, 2)
    before = contents(redis)
    pause = lambda: redis.hset(ORDERS.key("meta"), "paused", 1)  # noqa: E731
    interfere(monkeypatch, before_call=2, act=pause)
    with pytest.raises(RefusedError, match="paused") as caught:
        await promote(operator, ids)
    assert caught.value.done == BatchOutcome()
    redis.hdel(ORDERS.key("meta"), "paused")
    assert contents(redis) == before


async def test_active_jobs_are_told_the_oldest_first(reader, redis):
    write_active(redis, "a", "b", "c", locked=["b"])
    redis.rpush(ORDERS.key("active"), "0:0")  # a marker of BullMQ 4
    redis.delete(ORDERS.key("c"))
    listed = await reader.active(ORDERS)
    assert listed.total == 3
    assert [(job.id, job.name, job.locked, job.started_at) for job in listed.jobs] == [
        ("a", "work", False, 1), ("b", "work", True, 2), ("c", "", False, None),
    ]  # fmt: skip


async def test_how_long_a_lock_lasts_is_told(reader, redis):
    write_active(redis, "a", "b", "c", locked=["b", "c"])
    redis.pexpire(ORDERS.key("b:lock"), 30_000)
    a, b, c = (await reader.active(ORDERS)).jobs
    assert (a.lock_left, c.lock_left) == (None, None)
    assert 0 < b.lock_left <= 30_000


async def test_no_more_active_jobs_than_some_are_told(reader, redis, monkeypatch):
    monkeypatch.setattr(bullmq_stalled, "MOST_ACTIVE", 2)
    write_active(redis, "a", "b", "c")
    listed = await reader.active(ORDERS)
    assert (listed.total, [job.id for job in listed.jobs]) == (3, ["a", "b"])


async def test_what_cannot_be_moved_stays_and_is_counted(operator, redis):
    write_active(redis, "fine", "damaged", "gone", "alive", locked=["alive"])
    redis.hset(ORDERS.key("damaged"), "stc", "many")
    redis.delete(ORDERS.key("gone"))
    assert await unstick(operator, redis) == BatchOutcome()
    assert await unstick(operator, redis) == BatchOutcome(done=("fine",), vanished=1, left_out=1)
    assert places(redis, ORDERS) == {
        "fine": ["wait"], "damaged": ["active"], "gone": ["active"], "alive": ["active"],
    }  # fmt: skip
    assert redis.smembers(ORDERS.key("stalled")) == {"damaged", "gone", "alive"}
    assert done_set(redis) == {"fine"}
    assert redis.exists(ORDERS.key("gone"), ORDERS.key("bullhorn:stalled")) == 0


async def test_a_job_that_has_stalled_often_gets_one_more_chance(operator, redis):
    write_active(redis, "a", stc=99)
    await unstick(operator, redis)
    assert (await unstick(operator, redis)).done == ("a",)
    assert redis.hget(ORDERS.key("a"), "defa") is None


async def test_an_operation_moves_a_job_once(operator, redis):
    write_active(redis, "a")
    await unstick(operator, redis)
    assert (await unstick(operator, redis)).done == ("a",)
    redis.lmove(ORDERS.key("wait"), ORDERS.key("active"), "RIGHT", "LEFT")  # its worker dies too
    await unstick(operator, redis)
    assert await unstick(operator, redis) == BatchOutcome(already=1)
    assert places(redis, ORDERS) == {"a": ["active"]}
    assert (await unstick(operator, redis, "another")).done == ("a",)


async def test_many_stuck_jobs_are_moved_a_few_a_call(operator, redis, monkeypatch):
    monkeypatch.setattr(bullmq_stalled, "CHUNK", 10)
    ids = [f"j{number}" for number in range(35)]
    write_active(redis, *ids, locked=ids[::5])
    await unstick(operator, redis)
    calls = interfere(monkeypatch, act=lambda: None)
    outcome = await unstick(operator, redis)
    assert len(calls) == 5, "one asks, four move"
    assert sorted(outcome.done) == sorted(set(ids) - set(ids[::5])) == sorted(done_set(redis))
    assert redis.smembers(ORDERS.key("stalled")) == set(ids[::5])
    assert misplaced(redis, ORDERS, ids) == {}


@pytest.mark.parametrize("name", ["stalled", "wait", "active", "marker", "events", "repeat"])
async def test_damage_moves_nothing_that_is_stuck(operator, redis, name):
    write_active(redis, "a")
    redis.delete(ORDERS.key(name))
    redis.set(ORDERS.key(name), "x")
    before = contents(redis)
    with pytest.raises(RefusedError, match=rf"damaged \({name}\)"):
        await unstick(operator, redis)
    assert contents(redis) == before


async def test_a_paused_queue_of_an_older_bullmq_is_not_touched(operator, redis):
    write_active(redis, "a")
    redis.hset(ORDERS.key("meta"), "paused", 1)
    with pytest.raises(RefusedError, match="unstick could lose jobs"):
        await unstick(operator, redis)
    assert redis.exists(ORDERS.key("stalled")) == 0
