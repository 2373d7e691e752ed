"""Jobs that wait, in lists or for their time, are drained and come back in their order."""

import asyncio

import pytest

from bot.domain.jobs import BatchOutcome, FailedRef
from tests.integration.removing import refs_of, remove, restore, take
from tests.support.bullmq_whole import places, whole
from tests.support.node_bullmq import VERSIONS
from tests.support.valkey_bullmq import ORDERS, write_meta

each_version = pytest.mark.parametrize("version", VERSIONS)


@each_version
async def test_waiting_jobs_are_drained_and_come_back_in_their_order(node, remover, raw, version):
    queue = node.queue(version, "orders")
    marks = [{"data": {"mark": number}} for number in range(130)]
    await queue.add(*marks[:100], {"data": {}, "opts": {"priority": 5}}, *marks[100:])
    before = whole(raw, ORDERS)
    jobs = []
    for state in ("wait", "paused", "prioritized", "delayed"):
        async for refs in remover.select(ORDERS, state, until=None):
            for start in range(0, len(refs), 40):
                some, outcome = await take(remover, state, refs[start : start + 40])
                assert len(outcome.done) == len(some) == len(refs[start : start + 40])
                jobs.append(some)
    assert places(raw, ORDERS) == {}
    assert await remover.in_state(ORDERS, "wait", until=None) == 0

    for some in reversed(jobs):
        await restore(remover, some)

    assert whole(raw, ORDERS, without=("pc",)) == {k: v for k, v in before.items() if k != "pc"}
    worker = await queue.worker()
    await queue.wait(completed=131)
    await worker.stop()


@each_version
async def test_one_job_out_of_the_middle_of_a_list_comes_back_to_its_place(
    node, remover, raw, version
):
    queue = node.queue(version, "orders")
    ids = await queue.add(*[{"data": {}}] * 9)
    before = whole(raw, ORDERS)
    middle = [FailedRef(id_, 0) for id_ in (ids[4], ids[2], ids[7])]

    jobs, outcome = await take(remover, "wait", middle)
    assert set(outcome.done) == {ids[4], ids[2], ids[7]}
    await restore(remover, jobs)

    assert whole(raw, ORDERS) == before


async def test_jobs_that_came_meanwhile_stay_behind_those_that_come_back(node, remover, raw):
    queue = node.queue(5, "orders")
    old = await queue.add(*[{"data": {}}] * 3)
    jobs, _ = await take(remover, "wait", await refs_of(remover, "wait"))
    new = await queue.add(*[{"data": {}}] * 2)

    await restore(remover, jobs)

    taken_from_the_tail = [id_.decode() for id_ in reversed(raw.lrange(ORDERS.key("wait"), 0, -1))]
    assert taken_from_the_tail == [*old, *new]


async def test_a_worker_that_sleeps_is_woken_by_what_comes_back(node, remover):
    queue = node.queue(5, "orders")
    await queue.add({"data": {}}, {"data": {}, "opts": {"priority": 2}})
    jobs, _ = await take(remover, "wait", await refs_of(remover, "wait"))
    more, _ = await take(remover, "prioritized", await refs_of(remover, "prioritized"))
    worker = await queue.worker(drainDelay=3600)
    await asyncio.sleep(0.3)  # it sleeps: for an hour, unless it is woken

    await restore(remover, [*jobs, *more])

    await queue.wait(completed=2, within=5000)
    await worker.stop(force=True)


@pytest.mark.parametrize("version", [3, 4])
async def test_markers_in_lists_are_no_jobs(node, remover, raw, version):
    queue = node.queue(version, "orders")
    await queue.add({"data": {}, "opts": {"delay": 600_000}})
    assert raw.llen(ORDERS.key("wait")) == 1

    assert await refs_of(remover, "wait") == []
    assert await remover.in_state(ORDERS, "wait", until=None) == 0
    assert await remover.in_state(ORDERS, "delayed", until=1) == 1, "until is for finished ones"
    assert len(await refs_of(remover, "delayed", until=1)) == 1


@each_version
async def test_delayed_jobs_come_back_to_their_time(node, remover, raw, version):
    queue = node.queue(version, "orders")
    await queue.add({"data": {}, "opts": {"delay": 1500}}, {"data": {}, "opts": {"delay": 600_000}})
    before = whole(raw, ORDERS)
    jobs, outcome = await take(remover, "delayed", await refs_of(remover, "delayed"))
    assert len(outcome.done) == 2
    await restore(remover, jobs)
    assert whole(raw, ORDERS) == before
    worker = await queue.worker()
    await queue.wait(completed=1, delayed=1, within=15_000)
    await worker.stop()


@each_version
async def test_the_next_run_of_a_repeated_job_stays(node, remover, raw, version):
    queue = node.queue(version, "orders")
    if version >= 5:
        await queue.call("upsertJobScheduler", "nightly", {"every": 3_600_000, "offset": 1_000_000})
    else:
        await queue.call("add", "nightly", {}, {"repeat": {"every": 3_600_000}})
    await queue.add({"data": {}, "opts": {"delay": 600_000}})
    scheduled = [key for key in places(raw, ORDERS) if key.startswith("repeat:")]
    assert len(scheduled) == 1

    states = {place for states in places(raw, ORDERS).values() for place in states}
    outcome = BatchOutcome()
    for state in states:
        outcome += await remove(remover, state, await refs_of(remover, state))

    assert (len(outcome.done), outcome.left_out) == (1, 1)
    assert list(places(raw, ORDERS)) == scheduled


async def test_jobs_deep_in_a_long_list_take_more_calls_and_no_long_one(remover, redis, raw):
    write_meta(redis, ORDERS)
    ids = [f"j{number}" for number in range(90_000)]
    for start in range(0, len(ids), 5000):
        redis.lpush(ORDERS.key("wait"), *ids[start : start + 5000])
    deep = ["j5", "j20000", "j44000", "j60000", "j89999"]
    for id_ in deep:
        redis.hset(ORDERS.key(id_), mapping={"name": "n", "data": "{}"})
    before = raw.lrange(ORDERS.key("wait"), 0, -1)
    redis.config_resetstat()

    jobs, outcome = await take(remover, "wait", [FailedRef(id_, 0) for id_ in deep])
    assert set(outcome.done) == set(deep)
    assert len(raw.lrange(ORDERS.key("wait"), 0, -1)) == 90_000 - len(deep)
    await restore(remover, jobs)

    assert raw.lrange(ORDERS.key("wait"), 0, -1) == before
    calls = redis.info("commandstats")["cmdstat_evalsha"]["calls"]
    assert calls > 9, "no call looked through the list five times"
