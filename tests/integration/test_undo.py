"""Undo on a real queue: each job comes back once, whoever asks, and whatever was left half done."""

import asyncio
import json

from bot.domain.jobs import BatchOutcome, FailureFilter
from bot.domain.operations import Tally
from bot.domain.pacing import Pace
from bot.domain.policy import Catalog, QueuePolicy
from bot.services import overtaken, plan_freezing
from bot.services.operations.base import Throttle
from bot.services.operations.retry import RetryExecutor
from bot.services.retry_plans import RetryPlanner
from tests.support.toolbox import BOB
from tests.support.valkey_bullmq import ORDERS, now_ms, write_failed, write_meta


async def test_a_job_comes_back_from_an_archive_once_whatever_became_of_it(
    supplies, repairs, carry_out, redis
):
    """Another undo, which had read its batch before, writes when the job has come and gone."""
    write_meta(redis, ORDERS)
    write_failed(redis, ORDERS, [(f"f{n}", now_ms() - 1000, "x", "n") for n in range(3)])
    plan = (await repairs.clean.propose(BOB, ORDERS, "failed", older_than=0)).plan
    await carry_out(plan)
    [number] = await supplies.archive.batches(plan.id)
    stale = await supplies.archive.batch(plan.id, number)
    undo = (await repairs.undo.propose(BOB, plan.id)).plan
    assert (await carry_out(undo))[0] == Tally(done=3)
    redis.delete(*(ORDERS.key(f"f{n}") for n in range(3)), ORDERS.key("failed"))

    late = await supplies.remover.restore(
        ORDERS, stale, configured=None, operation="another", archive=plan.id
    )

    assert late == BatchOutcome(changed=3)
    assert redis.exists(ORDERS.key("f0"), ORDERS.key("failed")) == 0
    assert redis.pttl(ORDERS.key(f"bullhorn:back-{plan.id}")) > 7 * 86_400_000


async def test_two_undos_at_once(repairs, carry_out, redis):
    write_meta(redis, ORDERS)
    write_failed(redis, ORDERS, [(f"f{n}", now_ms() - 1000, "x", "n") for n in range(300)])
    plan = (await repairs.clean.propose(BOB, ORDERS, "failed", older_than=0)).plan
    await carry_out(plan)
    plans = [(await repairs.undo.propose(BOB, plan.id)).plan for _ in range(2)]
    (one, _), (two, _) = await asyncio.gather(*map(carry_out, plans))
    assert one.done + two.done == 300
    assert redis.zcard(ORDERS.key("failed")) == 300


async def test_of_a_batch_that_nobody_has_finished_undo_brings_back_what_was_removed(
    supplies, repairs, carry_out, redis
):
    """A process died in the midst of it when another had ended the clean; a job went on since."""
    write_meta(redis, ORDERS)
    write_failed(redis, ORDERS, [(f"f{n}", now_ms() - 1000 + n, "x", "n") for n in range(4)])
    removed, left, gone, stays = await refs(supplies.remover)
    await supplies.archive.begin("op", queue=ORDERS, state="failed", kind="clean", by="U1")
    some = supplies.remover.capture(ORDERS, "failed", [removed, left, gone])
    jobs = [job async for group in some for job in group.jobs]
    kept = await supplies.archive.put("op", jobs)
    await supplies.remover.remove(
        ORDERS, "failed", [removed], configured=None, operation="op", batch=f"op.{kept.origin}"
    )
    redis.delete(ORDERS.key("bullhorn:op"), ORDERS.key(gone.id))
    redis.zrem(ORDERS.key("failed"), gone.id)
    await carry_out((await repairs.undo.propose(BOB, "op")).plan)
    assert await refs(supplies.remover) == [removed, left, stays]
    assert redis.exists(ORDERS.key(gone.id)) == 0
    assert (await supplies.archive.info("op")).jobs == 0


async def test_what_an_undo_brings_back_amid_a_retry_and_was_done_long_ago_stays_failed(
    supplies, repairs, carry_out, redis, reader, monkeypatch
):
    """More failed jobs than are named one by one: those come back below the filter's edge."""
    monkeypatch.setattr(plan_freezing, "FROZEN_BY_ID", 10)
    monkeypatch.setattr(overtaken, "_MANY", 50)
    write_meta(redis, ORDERS)
    jobs, at = [f"j{n:04}" for n in range(1200)], now_ms() - 3_600_000
    rows = [(job, at + n, "X_ERROR: x", "n") for n, job in enumerate(jobs)]
    write_failed(redis, ORDERS, rows)
    for job in jobs:
        redis.hset(ORDERS.key(job), "data", json.dumps({"orderId": job}))
    archives = [(await repairs.clean.propose_one(BOB, ORDERS, job)).plan for job in jobs[1100:1103]]
    for plan in archives:
        await carry_out(plan)
        done = {"name": "n", "data": json.dumps({"orderId": plan.ids[0][0]}), "opts": "{}"}
        redis.hset(ORDERS.key(f"c{plan.id}"), mapping={**done, "timestamp": at + 900})
        redis.zadd(ORDERS.key("completed"), {f"c{plan.id}": at + 1000})
    catalog = Catalog(default=QueuePolicy(business_id="orderId"))
    planner = RetryPlanner(reader=reader, plans=supplies.plans, catalog=catalog)
    retry = (await planner.propose(BOB, ORDERS, FailureFilter())).plan
    executor = RetryExecutor(
        reader=reader, operator=supplies.operator, done=supplies.done, catalog=catalog
    )
    steps = executor.steps(retry, Throttle(Pace(size=50)))
    await anext(steps), await anext(steps)
    for plan in archives:
        await carry_out((await repairs.undo.propose(BOB, plan.archive)).plan)

    left_out = [step.outcome.left_out async for step in steps]

    assert retry.count == 1197
    assert redis.zrange(ORDERS.key("failed"), 0, -1) == jobs[1100:1103]
    assert redis.llen(ORDERS.key("wait")) == 1197
    assert sum(left_out) == 3


async def refs(remover):
    return [ref async for page in remover.select(ORDERS, "failed", until=None) for ref in page]
