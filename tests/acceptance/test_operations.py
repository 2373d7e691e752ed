"""Long operations on running bots: killed, stopped, drifted, pressed twice, on two replicas."""

import asyncio
import re
from collections import Counter
from functools import wraps

import pytest

from bot.domain.queues import QueueId
from tests.support.stage import plain
from tests.support.valkey_bullmq import now_ms, write_failed, write_meta

pytestmark = pytest.mark.asyncio(loop_scope="module")
ORDERS = QueueId("main", "bull", "order-provisioning")
REASON = "TIMEOUT: WHMCS did not answer"


def on_redis(story):
    """Hand the story a client of its Redis, with a queue of BullMQ 6 in it."""

    @wraps(story)
    async def told(stage, valkey):
        with valkey.client() as redis:
            write_meta(redis, ORDERS, "bullmq:6.7.0")
            await story(stage, redis)

    return told


def fail(redis, count, *, first=0):
    """Jobs that failed an hour ago."""
    at = now_ms() - 3_600_000
    rows = ((f"{n:05}", at + n, REASON, "provision") for n in range(first, first + count))
    write_failed(redis, ORDERS, rows)


def of_operation(message):
    return message.metadata.get("event_type") == "bullhorn_operation"


def telling(*words):
    """An operation's message that says all of this."""
    return lambda m: of_operation(m) and all(word in plain(m) for word in words)


def answer(*words):
    return lambda m: m.ephemeral and all(word in plain(m) for word in words)


async def card(stage, text, *words):
    await stage.driver.command(text)
    return await stage.driver.wait_for(answer(*words))


def moved(redis):
    """How often each job was moved back to waiting, by BullMQ's own events."""
    entries = redis.xrange(ORDERS.key("events"))
    return Counter(fields["jobId"] for _, fields in entries if fields.get("prev") == "failed")


async def operations(stage):
    return [message for message in await stage.driver.messages() if of_operation(message)]


@on_redis
async def a_killed_replica_is_replaced_and_no_job_is_moved_twice(stage, redis):
    fail(redis, 400)
    first = await stage.start_bot()
    drawn = await card(
        stage, "/queue retry order-provisioning --error TIMEOUT --rate 100/s", "Retry 400 jobs"
    )
    await stage.driver.click("Retry 400 now", message=drawn)
    await stage.until(lambda: _at_least(redis, 100), lambda: "it does not begin")
    second = await stage.start_bot()
    first.kill()
    await stage.driver.wait_for(
        telling("Moved 400 of 400 TIMEOUT back to waiting in order-provisioning")
    )
    assert second.process.returncode is None
    assert set(moved(redis).values()) == {1}
    assert len(moved(redis)) == redis.llen(ORDERS.key("wait")) == 400
    assert redis.zcard(ORDERS.key("failed")) == 0
    assert len(await operations(stage)) == 1, "one message, whichever replica edits it"


async def _at_least(redis, count):
    return len(moved(redis)) >= count


@on_redis
async def stop_ends_it_within_a_batch_and_says_what_was_left(stage, redis):
    fail(redis, 600)
    await stage.start_bot()
    drawn = await card(stage, "/queue retry order-provisioning --all --rate 50/s", "Retry 600 jobs")
    await stage.driver.click("Retry 600 now", message=drawn)
    running = await stage.driver.wait_for(telling("Retrying 600", "of 600"))
    await stage.driver.click("Stop", message=running)
    ended = await stage.driver.wait_for(telling("stopped by <@U0BOB>"))
    count = len(moved(redis))
    assert 0 < count < 600
    assert (
        f"Moved {count} of 600 back to waiting in order-provisioning. {600 - count} not touched."
        in plain(ended)
    )
    assert redis.zcard(ORDERS.key("failed")) == 600 - count


