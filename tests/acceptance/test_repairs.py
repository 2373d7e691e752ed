"""Clean, undo and remove on running bots, from the typed line to the last button."""

from functools import wraps
from typing import Any

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


def fail(redis, count):
    at = now_ms() - 3_600_000
    rows = ((f"{n:05}", at + n, REASON, "provision") for n in range(count))
    write_failed(redis, ORDERS, rows)


def telling(*words):
    """An operation's message that says all of this."""

    def says(message: Any) -> bool:
        ours = message.metadata.get("event_type") == "bullhorn_operation"
        return ours and all(word in plain(message) for word in words)

    return says


async def card(stage, text, *words):
    await stage.driver.command(text)
    return await answered(stage, *words)


async def answered(stage, *words):
    return await stage.driver.wait_for(
        lambda message: message.ephemeral and all(word in plain(message) for word in words)
    )


def jobs(redis):
    """The failed set, and the hash of each of its jobs."""
    ids = redis.zrange(ORDERS.key("failed"), 0, -1, withscores=True)
    return {id_: (score, redis.hgetall(ORDERS.key(id_))) for id_, score in ids}


@on_redis
async def a_clean_survives_its_replica_and_is_undone_from_its_message(stage, redis):
    fail(redis, 200)
    before = jobs(redis)
    first = await stage.start_bot()
    drawn = await card(
        stage, "/queue clean order-provisioning failed --older-than 1m --rate 30/s",
        "Remove 200 failed jobs of order-provisioning?", "Archived first: kept 7 d",
    )  # fmt: skip
    await stage.driver.click("Remove 200 now", message=drawn)
    await stage.until(lambda: _fewer(redis, 180), lambda: "it does not begin")
    second = await stage.start_bot()
    first.kill()
    await stage.until(lambda: _one_line(stage), lambda: "Slack keeps the line of the dead one")
    ended = await stage.driver.wait_for(telling("Removed 200 of 200 failed jobs of"))
    assert second.process.returncode is None
    assert jobs(redis) == {}

    await stage.driver.click("Undo…", message=ended)
    drawn = await answered(stage, "Bring back 200 failed jobs of order-provisioning?")
    await stage.driver.click("Bring back 200 now", message=drawn)
    await stage.driver.wait_for(telling("Brought back 200 of 200 failed jobs to"))
    assert jobs(redis) == before


async def _one_line(stage):
    return len(stage.slack.sockets.connections) == 1


async def _fewer(redis, count):
    return redis.zcard(ORDERS.key("failed")) < count


@on_redis
async def one_job_is_removed_from_its_view(stage, redis):
    fail(redis, 2)
    await stage.start_bot()
    view = await card(stage, "/queue job order-provisioning 00001", "TIMEOUT")
    await stage.driver.click("Remove…", message=view)
    drawn = await answered(stage, "Remove failed job `00001` of order-provisioning?", "TIMEOUT")
    await stage.driver.click("Remove 1 now", message=drawn)
    await stage.driver.wait_for(telling("Removed failed job `00001` of order-provisioning."))
    assert set(jobs(redis)) == {"00000"}


STORIES = (
    a_clean_survives_its_replica_and_is_undone_from_its_message,
    one_job_is_removed_from_its_view,
)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
async def test_story(story, told):
    await told[story]
