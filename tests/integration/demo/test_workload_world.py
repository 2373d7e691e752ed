"""The demo's world on a real Valkey: jobs move, break and mend, and no process is left behind."""

import asyncio
import json
import os
import signal
import sys
import time
from functools import wraps
from pathlib import Path

import pytest
from bullmq import Job, Queue
from redis.asyncio import Redis

from bot.demo.workload.losses import LOST_ORDERS
from bot.demo.workload.orders import ORDER_QUEUE
from bot.demo.workload.outage import FAILED_ORDERS
from bot.demo.workload.sims import SIM_QUEUE
from bot.demo.workload.valkey import EmbeddedValkey
from bot.demo.workload.world import World

pytestmark = pytest.mark.asyncio(loop_scope="module")
SEEDED = {
    ORDER_QUEUE: ["MAPPING_ERROR", "ORDER_NOT_FOUND", "PAYMENT_METHOD_MISSING", "WHMCS_ERROR"],
    SIM_QUEUE: ["ACCOUNT_NOT_FOUND", "FREEBIT_AUTH_FAILED", "OPERATION_CONFLICT"],
}
HOST = """
import asyncio
from redis.asyncio import Redis
from bot.demo.workload.valkey import EmbeddedValkey
from bot.demo.workload.world import World

async def main():
    valkey = EmbeddedValkey()
    world = World(redis_url=await valkey.start())
    await world.start()
    async with Redis.from_url(valkey.url) as redis:
        info = await redis.info("server")
        folder = (await redis.config_get("dir"))["dir"]
    pids = info["process_id"], valkey._keeper.pid, world._processor.pid
    print(*pids, folder, flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


async def until(check, *, within=60.0):
    """Poll an async check until it gives something true."""
    deadline = time.monotonic() + within
    while not (found := await check()):
        assert time.monotonic() < deadline, f"{check.__name__} did not come true"
        await asyncio.sleep(0.05)
    return found


def alive(pid):
    """Tell whether a process runs; one that waits to be reaped by init does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return sys.platform != "linux"
    return state != "Z"


def exists(folder):
    return Path(folder).exists()


async def failed_codes(redis, queue):
    codes = []
    for job_id in await redis.zrange(f"bull:{queue}:failed", 0, -1):
        reason = await redis.hget(f"bull:{queue}:{job_id}", "failedReason")
        codes.append((reason or "").partition(":")[0])
    return sorted(codes)


def with_world(story):
    """Tell the story in a world that runs: the world, a client, and BullMQ's view of the orders."""

    @wraps(story)
    async def told(valkey, redis):
        queue = Queue(ORDER_QUEUE, {"connection": valkey.url})
        try:
            async with World(redis_url=valkey.url) as world:
                await story(world, redis, queue)
        finally:
            await queue.close()

    return told


async def failed_jobs(queue):
    ids = await queue.client.zrange(f"bull:{queue.name}:failed", 0, -1)
    return [job for job_id in ids if (job := await Job.fromId(queue, job_id)) is not None]


@with_world
async def whmcs_breaks_and_mends(world, redis, orders):
    async def seeds_have_failed():
        return {queue: await failed_codes(redis, queue) for queue in SEEDED} == SEEDED

    await until(seeds_have_failed)
    seeded = {job.id for job in await failed_jobs(orders)}
    broken = await world.switch("whmcs_down", True)
    assert {system["id"]: system["up"] for system in broken["systems"]}["whmcs"] is False

    async def sound_orders_fail():
        jobs = [job for job in await failed_jobs(orders) if job.id not in seeded]
        return jobs if len(jobs) >= 3 else None

    jobs = await until(sound_orders_fail)
    assert {job.failedReason.partition(":")[0] for job in jobs} == {"WHMCS_ERROR"}
    assert {job.attemptsMade for job in jobs} == {3}
    assert all("_reach_whmcs" in job.stacktrace[-1] for job in jobs)

    await world.switch("whmcs_down", False)
    for job in jobs:
        await job.retry()

    async def retries_are_completed():
        return {await job.getState() for job in jobs} == {"completed"}

    await until(retries_are_completed)
    assert {job.id for job in await failed_jobs(orders)} >= seeded


@with_world
async def a_stopped_processor_leaves_a_burst_waiting_and_a_started_one_takes_it(world, _, __):
    def orders(snapshot):
        return next(queue for queue in snapshot["queues"] if queue["name"] == ORDER_QUEUE)

    stopped = await world.switch("processor_stopped", True)
    assert {system["id"]: system["up"] for system in stopped["systems"]}["processor"] is False
    assert {switch["id"]: switch["on"] for switch in stopped["switches"]}["processor_stopped"]
    burst = await world.switch("burst", True)
    assert orders(burst)["waiting"] >= 100
    assert orders(burst)["active"] == 0

    await world.switch("processor_stopped", False)

    async def jobs_are_done():
        snapshot = orders(await world.snapshot())
        return snapshot["completed"] >= 5 and snapshot["processed_per_min"] >= 5

    await until(jobs_are_done)


