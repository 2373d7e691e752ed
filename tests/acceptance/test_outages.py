"""Redis and Slack go away in every way they have; nothing needs a restart, nothing comes twice.

The stories mostly wait, so two are told at a time, each on a stage of its own.
"""

import asyncio
import os
import re
import signal
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from copy import deepcopy
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest

from bot.demo.localslack.driver import Driver
from bot.demo.localslack.server import LocalSlack
from bot.domain.queues import QueueId
from tests.support.stage import PATIENCE, Replica, Stage, plain
from tests.support.valkey import Valkey, valkey_server
from tests.support.valkey_bullmq import write_meta

ORDERS = "order-provisioning"
PROMPT = 2.0
"""Seconds within which the health page answers on a busy machine, if nothing blocks the loop."""


@dataclass
class Scene:
    """A bot, its Slack, and a Redis of its own with a queue that is empty."""

    stage: Stage
    redis: Valkey
    bot: Replica

    def grow(self, by, name=ORDERS):
        with self.redis.client() as client:
            client.lpush(waiting(name), *range(by))

    def clear(self, name=ORDERS):
        with self.redis.client() as client:
            client.delete(waiting(name))

    async def ask(self, text, wanted):
        """Type a command, and wait for an answer that was not there before."""
        last = await self.stage.driver.last()
        assert (await self.stage.driver.command(f"/queue {text}"))["ok"]
        return await self.stage.driver.wait_for(wanted, after=last.ts if last else "")

    async def sees_again(self, *, times):
        """It has said `times` times that it could not see, in one message each, and that it can."""

        async def holds():
            said = [m for m in await self.stage.driver.messages() if is_blind(m)]
            return len(said) == times and all(map(blind("over"), said))

        async def is_ready():
            return (await self.bot.get("/readyz"))[0] == 200

        await self.stage.until(holds, self.bot.log.read_text)
        await self.stage.until(is_ready, self.bot.log.read_text)
        assert self.bot.process.returncode is None


def waiting(name):
    return QueueId("main", "bull", name).key("wait")


@pytest.fixture
async def open_scene(stage, tmp_path):
    """Opens a scene; `queues` goes into the config in place of what is there."""
    async with AsyncExitStack() as stack:
        opened = []

        async def opens(queues=None):
            redis = stack.enter_context(valkey_server())
            slack = LocalSlack()
            await slack.start()
            folder = tmp_path / f"scene-{len(opened)}"
            folder.mkdir()
            opened.append(folder)
            one = Stage(
                redis_url=redis.url, slack=slack, folder=folder,
                driver=Driver(slack.url, user="U0BOB", timeout=PATIENCE),
                config=deepcopy(stage.config) | ({"queues": queues} if queues else {}),
            )  # fmt: skip
            stack.push_async_callback(one.close)
            with redis.client() as client:
                for name in queues or [ORDERS]:
                    write_meta(client, QueueId("main", "bull", name))
            return Scene(one, redis, await one.start_bot())

        yield opens


def answer(*words, ephemeral=True):
    """A message with all these words, to the one who asked (or else to all)."""
    return lambda m: m.ephemeral is ephemeral and all(word in plain(m) for word in words)


def sentence(text):
    """An answer that is this one sentence, with a reference for the log."""
    return lambda m: (
        m.ephemeral and re.fullmatch(rf"{re.escape(text)} \(ref [0-9a-f]{{4}}\)", plain(m))
    )


def alert(*words):
    """An alert with all these words."""
    return lambda m: is_alert(m) and all(word in plain(m) for word in words)


def is_alert(message):
    return message.metadata.get("event_type") == "bullhorn_incident"


def is_blind(message):
    return message.metadata.get("event_type") == "bullhorn_blind"


def blind(state):
    """The message that queues cannot be seen: "down", or "over" when they can be again."""
    return lambda m: is_blind(m) and m.metadata["event_payload"]["key"] == state


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


@asynccontextmanager
async def prompt(bot):
    """All the while the health page answers at once: nothing blocks the loop."""
    loop, took = asyncio.get_running_loop(), []

    async def ask():
        while True:
            began = loop.time()
            status, _ = await bot.get("/healthz")
            took.append((loop.time() - began, status))
            await asyncio.sleep(0.1)

    asking = asyncio.create_task(ask())
    try:
        yield
    finally:
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
    assert {status for _, status in took} == {200}
    assert len(took) > 10
    assert max(took)[0] < PROMPT


async def test_redis_may_restart_hang_refuse_writes_and_refuse_the_login(open_scene):
    async with asyncio.TaskGroup() as group:
        group.create_task(redis_restarts_and_hangs(await open_scene()))
        group.create_task(redis_refuses_writes_and_the_login(await open_scene()))


async def redis_restarts_and_hangs(scene):
    stage, redis = scene.stage, scene.redis
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
        await scene.sees_again(times=1)
    assert (await stage.driver.click("Acknowledge", message=first))["ok"]
    assert (await stage.alert("Acknowledged by", "U0BOB")).ts == first.ts
    scene.clear()
    assert (await stage.alert("Resolved", "peak 60")).ts == first.ts


