"""Repairs planned and carried out on real queues, with real workers of BullMQ 3 to 6."""

import pytest

from bot.adapters import bullmq_stalled
from bot.domain.jobs import FailedRef, FailureFilter, Placed
from bot.domain.operations import Tally
from bot.errors import JobGoneError, RefusedError
from bot.services.operations import unstick as unstick_executor
from tests.support.bullmq_whole import places, whole
from tests.support.node_bullmq import VERSIONS
from tests.support.toolbox import BOB
from tests.support.valkey_bullmq import ORDERS, write_failed, write_meta

each_version = pytest.mark.parametrize("version", VERSIONS)
FAILS = {"data": {"fail": "WHMCS_ERROR: 502", "log": "asked"}}


@pytest.mark.parametrize("version", [3, 6])
async def test_unstick_without_any_worker(
    node, repairs, carry_out, reader, version, redis, monkeypatch
):
    """The worker is gone in the midst of two jobs; its `stalled-check` is there for a while."""
    monkeypatch.setattr(bullmq_stalled, "CHECK", 200)
    monkeypatch.setattr(unstick_executor, "BETWEEN", 0.2)
    queue = node.queue(version, "orders")
    worker = await queue.worker(concurrency=3)
    jobs = await queue.add(*[{"data": {"ms": 600_000}}] * 3)
    await queue.wait(active=3)
    await worker.stop(force=True)
    dead, alive = jobs[:2], jobs[2]
    redis.delete(*(ORDERS.key(f"{job}:lock") for job in dead))
    redis.set(ORDERS.key("stalled-check"), "1", px=1200)
    redis.set(ORDERS.key(f"{alive}:lock"), "held", px=60_000)

    plan = (await repairs.unstick.propose(BOB, ORDERS)).plan
    assert {job_id for job_id, _ in plan.ids} == set(dead)
    assert any(f"left alone: {alive}" in line for line in plan.warnings)
    assert any("BullMQ looks for such jobs again in" in line for line in plan.warnings)
    tally, notices = await carry_out(plan)

    assert tally == Tally(done=2)
    assert notices[0].startswith("BullMQ looks for jobs without a worker")
    states = [await queue.state(job) for job in (*dead, alive)]
    assert states == ["waiting", "waiting", "active"]
    with pytest.raises(JobGoneError, match=r"locked by a worker.* lock.* more: if"):
        await repairs.unstick.propose(BOB, ORDERS)
    redis.hset(ORDERS.key(dead[0]), "data", "{}")
    redis.hset(ORDERS.key(dead[1]), "data", "{}")
    worker = await queue.worker()
    await queue.wait(completed=2)
    await worker.stop()


@each_version
async def test_what_was_cleaned_and_undone_is_retried_by_its_worker(
    node, repairs, carry_out, operator, reader, raw, version
):
    queue = node.queue(version, "orders")
    worker = await queue.worker(concurrency=5)
    await queue.add(*[FAILS] * 5)
    await queue.wait(failed=5)
    before = whole(raw, ORDERS)

    plan = (await repairs.clean.propose(BOB, ORDERS, "failed", older_than=0)).plan
    tally, _ = await carry_out(plan)
    assert tally == Tally(done=5)
    assert places(raw, ORDERS) == {}
    info = await repairs.undo.info(plan.id)
    assert (info.jobs, info.state, info.by) == (5, "failed", "U0BOB")

    undo = (await repairs.undo.propose(BOB, plan.id)).plan
    tally, _ = await carry_out(undo)
    assert tally == Tally(done=5)
    after = whole(raw, ORDERS)
    jobs = {key: value for key, value in before.items() if key.split(":")[0].isdigit()}
    assert {key: after.get(key) for key in jobs} == jobs, "byte for byte"
    with pytest.raises(JobGoneError, match="all is back"):
        await repairs.undo.info(plan.id)

    await worker.heal()
    wanted = FailureFilter(code="WHMCS_ERROR")
    refs = [ref async for batch in reader.select_failed(ORDERS, wanted) for ref in batch]
    assert len((await operator.retry(ORDERS, refs, fresh=False, configured=None)).done) == 5
    await queue.wait(completed=5)
    await worker.stop()


