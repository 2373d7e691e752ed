"""Job hashes that bare commands left behind, and queues that are emptied for good."""

import pytest

from bot.adapters import bullmq_orphans
from bot.domain.jobs import ORPHAN, BatchOutcome, FailedRef
from bot.errors import RefusedError
from tests.support.bullmq_whole import places, whole
from tests.support.node_bullmq import VERSIONS
from tests.support.valkey_bullmq import ORDERS, now_ms, write_failed, write_meta

each_version = pytest.mark.parametrize("version", VERSIONS)
FAILS = {"data": {"fail": "WHMCS_ERROR: 502", "log": "asked"}}


async def found(remover, queue=ORDERS):
    return sorted([id_ async for ids in remover.orphans(queue) for id_ in ids])


async def captured(remover, ids):
    refs = [FailedRef(id_, 0) for id_ in ids]
    return [job async for some in remover.capture(ORDERS, ORPHAN, refs) for job in some.jobs]


async def remove(remover, ids):
    refs = [FailedRef(id_, 0) for id_ in ids]
    return await remover.remove(ORDERS, ORPHAN, refs, configured=None, operation="op")


async def busy_queue(node, version):
    """Jobs in every state that there is, two of them held by workers."""
    queue = node.queue(version, "orders")
    worker = await queue.worker(concurrency=20)
    await queue.add(*[FAILS] * 3, *[{"data": {}}] * 3)
    await queue.wait(failed=3, completed=3)
    await queue.flow({"children": [FAILS]})
    await queue.wait(failed=4, **{"waiting-children": 1})
    await queue.add({"data": {"ms": 60_000}}, {"data": {"ms": 60_000}})
    await queue.wait(active=2)
    await worker.stop(force=True)
    later = {"delay": 600_000}
    await queue.add(
        {"data": {}}, {"data": {}, "opts": later}, {"data": {}, "opts": {"priority": 2}}
    )
    return queue


@each_version
async def test_orphans_are_found_and_removed_and_nothing_else_is(node, remover, raw, version):
    await busy_queue(node, version)
    assert await found(remover) == [], "no job of any state is taken for one"
    before = whole(raw, ORDERS)
    gone = [id_.decode() for id_ in raw.zrange(ORDERS.key("failed"), 0, 1)]
    gone += [id_.decode() for id_ in raw.zrange(ORDERS.key("completed"), 0, 1)]
    raw.zrem(ORDERS.key("failed"), *gone)
    raw.zrem(ORDERS.key("completed"), *gone)

    assert await found(remover) == sorted(gone)
    stays = next(id_ for id_ in places(raw, ORDERS) if id_ not in gone)
    outcome = await remove(remover, [*gone, stays, "never"])

    assert set(outcome.done) == set(gone)
    assert (outcome.changed, outcome.vanished) == (1, 1)
    after = whole(raw, ORDERS)
    missing = {key for key in before if key not in after}
    assert missing == {key for key in before if key.split(":")[0] in gone}
    assert raw.smembers(ORDERS.key("bullhorn:op")) == {id_.encode() for id_ in gone}
    assert await found(remover) == []
    assert await remove(remover, gone) == BatchOutcome(already=len(gone))


@pytest.mark.parametrize("most", [100_000, 0])
async def test_a_queue_that_was_emptied_by_deleting_its_keys(
    remover, redis, raw, monkeypatch, most
):
    """`DEL wait failed ...`, as the runbook had it. Behind long lists only ended jobs are told."""
    monkeypatch.setattr(bullmq_orphans, "MOST_LISTED", most)
    write_meta(redis, ORDERS)
    write_failed(redis, ORDERS, [(f"f{n}", now_ms(), "x", "n") for n in range(1200)])
    write_failed(redis, ORDERS, [("repeat:abc:1700000000000", now_ms(), "x", "n")])
    job = {"name": "n", "data": "{}", "opts": "{}", "timestamp": now_ms()}
    for id_ in ("w1", "w2", "kept"):
        redis.hset(ORDERS.key(id_), mapping=job)
    redis.rpush(ORDERS.key("wait"), "kept")
    redis.rpush(ORDERS.key("f1:logs"), "a line")
    redis.hset(ORDERS.key("f2:processed"), "bull:orders:f1", "1")
    redis.hset(ORDERS.key("f3"), "deid", "cust")
    redis.set(ORDERS.key("de:cust"), "f3")
    redis.delete(ORDERS.key("failed"))

    ids = await found(remover)
    ended = {*(f"f{n}" for n in range(1200)), "repeat:abc:1700000000000"}
    assert set(ids) == (ended | {"w1", "w2"} if most else ended)
    before = whole(raw, ORDERS)
    kept = await captured(remover, ids)
    outcome = await remove(remover, ids)

    assert set(outcome.done) == set(ids)
    left = {key.removeprefix("bull:orders:") for key in redis.scan_iter("bull:orders:*")}
    assert left - {"w1", "w2"} == {"meta", "kept", "wait", "bullhorn:op"}
    back = await remover.restore(ORDERS, kept, configured=None, operation="undo")
    assert set(back.done) == set(ids)
    after = whole(raw, ORDERS)
    assert after == before, "byte for byte, in no set"
    assert set(await found(remover)) == set(ids)