@with_world
async def the_fill_is_as_the_worker_would_have_left_it_stays_and_can_be_retried(
    world, redis, orders
):
    async def a_seed_has_failed():
        return await redis.zrange(f"bull:{ORDER_QUEUE}:failed", 0, 0)

    (real_id,) = await until(a_seed_has_failed)
    filled = await world.switch("fill", True)
    counts = next(queue for queue in filled["queues"] if queue["name"] == ORDER_QUEUE)
    assert counts["failed"] > FAILED_ORDERS
    assert counts["waiting"] < 100
    oldest = await redis.zrange(f"bull:{ORDER_QUEUE}:failed", 0, 0)
    assert await shape(redis, oldest[0]) == await shape(redis, real_id)
    last_id = int(await redis.get(f"bull:{ORDER_QUEUE}:id"))
    assert FAILED_ORDERS < last_id < FAILED_ORDERS + 100

    ids = await redis.zrange(f"bull:{ORDER_QUEUE}:failed", 0, 99)
    jobs = [await Job.fromId(orders, job_id) for job_id in ids]
    assert {job.attemptsMade for job in jobs} == {3}
    for job in jobs:
        await job.retry()

    async def they_have_ended():
        return not {await job.getState() for job in jobs} & {"waiting", "active"}

    await until(they_have_ended)
    again = [job for job in jobs if await job.getState() == "failed"]
    assert 0 < len(again) < len(jobs) / 2
    assert await redis.zcard(f"bull:{ORDER_QUEUE}:failed") > FAILED_ORDERS - len(jobs)


@with_world
async def a_clean_by_hand_leaves_the_data_of_the_jobs(world, redis, orders):
    del orders

    async def a_seed_has_failed():
        return await redis.zrange(f"bull:{ORDER_QUEUE}:failed", 0, 0)

    (job_id,) = await until(a_seed_has_failed)
    await world.switch("bare_clean", True)
    assert await redis.zscore(f"bull:{ORDER_QUEUE}:failed", job_id) is None
    assert await redis.hget(f"bull:{ORDER_QUEUE}:{job_id}", "failedReason")


@with_world
async def the_data_of_failed_orders_is_lost_newest_first_and_once_each(world, redis, orders):
    del orders
    await world.switch("fill", True)

    async def ghosts():
        ids = await redis.zrevrange(f"bull:{ORDER_QUEUE}:failed", 0, 199)
        there = [await redis.exists(f"bull:{ORDER_QUEUE}:{job_id}") for job_id in ids]
        return there.count(0)

    for presses in (1, 2):
        await world.switch("lose_data", None)
        assert await ghosts() == presses * LOST_ORDERS
    assert await redis.zcard(f"bull:{ORDER_QUEUE}:failed") > FAILED_ORDERS - LOST_ORDERS


async def shape(redis, job_id):
    """The fields of a job, and of its options, as far as they are not of an import alone."""
    fields = await redis.hgetall(f"bull:{ORDER_QUEUE}:{job_id}")
    options = {**json.loads(fields["opts"]), "stackTraceLimit": 1}
    numbers = {name for name, value in fields.items() if value.isdigit()}
    return set(fields), numbers, options, fields["name"], fields["atm"], fields["ats"]


async def a_hanging_order_keeps_its_lock_and_does_not_hold_up_the_stop(valkey, redis):
    async with World(redis_url=valkey.url) as world:
        await world.switch("hang", True)

        async def lock_was_extended():
            for job_id in await redis.lrange(f"bull:{ORDER_QUEUE}:active", 0, -1):
                started = int(await redis.hget(f"bull:{ORDER_QUEUE}:{job_id}", "processedOn") or 0)
                seconds, micros = await redis.time()
                left = await redis.pttl(f"bull:{ORDER_QUEUE}:{job_id}:lock")
                # It was taken for 10 s.
                if started and seconds * 1000 + micros / 1000 + left > started + 12_000:
                    return True
            return False

        await until(lock_was_extended, within=60)
        began = time.monotonic()
    assert time.monotonic() - began < 60, "the order hangs for three minutes"


async def stopping_leaves_no_process_and_no_directory(_, __):
    valkey = EmbeddedValkey()
    world = World(redis_url=await valkey.start())
    await world.start()
    async with Redis.from_url(valkey.url, decode_responses=True) as client:
        server = (await client.info("server"))["process_id"]
        folder = (await client.config_get("dir"))["dir"]
    pids = [server, valkey._keeper.pid, world._processor.pid]
    assert all(alive(pid) for pid in pids)

    await world.stop()
    await valkey.stop()

    assert not any(alive(pid) for pid in pids)
    assert not exists(folder)


async def a_killed_demo_leaves_no_process_and_no_directory(_, __):
    host = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        HOST,
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    )
    async with asyncio.timeout(20):
        *pids, folder = (await host.stdout.readline()).decode().split()
    pids = [int(pid) for pid in pids]
    assert all(alive(pid) for pid in pids)

    host.send_signal(signal.SIGKILL)
    await host.wait()

    async def everything_has_gone():
        return not any(alive(pid) for pid in pids) and not exists(folder)

    await until(everything_has_gone)


STORIES = (
    whmcs_breaks_and_mends,
    a_stopped_processor_leaves_a_burst_waiting_and_a_started_one_takes_it,
    the_fill_is_as_the_worker_would_have_left_it_stays_and_can_be_retried,
    a_clean_by_hand_leaves_the_data_of_the_jobs,
    the_data_of_failed_orders_is_lost_newest_first_and_once_each,
    a_hanging_order_keeps_its_lock_and_does_not_hold_up_the_stop,
    stopping_leaves_no_process_and_no_directory,
    a_killed_demo_leaves_no_process_and_no_directory,
)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
async def test_story(story, told):
    await told[story]