@on_redis
async def a_card_that_the_facts_have_left_behind_is_drawn_again(stage, redis):
    fail(redis, 20)
    await stage.start_bot()
    drawn = await card(stage, "/queue retry order-provisioning --all", "Retry 20 jobs")
    fail(redis, 5, first=20)
    await stage.driver.click("Retry 20 now", message=drawn)
    again = await stage.driver.wait_for(answer("Retry 25 jobs"))
    assert again.ts == drawn.ts
    assert "20" in plain(again), "it says what it was"
    assert not moved(redis)
    await stage.driver.click("Retry 25 now", message=again)
    await stage.driver.wait_for(telling("Moved 25 of 25 back to waiting in order-provisioning"))


@on_redis
async def a_double_press_on_two_replicas_acts_once(stage, redis):
    fail(redis, 40)
    await asyncio.gather(stage.start_bot(), stage.start_bot())
    drawn = await card(stage, "/queue retry order-provisioning --all", "Retry 40 jobs")
    await asyncio.gather(*(stage.driver.click("Retry 40 now", message=drawn) for _ in range(4)))
    await stage.driver.wait_for(telling("Moved 40 of 40 back to waiting in order-provisioning"))
    assert set(moved(redis).values()) == {1}
    assert len(await operations(stage)) == 1
    await stage.driver.command("/queue history")
    history = plain(await stage.driver.wait_for(answer("newest first")))
    assert len(re.findall(r"retry 40 .*40 of 40", history)) == 1


@on_redis
async def a_canary_shows_what_the_rest_would_do(stage, redis):
    fail(redis, 60)
    portal = stage.portal()
    portal.work()
    await stage.start_bot()
    drawn = await card(stage, "/queue retry order-provisioning --all", "Retry 60 jobs")
    await stage.driver.click("Try 5 first", message=drawn)
    tried = await stage.driver.wait_for(telling("5 completed", "All went well. 55 are left"))
    assert redis.zcard(ORDERS.key("failed")) == 55
    await stage.driver.click("Retry the other 55", message=tried)
    await stage.driver.wait_for(
        telling("Moved 60 of 60 back to waiting in order-provisioning", "60 completed")
    )
    assert redis.zcard(ORDERS.key("completed")) == 60


@on_redis
async def the_receipt_tells_how_they_ended_and_leads_to_those_that_failed(stage, redis):
    fail(redis, 6)
    portal = stage.portal()
    for number in range(2):
        redis.hset(ORDERS.key(f"{number:05}"), "data", '{"fail": "MAPPING_ERROR: no mapping"}')
    portal.work()
    await stage.start_bot()
    drawn = await card(stage, "/queue retry order-provisioning --all", "Retry 6 jobs")
    await stage.driver.click("Retry 6 now", message=drawn)
    failed = "2 failed again (another error: MAPPING_ERROR)"
    await stage.driver.wait_for(telling("4 completed", failed))
    receipt = await stage.driver.wait_for(
        lambda m: m.metadata.get("event_type") == "bullhorn_receipt"
    )
    await stage.driver.click("Show the 2", message=receipt)
    listed = await stage.driver.wait_for(answer("MAPPING_ERROR", "00000", "00001"))
    assert "00002" not in plain(listed)


def completes(redis, count):
    """A worker completes jobs that wait, and removes them (`removeOnComplete`)."""
    for _ in range(count):
        job_id = redis.rpop(ORDERS.key("wait"))
        redis.delete(ORDERS.key(job_id))
        ended = {"event": "completed", "jobId": job_id, "prev": "active"}
        redis.xadd(ORDERS.key("events"), ended)


