"""Drain and obliterate on running bots: the typed name, the second admin, the undo."""

import asyncio
import json

import pytest

from bot.adapters import keys
from bot.demo.localslack.reader import view_text
from bot.domain.queues import QueueId
from tests.support.stage import plain

NAME = "order-provisioning"
ORDERS = QueueId("main", "bull", NAME)
PLAIN = {"data": {}}
LATER = {"data": {}, "opts": {"delay": 3_600_000}}
ALICE, BOB = "U0ALICE", "U0BOB"


@pytest.fixture
def queue(stage, node):
    stage.config["access"] = {"operators": ["S0ONCALL"], "admins": [ALICE, BOB]}
    return node.queue(6, NAME)


def answer(*words):
    return lambda m: m.ephemeral and all(word in plain(m) for word in words)


def of_kind(kind, *words):
    return lambda m: (
        m.metadata.get("event_type") == f"bullhorn_{kind}"
        and all(word in plain(m) for word in words)
    )


def pending(redis):
    return redis.llen(ORDERS.key("wait")) + redis.zcard(ORDERS.key("delayed"))


async def asked(stage, command):
    """The name is typed wrong, then right; gives the request in the channel."""
    driver = stage.driver
    await driver.command(f"/queue {command} {NAME}", user=ALICE)
    view = await driver.wait_for_modal(user=ALICE)
    assert "Another admin must approve within 10 minutes" in view_text(view)
    wrong = await driver.submit({"queue_name": "order-provisoning"}, user=ALICE)
    assert "That is not the queue's name" in wrong["errors"]["queue_name"]
    assert (await driver.submit({"queue_name": NAME}, user=ALICE))["ok"]
    await driver.wait_for(answer("another admin has until"), user=ALICE)
    return await driver.wait_for(of_kind("approval", f"<@U0ALICE> asks to {command} {NAME}"))


async def test_drained_by_two_admins_and_undone(stage, queue, running_valkey):
    with running_valkey.client() as redis:
        await queue.add(*[PLAIN] * 30, *[LATER] * 10)
        ids = redis.lrange(ORDERS.key("wait"), 0, -1)
        await asyncio.gather(stage.start_bot(), stage.start_bot())
        driver = stage.driver
        request = await asked(stage, "drain")
        assert "30 waiting · 0 prioritized · 10 delayed" in plain(request)

        await driver.click("Approve", message=request, user=ALICE)
        await driver.wait_for(answer("another admin must approve it", "<@U0BOB>"), user=ALICE)
        await driver.click("Approve", message=request, user="U0VERA")
        await driver.wait_for(answer("Approving needs the admin role"), user="U0VERA")
        assert pending(redis) == 40

        await asyncio.gather(*(driver.click("Approve", message=request) for _ in range(3)))
        done = await driver.wait_for(
            of_kind("operation", "Removed 40 of 40", "<@U0ALICE>, approved by <@U0BOB>")
        )
        settled = await driver.wait_for(of_kind("approval", "<@U0BOB> approved this"))
        assert settled.ts == request.ts
        assert "Approve" not in settled.labels
        assert pending(redis) == 0

        await driver.click("Undo…", message=done)
        card = await driver.wait_for(answer("Bring back 40 jobs"))
        await driver.click("Bring back 40 now", message=card)
        await driver.wait_for(of_kind("operation", "Brought back 40 of 40"))
        assert redis.lrange(ORDERS.key("wait"), 0, -1) == ids
        assert pending(redis) == 40

        await driver.command(f"/queue history {NAME}")
        lines = plain(await driver.wait_for(answer("newest first"))).splitlines()
        [line] = [one for one in lines if "drain 40 jobs: 40 of 40" in one]
        assert "<@U0ALICE>" in line
        assert "approved by <@U0BOB>" in line