async def redis_refuses_writes_and_the_login(scene):
    stage, status = scene.stage, "status order-provisioning"
    with scene.redis.client() as client:
        scene.grow(12)
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("maxmemory", 1)
        await scene.ask("silence order-provisioning 1h", answer("it is out of memory", "(ref "))
        said = await stage.driver.wait_for(blind("down"))
        assert "does not take writes: it is out of memory" in plain(said)
        await scene.ask(status, answer("Backlog 12"))
        assert await stage.alerts() == []
        client.config_set("maxmemory", 0)
        await scene.sees_again(times=1)
        first = await stage.alert("Warning", "backlog 12")

        client.execute_command("REPLICAOF", "127.0.0.1", "1")
        await scene.ask("silence order-provisioning 1h", answer("it is a replica", "(ref "))
        await stage.driver.wait_for(blind("down"))
        client.execute_command("REPLICAOF", "NO", "ONE")
        await scene.sees_again(times=2)

        client.config_set("requirepass", "another")
        client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        await scene.ask(status, sentence("Bullhorn's own Redis refuses the login."))
        await stage.driver.wait_for(blind("down"))
        client.config_set("requirepass", "")
    await scene.sees_again(times=3)
    await scene.ask(status, answer("Backlog 12"))
    scene.clear()
    assert (await stage.alert("Resolved")).ts == first.ts


FAULTS = {
    "incidents": ("C0INCIDENTS", "ratelimited", "hang"),
    "orders": ("C0ORDERS", "http500", "http500"),
    "general": ("C0GENERAL", "hang", "ratelimited"),
}
"""The first post and the first edit in each channel go wrong like this; a queue for each."""


async def test_slack_may_fail_as_it_likes_and_be_away_together_with_redis(open_scene):
    queues = {
        name: {"bullmq": 6, "retry_via": "bullmq", "channel": channel}
        for name, (channel, _, _) in FAULTS.items()
    }
    failing = await open_scene(queues)
    async with asyncio.TaskGroup() as group:
        group.create_task(both_are_away(await open_scene()))
        group.create_task(every_line_breaks(failing))
        for name, (channel, post, edit) in FAULTS.items():
            group.create_task(shown_in_one_message(failing, name, channel, post, edit))


async def shown_in_one_message(scene, name, channel, post, edit):
    """An alert fires, rises and ends; whatever Slack does to it, there is one message of it."""
    driver = scene.stage.driver
    await driver.fault("chat.postMessage", post, channel=channel)
    await driver.fault("chat.update", edit, channel=channel)
    scene.grow(12, name)
    first = await driver.wait_for(alert("Warning", "backlog 12"), channel=channel)
    scene.grow(48, name)
    await driver.wait_for(alert("Critical", "backlog 60"), channel=channel)
    scene.clear(name)
    await driver.wait_for(alert("Resolved", "peak 60"), channel=channel)

    async def thread():
        seen = await driver.messages(channel=channel)
        return [plain(m) for m in seen if m.metadata.get("event_type") == "bullhorn_entry"]

    async def has_its_end():
        return "Resolved" in " ".join(await thread())

    await scene.stage.until(has_its_end, scene.bot.log.read_text)
    entries = await thread()
    assert len(entries) == len(set(entries))
    [only] = [m for m in await driver.messages(channel=channel) if is_alert(m)]
    assert only.ts == first.ts
    met = [call["fault"] for call in await driver.calls(channel=channel) if call["fault"]]
    assert sorted(met) == sorted([post, edit])


async def every_line_breaks(scene):
    """However the line breaks, there is one again, and commands and buttons come over it."""
    driver, sockets = scene.stage.driver, scene.stage.slack.sockets
    await driver.wait_for_connection()
    async with prompt(scene.bot):
        for action in ("disconnect", "refresh", "warning", "drop", "refresh"):
            old = list(sockets.connections)
            await driver.socket(action)

            async def there_is_one(old=old):
                return len(sockets.connections) == len(set(sockets.ready) - set(old)) == 1

            await scene.stage.until(there_is_one, scene.bot.log.read_text)
            shown = await scene.ask("help", answer("What you can ask"))
            assert (await driver.click("Status", message=shown))["ok"]
            await driver.wait_for(answer("3 queues"), after=shown.ts)
    assert len(sockets.connections) == 1


async def both_are_away(scene):
    stage = scene.stage
    port = urlsplit(stage.slack.url).port
    await stage.slack.stop()
    scene.grow(12)
    scene.redis.stop()

    async def both_are_missed():
        page = (await scene.bot.get("/metrics"))[1]
        unreachable = re.search(r'slack_calls_total\{[^}]*result="unreachable"\}', page)
        return unreachable and '"redis": false' in (await scene.bot.get("/readyz"))[1]

    async with prompt(scene.bot):
        await stage.until(both_are_missed, scene.bot.log.read_text)
        scene.redis.start()
        await stage.slack.start(port=port)
        first = await stage.alert("Warning", "backlog 12")
        await stage.driver.wait_for_connection()
    assert (await stage.driver.click("Acknowledge", message=first))["ok"]
    await stage.alert("Acknowledged by", "U0BOB")
    scene.clear()
    assert (await stage.alert("Resolved")).ts == first.ts
    # Nobody could be told in time: at most it was said afterwards, and then taken back.
    said = [m for m in await stage.driver.messages() if is_blind(m)]
    assert len(said) <= 1
    await scene.sees_again(times=len(said))
