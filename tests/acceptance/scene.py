"""What the stories of outages have in common: a bot whose queues are lists that grow at will."""

import asyncio
import os
import re
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bot.domain.queues import QueueId
from tests.support.stage import Replica, Stage, plain
from tests.support.valkey import Valkey
from tests.support.valkey_bullmq import write_meta

ORDERS = "order-provisioning"
LASTING = float(os.environ.get("OUTAGE", "0"))
"""Seconds that each outage lasts, after the bot has noticed: `make outages` makes it a minute."""
PROMPT = 2.0
"""Seconds within which the health page answers on a busy machine, if nothing blocks the loop."""


@dataclass
class Scene:
    """A bot, its Slack, and its Redis, with queues that are empty at first."""

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


async def it_lasts():
    """The outage goes on: nothing that is tried meanwhile may be worn out by it."""
    await asyncio.sleep(LASTING)


def waiting(name):
    return QueueId("main", "bull", name).key("wait")


async def opened(stage, redis, queues=None):
    """Start a bot; `queues` goes into the config in place of what is there."""
    if queues:
        stage.config["queues"] = queues
    with redis.client() as client:
        for name in queues or [ORDERS]:
            write_meta(client, QueueId("main", "bull", name))
    return Scene(stage, redis, await stage.start_bot())


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