async def test_long_lists_are_not_looked_through_for_each(remover, redis, monkeypatch):
    """The runbook's retry by hand leaves jobs that have ended in the list: they are no orphans."""
    monkeypatch.setattr(bullmq_orphans, "LIST_PAGE", 20_000)
    write_meta(redis, ORDERS)
    write_failed(redis, ORDERS, [(f"f{n}", now_ms(), "x", "n") for n in range(200)])
    redis.delete(ORDERS.key("failed"))
    job = {"name": "n", "data": "{}", "opts": "{}", "timestamp": now_ms()}
    redis.hset(ORDERS.key("new"), mapping=job)  # it has not ended
    for start in range(0, 80_000, 10_000):
        redis.rpush(ORDERS.key("wait"), *(f"w{n}" for n in range(start, start + 10_000)))
        if start == 40_000:
            redis.rpush(ORDERS.key("wait"), "f7")
    ids = await found(remover)
    assert set(ids) == {f"f{n}" for n in range(200)} - {"f7"}
    redis.lpush(ORDERS.key("wait"), "f8")
    redis.linsert(ORDERS.key("wait"), "before", "w60000", "f9")
    assert set(ids) - set(await remover.unlisted(ORDERS, ids)) == {"f8", "f9"}

    assert {job.id for job in await captured(remover, ["new", "f8", *ids])} == set(ids) - {"f8"}
    redis.config_resetstat()
    outcome = await remove(remover, ["new", "f8", *ids])

    assert set(outcome.done) == set(ids) - {"f8"}
    assert outcome.changed == 2
    stats = redis.info("commandstats")
    calls = stats["cmdstat_evalsha"]["calls"] + stats.get("cmdstat_eval", {}).get("calls", 0)
    assert 20 <= calls <= 30, "some of them a call, and no more than its time allows"


async def test_only_so_many_are_remembered(remover, redis, monkeypatch):
    monkeypatch.setattr(bullmq_orphans, "MOST_SEEN", 10)
    seen = {}
    bullmq_orphans._note(seen, [f"f{n}" for n in range(8)])
    bullmq_orphans._note(seen, [f"f{n}" for n in range(6, 25)])
    assert list(seen) == [f"f{n}" for n in range(15, 25)]
    write_meta(redis, ORDERS)
    write_failed(redis, ORDERS, [(f"f{n}", now_ms(), "x", "n") for n in range(1200)])
    redis.delete(ORDERS.key("failed"))
    assert set(await found(remover)) == {f"f{n}" for n in range(1200)}


async def test_what_comes_while_it_is_looked_for_is_no_orphan(remover, redis, sources):
    write_meta(redis, ORDERS)
    job = {"name": "n", "data": "{}", "opts": "{}", "timestamp": now_ms()}
    for number in range(2000):
        redis.hset(ORDERS.key(f"old{number}"), mapping=job)
    seen = []
    async for ids in remover.orphans(ORDERS):
        seen += ids
        for number in range(300):
            id_ = f"new{len(seen)}-{number}"
            redis.hset(ORDERS.key(id_), mapping=job)
            redis.lpush(ORDERS.key("wait"), id_)
    assert {id_ for id_ in seen if id_.startswith("new")} == set()
    assert sorted(seen) == sorted({f"old{number}" for number in range(2000)})


@each_version
async def test_a_queue_is_obliterated_step_by_step(node, remover, redis, raw, version):
    queue = node.queue(version, "orders")
    worker = await queue.worker()
    await queue.add(*[FAILS] * 300, *[{"data": {}}] * 300)
    await queue.wait(failed=300, completed=300)
    await queue.flow({"children": [FAILS]})
    await queue.wait(failed=301, **{"waiting-children": 1})
    with pytest.raises(RefusedError, match="not paused"):
        await remover.obliterate_step(ORDERS, configured=None)
    await worker.stop()
    await queue.call("pause")
    waits = [{"data": {}}] * 200
    await queue.add(*waits, {"data": {}, "opts": {"priority": 1}}, {"opts": {"delay": 60_000}})
    redis.rpush(ORDERS.key("active"), "x")
    with pytest.raises(RefusedError, match="1 job is active"):
        await remover.obliterate_step(ORDERS, configured=None)
    redis.lrem(ORDERS.key("active"), 1, "x")

    steps = []
    while not steps or not steps[-1][1]:
        steps.append(await remover.obliterate_step(ORDERS, configured=None))
        assert len(steps) < 20

    assert sum(removed for removed, _ in steps) == 300 + 300 + 2 + 202
    assert max(removed for removed, _ in steps) <= 500
    assert list(raw.scan_iter("bull:orders:*")) == []


@pytest.mark.parametrize("version", [5, 6])
async def test_a_parent_of_children_elsewhere_is_obliterated_too(node, remover, redis, version):
    queue = node.queue(version, "orders")
    parent = await queue.flow({"children": [{"data": {}}]})
    [child] = redis.lrange(ORDERS.key("wait"), 0, -1)
    # Its child is one of another queue.
    redis.delete(ORDERS.key("wait"), ORDERS.key(child), ORDERS.key(f"{parent}:dependencies"))
    redis.sadd(ORDERS.key(f"{parent}:dependencies"), "bull:elsewhere:7")
    await queue.call("pause")

    steps = [await remover.obliterate_step(ORDERS, configured=None)]

    assert steps == [(1, True)]
    assert list(redis.scan_iter("bull:orders:*")) == []
