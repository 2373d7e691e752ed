"""Slack goes away in every way it has; nothing needs a restart, nothing comes twice."""

import asyncio
import re
from urllib.parse import urlsplit

import pytest

from bot.demo.localslack.fixtures import Room, WorkspaceConfig
from tests.acceptance.scene import alert, answer, is_alert, is_blind, it_lasts, opened, prompt
from tests.support.stage import plain

pytestmark = pytest.mark.asyncio(loop_scope="module")

FAULTS = {
    "C0INCIDENTS": ("ratelimited", "hang"),
    "C0ORDERS": ("http500", "http500"),
    "C0GENERAL": ("hang", "ratelimited"),
    "C0LATE": ("timeout_after_effect", "http500"),
    "C0RESET": ("reset_after_effect", "reset_after_effect"),
}
"""The first post and the first edit in each channel go wrong like this; a queue for each."""
MORE = (Room(id="C0LATE", name="late"), Room(id="C0RESET", name="reset"))
WORKSPACE = WorkspaceConfig(rooms=(*WorkspaceConfig().rooms, *MORE))


async def it_may_fail_as_it_likes(stage, redis):
    queues = {
        channel: {"bullmq": 6, "retry_via": "bullmq", "channel": channel} for channel in FAULTS
    }
    scene = await opened(stage, redis, queues)
    async with asyncio.TaskGroup() as group:
        group.create_task(every_line_breaks(scene))
        for channel, faults in FAULTS.items():
            group.create_task(shown_in_one_message(scene, channel, *faults))


async def shown_in_one_message(scene, channel, post, edit):
    """An alert fires, rises and ends; whatever Slack does to it, there is one message of it."""
    driver = scene.stage.driver
    await driver.fault("chat.postMessage", post, channel=channel)
    await driver.fault("chat.update", edit, channel=channel)
    scene.grow(12, channel)
    first = await driver.wait_for(alert("Warning", "backlog 12"), channel=channel)
    scene.grow(48, channel)
    await driver.wait_for(alert("Critical", "backlog 60"), channel=channel)
    scene.clear(channel)
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
            await driver.wait_for(answer("5 queues"), after=shown.ts)
    assert len(sockets.connections) == 1


async def it_is_away_together_with_redis(stage, redis):
    scene = await opened(stage, redis)
    port = urlsplit(stage.slack.url).port
    await stage.slack.stop()
    scene.grow(12)
    redis.stop()

    async def both_are_missed():
        page = (await scene.bot.get("/metrics"))[1]
        unreachable = re.search(r'slack_calls_total\{[^}]*result="unreachable"\}', page)
        return unreachable and '"redis": false' in (await scene.bot.get("/readyz"))[1]

    async with prompt(scene.bot):
        await stage.until(both_are_missed, scene.bot.log.read_text)
        await it_lasts()
        redis.start()
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


async def it_goes_and_comes_back(stage, redis):
    scene = await opened(stage, redis)
    bot = scene.bot
    port = urlsplit(stage.slack.url).port
    await stage.slack.stop()
    scene.grow(12)

    tried = 'bullhorn_slack_calls_total{method="chat.postMessage",result="unreachable"}'

    async def has_tried():
        return tried in (await bot.get("/metrics"))[1]

    await stage.until(has_tried, lambda: "the bot has not tried to post the alert")
    await it_lasts()
    await stage.slack.start(port=port)
    await stage.alert("Warning", "backlog 12")
    await stage.driver.wait_for_connection()
    await scene.ask("alerts", answer("1 alert firing", "backlog 12"))
    assert len(await stage.alerts()) == 1
    assert bot.process.returncode is None


STORIES = (it_may_fail_as_it_likes, it_is_away_together_with_redis, it_goes_and_comes_back)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
async def test_story(story, told):
    await told[story]
