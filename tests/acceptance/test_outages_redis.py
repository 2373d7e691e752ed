"""Redis goes away in every way it has; nothing needs a restart, nothing comes twice."""

import os
import signal
from contextlib import contextmanager

import pytest

from tests.acceptance.scene import (
    ORDERS,
    answer,
    blind,
    is_blind,
    it_lasts,
    opened,
    prompt,
    sentence,
)
from tests.support.stage import plain

pytestmark = pytest.mark.asyncio(loop_scope="module")


@contextmanager
def hanging(redis):
    """The server takes connections and says nothing, until the block ends."""
    with redis.client() as client:
        pid = client.info("server")["process_id"]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def it_restarts_and_hangs(stage, redis):
    scene = await opened(stage, redis)
    scene.grow(12)
    first = await stage.alert("Warning", "backlog 12")
    with redis.client() as client:
        client.script_flush()
    await scene.ask("failed order-provisioning", answer("No failed jobs in order-provisioning"))
    redis.stop()
    redis.start()
    scene.grow(48)
    assert (await stage.alert("Critical", "backlog 60")).ts == first.ts

    async with prompt(scene.bot):
        with hanging(redis):
            assert (await stage.driver.click("Acknowledge", message=first))["ok"]
            await scene.ask("alerts", sentence("Bullhorn's own Redis did not answer in time."))
            await stage.driver.wait_for(answer("did not answer in time. What was done", "(ref "))
            await stage.driver.wait_for(blind("down"))
            assert (await scene.bot.get("/readyz"))[0] == 503
            await it_lasts()
        await scene.sees_again(times=1)
    assert (await stage.driver.click("Acknowledge", message=first))["ok"]
    assert (await stage.alert("Acknowledged by", "U0BOB")).ts == first.ts
    scene.clear()
    assert (await stage.alert("Resolved", "peak 60")).ts == first.ts


async def it_refuses_writes_and_the_login(stage, redis):
    scene, status = await opened(stage, redis), "status order-provisioning"
    with redis.client() as client:
        scene.grow(12)
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("maxmemory", 1)
        await scene.ask("silence order-provisioning 1h", answer("it is out of memory", "(ref "))
        said = await stage.driver.wait_for(blind("down"))
        assert "does not take writes: it is out of memory" in plain(said)
        await scene.ask(status, answer("Backlog 12"))
        assert await stage.alerts() == []
        await it_lasts()
        client.config_set("maxmemory", 0)
        await scene.sees_again(times=1)
        first = await stage.alert("Warning", "backlog 12")

        client.execute_command("REPLICAOF", "127.0.0.1", "1")
        await scene.ask("silence order-provisioning 1h", answer("it is a replica", "(ref "))
        await stage.driver.wait_for(blind("down"))
        await it_lasts()
        client.execute_command("REPLICAOF", "NO", "ONE")
        await scene.sees_again(times=2)

        client.config_set("requirepass", "another")
        client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        await scene.ask(status, sentence("Bullhorn's own Redis refuses the login."))
        await stage.driver.wait_for(blind("down"))
        await it_lasts()
        client.config_set("requirepass", "")
    await scene.sees_again(times=3)
    await scene.ask(status, answer("Backlog 12"))
    scene.clear()
    assert (await stage.alert("Resolved")).ts == first.ts


async def it_goes_and_comes_back(stage, redis):
    scene = await opened(stage, redis)
    bot = scene.bot
    scene.grow(12)
    first = await stage.alert("Warning", "backlog 12")
    redis.stop()
    unknown = await scene.ask("status", answer("own Redis cannot be reached", "(ref "))
    assert "healthy" not in plain(unknown)
    await stage.driver.wait_for(answer("cannot see the queues", ephemeral=False))
    assert (await bot.get("/healthz"))[0] == 200
    assert (await bot.get("/readyz"))[0] == 503
    await it_lasts()
    redis.start()
    await scene.sees_again(times=1)
    said = [m for m in await stage.driver.messages() if is_blind(m)]
    assert said[0].raw["edited"], "said once, and edited when it was over"
    await scene.ask(f"status {ORDERS}", answer(ORDERS, "backlog 12", "BullMQ 5"))
    scene.clear()
    assert (await stage.alert("Resolved")).ts == first.ts
    assert (await bot.get("/readyz"))[0] == 200


STORIES = (it_restarts_and_hangs, it_refuses_writes_and_the_login, it_goes_and_comes_back)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
async def test_story(story, told):
    await told[story]
