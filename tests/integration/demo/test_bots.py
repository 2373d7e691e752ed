"""The demo's Bullhorns as processes: two share the work, a killed one is followed and is back."""

import asyncio
import os
import signal
from contextlib import asynccontextmanager
from functools import wraps
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from bot.demo.bots import Bots
from bot.demo.localslack.driver import Driver
from bot.demo.localslack.server import LocalSlack
from bot.demo.run import environment_of
from bot.demo.workload.orders import ORDER_QUEUE
from bot.demo.workload.outage import fill
from bot.demo.workload.portal import JOB_OPTIONS
from tests.integration.demo.test_workload_world import alive, until

pytestmark = pytest.mark.asyncio(loop_scope="module")
_ORDERS = 200


@asynccontextmanager
async def bullhorns(valkey, **options):
    """Bullhorns on a Slack without people's world: they, and who types there."""
    slack = LocalSlack()
    await slack.start()
    with TemporaryDirectory() as folder:
        environment = environment_of(slack_api=slack.api_url, redis_url=valkey.url)
        bots = Bots(folder=Path(folder), environment=environment, **options)
        try:
            await bots.start()
            async with Driver(slack.url, timeout=60) as driver:
                await driver.wait_for_connection()
                yield bots, driver
        finally:
            await bots.stop()
            await slack.stop()


def with_bullhorns(**options):
    """Tell the story with Bullhorns of these options: they, who types, and a client of Redis."""

    def given(story):
        @wraps(story)
        async def told(valkey, redis):
            async with bullhorns(valkey, **options) as (bots, driver):
                await story(bots, driver, redis)

        return told

    return given


def with_failed_orders(story):
    """Put failed orders in before anything starts."""

    @wraps(story)
    async def told(valkey, redis):
        await redis.hset(f"bull:{ORDER_QUEUE}:meta", "version", "bullmq:6.7.0")
        await fill(redis, JOB_OPTIONS, count=_ORDERS)
        await story(valkey, redis)

    return told


async def states(bots):
    return [shown["state"] for shown in await bots.snapshot()]


def becomes(bots, *wanted):
    async def they_are():
        return await states(bots) == list(wanted)

    return they_are


@with_bullhorns(back_after=0.1)
async def a_killed_leader_comes_back_and_two_can_be_had_and_one_again(bots, driver, _):
    await until(becomes(bots, "leads"))
    await bots.second(True)
    await driver.wait_for_connection(2)
    (first, second) = bots.pids
    await bots.kill()
    assert bots.pids == [second]
    assert not alive(first)

    async def both_run_and_one_leads():
        return len(bots.pids) == 2 and "leads" in await states(bots)

    await until(both_run_and_one_leads)
    assert first not in bots.pids
    assert not bots.ended.done()

    await bots.second(False)
    assert len(bots.pids) == 1
    assert not alive(second)
    await until(becomes(bots, "leads"))


@with_failed_orders
@with_bullhorns()
async def the_one_that_runs_a_repair_is_killed_and_the_other_ends_it(bots, driver, redis):
    await until(becomes(bots, "leads"))
    await bots.second(True)
    await driver.wait_for_connection(2)
    await driver.command(f"/queue retry {ORDER_QUEUE} --all --rate 20/s --bullmq")
    card = await driver.wait_for(lambda m: m.ephemeral and f"Retry {_ORDERS} jobs" in m.text)
    await driver.click(f"Retry {_ORDERS} now", message=card)

    async def one_has_it():
        return [n for n, said in enumerate(await states(bots)) if "repair" in said]

    (runner,) = await until(one_has_it)
    doomed = bots.pids[runner]
    await bots.kill()
    assert not alive(doomed)
    assert (await states(bots))[runner] == "killed"
    await driver.wait_for(f"Moved {_ORDERS} of {_ORDERS}")
    assert await redis.llen(f"bull:{ORDER_QUEUE}:wait") == _ORDERS


@with_bullhorns()
async def one_that_ends_by_itself_is_told_of_with_its_last_words(bots, _, __):
    (pid,) = bots.pids
    os.kill(pid, signal.SIGTERM)
    words = await asyncio.wait_for(bots.ended, 60)
    assert words.startswith("Bullhorn 1 has stopped (exit code 0). Its last words:\n")
    assert "stopped" in words.splitlines()[-1]


async def after_the_stop_none_is_left_and_none_begins(valkey, _):
    async with bullhorns(valkey, back_after=0.1) as (bots, driver):
        await bots.second(True)
        await driver.wait_for_connection(2)
        pids = bots.pids
        await bots.kill()
    await bots.second(True)
    assert bots.pids == []
    assert not any(alive(pid) for pid in pids)


STORIES = (
    a_killed_leader_comes_back_and_two_can_be_had_and_one_again,
    the_one_that_runs_a_repair_is_killed_and_the_other_ends_it,
    one_that_ends_by_itself_is_told_of_with_its_last_words,
    after_the_stop_none_is_left_and_none_begins,
)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
async def test_story(story, told):
    await told[story]