@pytest.mark.parametrize("version", [4, 6])
async def test_a_sweep_leaves_jobs_alone_while_they_are_added_and_run(
    node, repairs, carry_out, raw, version
):
    queue = node.queue(version, "orders")
    worker = await queue.worker(concurrency=10)
    await queue.add(*[FAILS] * 60)
    await queue.wait(failed=60)
    gone = [id_.decode() for id_ in raw.zrange(ORDERS.key("failed"), 0, 39)]
    raw.zrem(ORDERS.key("failed"), *gone)
    before = {key: held for key, held in whole(raw, ORDERS).items() if key.split(":")[0] in gone}
    producer = await queue.produce(*[{"data": {}}] * 400)

    plan = (await repairs.sweep.propose(BOB, ORDERS)).plan
    tally, _ = await carry_out(plan)

    assert {job_id for job_id, _ in plan.ids} == set(gone)
    assert tally == Tally(done=40)
    assert len(await producer.done()) == 400
    await queue.wait(completed=400, failed=20)
    with pytest.raises(JobGoneError, match="no orphans"):
        await repairs.sweep.propose(BOB, ORDERS)
    assert not before.keys() & whole(raw, ORDERS).keys()

    undo = (await repairs.undo.propose(BOB, plan.id)).plan
    assert (await carry_out(undo))[0] == Tally(done=40)
    after = whole(raw, ORDERS)
    assert {key: after.get(key) for key in before} == before, "byte for byte"
    assert not places(raw, ORDERS).keys() & set(gone), "in no list and no set"
    await worker.stop()


@each_version
async def test_one_job_of_any_state_is_removed_and_comes_back_to_its_place(
    node, repairs, carry_out, raw, version
):
    queue = node.queue(version, "orders")
    ids = await queue.add(
        *[{"data": {"n": n}} for n in range(3)],
        {"opts": {"delay": 600_000}},
        {"opts": {"priority": 3}},
    )
    before, lists = places(raw, ORDERS), raw.lrange(ORDERS.key("wait"), 0, -1)
    for job in ids:
        plan = (await repairs.clean.propose_one(BOB, ORDERS, job)).plan
        assert (await carry_out(plan))[0] == Tally(done=1)
        assert await queue.state(job) in (None, "unknown")
        assert job not in places(raw, ORDERS)
        undo = (await repairs.undo.propose(BOB, plan.id)).plan
        assert (await carry_out(undo))[0] == Tally(done=1)
        assert places(raw, ORDERS) == before
    assert raw.lrange(ORDERS.key("wait"), 0, -1) == lists


@each_version
async def test_a_flow_child_whose_parent_waits_and_its_parent_are_not_removed(
    node, repairs, reader, version
):
    queue = node.queue(version, "orders")
    worker = await queue.worker()
    parent = await queue.flow({"children": [FAILS, {"data": {"ms": 600_000}}]})
    await queue.wait(failed=1, active=1)
    [child] = await reader.failed_jobs(ORDERS, FailureFilter(), limit=5)
    with pytest.raises(RefusedError, match="its parent still waits for it"):
        await repairs.clean.propose_one(BOB, ORDERS, child.id)
    with pytest.raises(RefusedError, match="waits for 2 of its children"):
        await repairs.clean.propose_one(BOB, ORDERS, parent)
    [running] = (await reader.active(ORDERS)).jobs
    with pytest.raises(RefusedError, match="held by a live worker"):
        await repairs.clean.propose_one(BOB, ORDERS, running.id)
    await worker.stop(force=True)


async def test_where_a_job_is(supplies, redis):
    write_meta(redis, ORDERS)
    write_failed(redis, ORDERS, [("f", 1_700_000_000_000, "x", "n")])
    redis.lpush(ORDERS.key("active"), "a")
    redis.set(ORDERS.key("a:lock"), "token")
    place = supplies.remover.place
    assert await place(ORDERS, "f") == Placed(ref=FailedRef("f", 1_700_000_000_000), state="failed")
    assert await place(ORDERS, "a") == Placed(ref=FailedRef("a", 0), state="active", locked=True)
    assert await place(ORDERS, "nope") is None


async def test_the_edges_of_what_would_be_cleaned(supplies, redis):
    write_meta(redis, ORDERS)
    write_failed(redis, ORDERS, [("a", 1000, "x", "n"), ("b", 2000, "x", "n"), ("c", 3000, "", "")])
    edges = supplies.remover.edges
    assert await edges(ORDERS, "failed", until=2500) == (1000, 2000)
    assert await edges(ORDERS, "failed", until=None) == (1000, 3000)
    assert await edges(ORDERS, "failed", until=500) is None


async def test_a_short_look_for_orphans_is_short(supplies, redis):
    write_meta(redis, ORDERS)
    write_failed(redis, ORDERS, [(f"f{n}", 1000, "x", "n") for n in range(3000)])
    redis.delete(ORDERS.key("failed"))
    found = [len(ids) async for ids in supplies.remover.orphans(ORDERS, steps=2)]
    assert 0 < sum(found) < 3000
