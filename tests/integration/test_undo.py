"""Undo on a real queue: each job comes back once, whoever asks, and whatever was left half done."""

import asyncio

from bot.domain.jobs import BatchOutcome
from bot.domain.operations import Tally
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


async def refs(remover):
    return [ref async for page in remover.select(ORDERS, "failed", until=None) for ref in page]
