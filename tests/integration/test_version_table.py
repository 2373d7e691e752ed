"""Each cell of the version table, with real Node queues and workers: old and new minors of each.

`retry`, `fresh attempts`, `pause` and `resume`; of plain, prioritized, delayed and flow jobs; on
running and on paused queues; while Node adds more. `promote` and `unstick` beside them. No job is
lost, doubled or stuck, and what is refused is refused with the reason and without a trace.
"""

import asyncio

import pytest

from bot.adapters.bullmq_stalled import CHECK
from bot.domain.jobs import BatchOutcome, FailureFilter
from bot.errors import RefusedError
from tests.support.bullmq_places import misplaced, places
from tests.support.node_bullmq import MINORS
from tests.support.valkey_bullmq import ORDERS, contents

FAIL = {"fail": "WHMCS_ERROR: 502"}
WITHOUT_VERSION = ("3.0", "3.6", "4.0", "4.12", "5.0")
each_minor = pytest.mark.parametrize("minor", MINORS, ids=lambda minor: f"bullmq-{minor}")


def major_of(minor):
    return int(str(minor)[0])


async def failed_refs(reader):
    return [ref async for batch in reader.select_failed(ORDERS, FailureFilter()) for ref in batch]


async def started(worker, count):
    """Wait until it has started so many attempts."""
    for _ in range(500):
        if await worker.started() == count:
            return
        await asyncio.sleep(0.01)
    assert await worker.started() == count


async def settled(redis, jobs, state="completed"):
    """Wait until all of these are in this state and nowhere else."""
    for _ in range(1000):
        found = places(redis, ORDERS)
        if all(found.get(job) == [state] for job in jobs):
            return
        await asyncio.sleep(0.01)
    assert {job: found.get(job) for job in jobs if found.get(job) != [state]} == {}


def more(count):
    """Jobs of each kind, for Node to add meanwhile."""
    kinds = ({}, {"priority": 2}, {"delay": 15}, {"lifo": True})
    return [{"opts": kinds[number % len(kinds)]} for number in range(count)]


async def every_kind_failed(queue, redis):
    """A worker, and failed jobs: plain, prioritized, delayed ones, and a child of a flow."""
    worker = await queue.worker(concurrency=4, drainDelay=1)
    plain = await queue.add(*[{"data": FAIL}] * 6)
    delayed = await queue.add(*[{"data": FAIL, "opts": {"delay": 10}}] * 3)
    urgent = await queue.add(*[{"data": FAIL, "opts": {"priority": at}} for at in (3, 1, 2)])
    parent = await queue.flow({"children": [{"data": FAIL}, {"data": {}}]})
    # Two children; ids of a flow are not numbers in every version, so they are found by place.
    for _ in range(500):
        found = places(redis, ORDERS)
        if sum(at == ["failed"] for at in found.values()) == 13:
            break
        await asyncio.sleep(0.01)
    assert sum(at == ["failed"] for at in found.values()) == 13
    assert found[parent] == ["waiting-children"]
    return worker, {"plain": plain, "delayed": delayed, "urgent": urgent, "all": sorted(found)}


@each_minor
async def test_retry_of_every_kind_while_node_adds(node, reader, operator, redis, minor):
    queue, major = node.queue(minor, "orders"), major_of(minor)
    worker, jobs = await every_kind_failed(queue, redis)
    refs = await failed_refs(reader)
    await worker.heal()

    producer = await queue.produce(*more(60))
    outcome = await operator.retry(ORDERS, refs, fresh=False, configured=major)
    added = await producer.done()

    left = jobs["urgent"] if major == 3 else []
    assert (outcome.left_out, len(outcome.done)) == (len(left), 13 - len(left))
    moving = {*jobs["all"], *added} - set(left)
    await settled(redis, moving)
    await settled(redis, left, "failed")
    # Each once: 13 failures and the other child, then what was moved, the parent, the new ones.
    assert await worker.started() == 14 + len(outcome.done) + 1 + 60
    await worker.stop()