@on_redis
async def a_replica_killed_while_it_watches_is_replaced_and_the_count_goes_on(stage, redis):
    fail(redis, 20)
    first = await stage.start_bot()
    drawn = await card(stage, "/queue retry order-provisioning --all", "Retry 20 jobs")
    await stage.driver.click("Retry 20 now", message=drawn)
    await stage.until(lambda: _at_least(redis, 20), lambda: "they are not moved")
    completes(redis, 15)
    await stage.driver.wait_for(telling("15 completed", "5 not seen to end yet"))
    await stage.start_bot()
    first.kill()
    redis.xtrim(ORDERS.key("events"), maxlen=0, approximate=False)
    completes(redis, 5)
    await stage.driver.wait_for(telling("Moved 20 of 20", "20 completed"))
    assert len(await operations(stage)) == 1


@on_redis
async def a_frozen_replica_wakes_and_leaves_what_the_other_told(stage, redis):
    fail(redis, 300)
    first = await stage.start_bot()
    drawn = await card(
        stage, "/queue retry order-provisioning --error TIMEOUT --rate 50/s", "Retry 300 jobs"
    )
    await stage.driver.click("Retry 300 now", message=drawn)
    await stage.until(lambda: _at_least(redis, 50), lambda: "it does not begin")
    second = await stage.start_bot()
    first.freeze()
    told = telling("Moved 300 of 300 TIMEOUT back to waiting in order-provisioning")
    ended = await stage.driver.wait_for(told, timeout=60)
    first.thaw()
    await stage.until(lambda: _is_well(first), lambda: "it does not wake")
    # its screen would have edited by now: three seconds are between two edits
    await stage.driver.command("/queue status")
    await stage.driver.wait_for(answer("order-provisioning"))
    await asyncio.sleep(4)
    [now] = await operations(stage)
    assert now.ts == ended.ts
    assert told(now)
    assert "Stop" not in now.labels
    assert set(moved(redis).values()) == {1}
    assert len(moved(redis)) == 300
    assert second.process.returncode is None


@on_redis
async def a_retrys_backlog_calls_nobody_until_others_add_to_it(stage, redis):
    sims = QueueId("main", "bull", "sim-management")
    write_meta(redis, sims, "bullmq:6.7.0")
    stage.config["queues"]["sim-management"] = {"mention": "S0ONCALL", "bullmq": 6}
    fail(redis, 200)
    await stage.start_bot()
    drawn = await card(stage, "/queue retry order-provisioning --all", "Retry 200 jobs")
    await stage.driver.click("Retry 200 now", message=drawn)
    redis.lpush(sims.key("wait"), *range(200))
    calling = await stage.driver.wait_for(alert("sim-management", "Critical", "backlog 200"))
    assert "S0ONCALL" in str(calling.raw)
    quiet = await stage.driver.wait_for(
        alert("order-provisioning", "Critical", "backlog 200",
              "200 of them were put back by <@U0BOB>'s retry", "nobody is called for that")
    )  # fmt: skip
    assert "S0ONCALL" not in str(quiet.raw)
    redis.lpush(ORDERS.key("wait"), *range(1000, 1060))

    async def calls():
        return any("S0ONCALL" in text and "260" in text for text in await stage.thread())

    await stage.until(calls, lambda: "nobody is called for the jobs that others added")


def alert(*words):
    return lambda m: (
        m.metadata.get("event_type") == "bullhorn_incident"
        and all(word in plain(m) for word in words)
    )


async def _is_well(replica):
    return (await replica.get("/healthz"))[0] == 200


STORIES = (
    a_frozen_replica_wakes_and_leaves_what_the_other_told,
    a_killed_replica_is_replaced_and_no_job_is_moved_twice,
    stop_ends_it_within_a_batch_and_says_what_was_left,
    a_card_that_the_facts_have_left_behind_is_drawn_again,
    a_double_press_on_two_replicas_acts_once,
    a_canary_shows_what_the_rest_would_do,
    a_retrys_backlog_calls_nobody_until_others_add_to_it,
    the_receipt_tells_how_they_ended_and_leads_to_those_that_failed,
    a_replica_killed_while_it_watches_is_replaced_and_the_count_goes_on,
)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
async def test_story(story, told):
    await told[story]