async def test_a_void_approval_changes_nothing_and_says_how_to_ask_again(
    stage, queue, running_valkey
):
    with running_valkey.client() as redis:
        await queue.add(*[PLAIN] * 20)
        await stage.start_bot()
        request = await asked(stage, "drain")
        await queue.add(*[PLAIN] * 2)
        assert len(redis.rpop(ORDERS.key("wait"), 7)) == 7
        await stage.driver.click("Approve", message=request)
        void = await stage.driver.wait_for(of_kind("approval", "Void", "15 now: 15 waiting"))
        assert void.ts == request.ts
        assert pending(redis) == 15
        await stage.driver.click("Ask again…", message=void, user=ALICE)
        view = await stage.driver.wait_for_modal("15 waiting", user=ALICE)
        assert view["private_metadata"]
        await stage.driver.close_modal(user=ALICE)

        again = await asked(stage, "drain")
        await stage.driver.click("Refuse", message=again)
        await stage.driver.wait_for(of_kind("approval", "<@U0BOB> refused this"))
        assert pending(redis) == 15

        filling = await asked(stage, "drain")
        await queue.add(*[PLAIN] * 20)
        await stage.driver.click("Approve", message=filling)
        await stage.driver.wait_for(of_kind("operation", "Removed 15 of 15"))
        assert pending(redis) == 20, "what was added since stays"


async def test_a_request_nobody_pressed_ends_with_its_time_and_outlives_a_restart(
    stage, queue, running_valkey
):
    """The ten minutes are over by the sorted set and the plan; no time is waited for."""
    with running_valkey.client() as redis:
        await queue.add(*[PLAIN] * 20)
        first = await stage.start_bot()
        request = await asked(stage, "drain")
        await first.stop()
        [plan_id] = redis.zrange(keys.ASKED, 0, -1)
        plan = json.loads(redis.get(keys.plan(plan_id)))
        redis.set(keys.plan(plan_id), json.dumps({**plan, "expires_at": 1}))
        redis.zadd(keys.ASKED, {plan_id: 1})
        await asyncio.gather(stage.start_bot(), stage.start_bot())
        ended = await stage.driver.wait_for(of_kind("approval", "expired. Nothing was changed"))
        assert (ended.ts, ended.labels) == (request.ts, ["Ask again…"])
        await stage.driver.command(f"/queue history {NAME}")
        told = plain(await stage.driver.wait_for(answer("newest first")))
        assert told.count("expired, nobody approved") == 1


async def test_obliterated_after_a_pause_and_status_knows_it(stage, queue, running_valkey):
    driver = stage.driver
    with running_valkey.client() as redis:
        await queue.add(*[PLAIN] * 700, *[LATER] * 50)
        await stage.start_bot()
        await driver.command(f"/queue obliterate {NAME}", user=ALICE)
        told = await driver.wait_for(answer("is not paused", "pause it first"), user=ALICE)
        await driver.click("Pause it", message=told, user=ALICE)
        await driver.wait_for(lambda m: "<@U0ALICE> paused" in plain(m))

        request = await asked(stage, "obliterate")
        assert "This cannot be undone" in plain(request)
        await driver.click("Approve", message=request)
        done = await driver.wait_for(of_kind("operation", "Removed 750 of 750"))
        assert "Undo…" not in done.labels
        assert not list(redis.scan_iter("bull:order-provisioning:*"))

        await status_with(stage, f"Not seen yet: {NAME}")
        await driver.command(f"/queue status {NAME}")
        await driver.wait_for(answer("not in Redis yet. It appears with its first job"))
        await queue.add(PLAIN)
        await status_with(stage, "Healthy · order-provisioning · backlog 1")


async def status_with(stage, words):
    """Ask for the status, again and again, until it says this; the leader walks Redis by and by."""
    seen = ""

    async def look():
        nonlocal seen
        last = max(message.ts for message in await stage.driver.messages())
        await stage.driver.command("/queue status")
        seen = plain(await stage.driver.wait_for(lambda m: m.ephemeral, after=last))
        return words in seen

    await stage.until(look, lambda: f"status says:\n{seen}")