@each_minor
async def test_an_unknown_version_may_be_any(node, reader, operator, redis, minor):
    queue = node.queue(minor, "orders")
    worker, jobs = await every_kind_failed(queue, redis)
    assert (redis.hget(ORDERS.key("meta"), "version") is None) == (minor in WITHOUT_VERSION)
    redis.hdel(ORDERS.key("meta"), "version")
    refs = await failed_refs(reader)
    await worker.heal()
    before = contents(redis)
    for change in (operator.pause, operator.resume):
        with pytest.raises(RefusedError, match="unknown BullMQ version"):
            await change(ORDERS, configured=None)
    with pytest.raises(RefusedError, match="Fresh attempts do nothing on an unknown"):
        await operator.retry(ORDERS, refs, fresh=True, configured=None)
    assert contents(redis) == before

    outcome = await operator.retry(ORDERS, refs, fresh=False, configured=None)

    assert outcome.left_out == 3, "BullMQ 3 would lose those with a priority"
    await settled(redis, set(jobs["all"]) - set(jobs["urgent"]))
    await settled(redis, jobs["urgent"], "failed")
    await worker.stop()


@each_minor
async def test_fresh_attempts(node, reader, operator, redis, minor):
    queue, major = node.queue(minor, "orders"), major_of(minor)
    worker = await queue.worker(drainDelay=1)
    jobs = await queue.add(*[{"data": FAIL, "opts": {"attempts": 3}}] * 2)
    await settled(redis, jobs, "failed")
    refs, before = await failed_refs(reader), contents(redis)
    assert await worker.started() == 6

    if major < 5:
        with pytest.raises(RefusedError, match=f"Fresh attempts do nothing on BullMQ {major}"):
            await operator.retry(ORDERS, refs, fresh=True, configured=major)
        assert contents(redis) == before
    else:
        outcome = await operator.retry(ORDERS, refs, fresh=True, configured=major)
        assert len(outcome.done) == 2
        await started(worker, 12)
        await settled(redis, jobs, "failed")
    await worker.stop()


@each_minor
async def test_retry_on_a_paused_queue(node, reader, operator, redis, minor):
    queue, major = node.queue(minor, "orders"), major_of(minor)
    worker, jobs = await every_kind_failed(queue, redis)
    refs = await failed_refs(reader)
    await worker.heal()
    await queue.call("pause")
    # None that is due soon: workers move those out of `delayed` while the queue is paused, too.
    extra = await queue.add(*[{}, {"opts": {"priority": 2}}] * 4)
    before, so_far = contents(redis), await worker.started()

    if major < 6:
        with pytest.raises(RefusedError, match=f"paused and runs BullMQ {major}.*Resume it first"):
            await operator.retry(ORDERS, refs, fresh=False, configured=major)
        assert contents(redis) == before
        outcome = await operator.resume(ORDERS, configured=major)
        assert outcome.changed
        await operator.retry(ORDERS, refs, fresh=False, configured=major)
    else:
        outcome = await operator.retry(ORDERS, refs, fresh=False, configured=major)
        assert len(outcome.done) == 13
        await asyncio.sleep(0.05)
        assert await worker.started() == so_far
        await queue.call("resume")
    left = jobs["urgent"] if major == 3 else []
    await settled(redis, {*jobs["all"], *extra} - set(left))
    await worker.stop()


@each_minor
async def test_pause_and_resume_while_node_adds(node, operator, redis, minor):
    queue, major = node.queue(minor, "orders"), major_of(minor)
    worker = await queue.worker(concurrency=2, drainDelay=1)

    async def ours(action):
        change = operator.pause if action == "pause" else operator.resume
        assert (await change(ORDERS, configured=major)).changed
        again = await change(ORDERS, configured=major)
        assert (again.changed, again.gathered) == (False, 0), "two presses act once"

    async def nodes(action):
        await queue.call(action)

    everything = []
    for pause, resume in ((ours, nodes), (nodes, ours), (ours, ours)):
        producer = await queue.produce(*more(60))
        await asyncio.sleep(0.01)
        await pause("pause")
        assert await queue.call("isPaused") is True
        for _ in range(200):
            if redis.llen(ORDERS.key("active")) == 0:
                break
            await asyncio.sleep(0.01)
        held = await worker.started()
        added = await producer.done()
        everything += added
        await asyncio.sleep(0.06)
        assert await worker.started() == held, "no worker starts a job of a paused queue"
        assert misplaced(redis, ORDERS, everything) == {}
        await resume("resume")
        assert await queue.call("isPaused") is False
        await settled(redis, everything)
    assert await worker.started() == len(everything), "each job ran once"
    await worker.stop()


LATER = {"delay": 3_600_000}


@each_minor
async def test_promote(node, operator, redis, minor):
    queue, major = node.queue(minor, "orders"), major_of(minor)
    worker = await queue.worker(concurrency=2, drainDelay=1)
    plain = await queue.add(*[{"opts": LATER}] * 4)
    urgent = await queue.add(*[{"opts": {**LATER, "priority": at}} for at in (3, 1)])
    left = urgent if major == 3 else []
    moving = [job for job in (*plain, *urgent) if job not in left]

    async def promote():
        every = [*plain, *urgent, "nope"]
        return await operator.promote(ORDERS, every, configured=major, operation="op")

    if major < 6:
        await queue.call("pause")
        before = contents(redis)
        with pytest.raises(RefusedError, match=f"paused and runs BullMQ {major}: promote"):
            await promote()
        assert contents(redis) == before
        await queue.call("resume")

    assert await promote() == BatchOutcome(done=tuple(moving), changed=1, left_out=len(left))
    await settled(redis, moving)
    await settled(redis, left, "delayed")
    again = BatchOutcome(already=len(moving), changed=1, left_out=len(left))
    assert await promote() == again, "run again after a crash, it promotes nothing twice"
    assert await worker.started() == len(moving)
    await worker.stop()


@each_minor
async def test_unstick(node, reader, operator, redis, minor):
    queue, major = node.queue(minor, "orders"), major_of(minor)
    worker = await queue.worker(concurrency=4, lockDuration=600_000)
    jobs = await queue.add(
        *[{"data": {"ms": 600_000}, "opts": options} for options in ({}, {"priority": 2}, {}, {})]
    )
    await settled(redis, jobs, "active")
    await worker.stop(force=True)
    *stuck, alive = jobs
    redis.delete(*[ORDERS.key(f"{job}:lock") for job in stuck])
    redis.hset(ORDERS.key("meta"), "version", f"bullmq:{major}.0.0")
    listed = await reader.active(ORDERS)
    assert {job.id: job.locked for job in listed.jobs} == {job: job == alive for job in jobs}

    async def unstick():
        return await operator.unstick(ORDERS, configured=major, operation="op")

    redis.set(ORDERS.key("stalled-check"), "1", px=600_000)  # of the worker that died
    redis.delete(ORDERS.key("stalled"))  # it may have marked them
    assert 0 < await operator.stalled_check(ORDERS) <= 600_000
    assert await unstick() == BatchOutcome()
    assert redis.exists(ORDERS.key("stalled")) == 0
    redis.delete(ORDERS.key("stalled-check"))
    assert await unstick() == BatchOutcome(), "the first pass only marks"
    assert 0 < await operator.stalled_check(ORDERS) <= CHECK
    redis.delete(ORDERS.key("stalled-check"))
    outcome = await unstick()

    assert (sorted(outcome.done), outcome.left_out) == (sorted(stuck), 0)
    assert misplaced(redis, ORDERS, jobs) == {}
    await settled(redis, [alive], "active")
    for job in stuck:
        redis.hset(ORDERS.key(job), "data", "{}")
    worker = await queue.worker(drainDelay=1)
    await settled(redis, stuck)
    assert await worker.started() == 3
    await worker.stop()
