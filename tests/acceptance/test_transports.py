"""The same story over Socket Mode and over HTTP: what people see must not tell which it is."""

import re

import aiohttp
import pytest

from tests.support.stage import plain


def answer(*words, ephemeral=True):
    """A message with all these words, to the one who asked (or else to all)."""
    return lambda m: m.ephemeral is ephemeral and all(word in plain(m) for word in words)


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def over_socket_mode(stage, _):
    await people_are_answered(stage, "socket")


async def over_http(stage, _):
    await people_are_answered(stage, "http")


async def people_are_answered(stage, transport):
    stage.transport = transport
    portal = stage.portal()
    portal.whmcs_up = False
    portal.work()
    await portal.add(8)
    bot = await stage.start_bot()
    await an_alert_is_acknowledged(stage)
    await a_command_a_button_and_a_plan_are_answered(stage, portal)
    await who_may_not_and_what_is_not_are_told(stage)
    await requests_are_counted(stage, bot, transport)
    assert await bot.stop() == 0


async def an_alert_is_acknowledged(stage):
    alert = await stage.alert("Warning", "order-provisioning", "8 × WHMCS_ERROR")
    assert (await stage.driver.click("Acknowledge", message=alert))["ok"]
    await stage.alert("Acknowledged by", "U0BOB")


async def a_command_a_button_and_a_plan_are_answered(stage, portal):
    driver = stage.driver
    assert (await driver.command("/queue failed order-provisioning"))["ok"]
    listed = await driver.wait_for(answer("8 failed in order-provisioning", "8 × WHMCS_ERROR"))
    assert (await driver.click("Retry these 8…", message=listed))["ok"]
    card = await driver.wait_for(answer("Retry 8 jobs of order-provisioning"))
    portal.whmcs_up = True
    assert (await driver.click("Retry 8 now", message=card))["ok"]
    begun = await driver.wait_for(answer("Begun: 8 jobs of order-provisioning"))
    assert begun.ts == card.ts
    told = answer("Moved 8 of 8 WHMCS_ERROR back to waiting", "Asked by <@U0BOB>", ephemeral=False)
    await driver.wait_for(told, user="U0VERA")

    async def all_done():
        return len(portal.done) == 8

    await stage.until(all_done, lambda: f"done: {portal.done}")


async def who_may_not_and_what_is_not_are_told(stage):
    driver = stage.driver
    assert (await driver.command("/queue pause order-provisioning", user="U0VERA"))["ok"]
    await driver.wait_for(answer("needs the operator role. Ask", "U0ALICE"), user="U0VERA")
    assert (await driver.command("/queue retyr order-provisioning"))["ok"]
    await driver.wait_for(answer('There is no command "retyr"', "Did you mean `retry`?"))


async def requests_are_counted(stage, bot, transport):
    opened = await stage.driver.calls("apps.connections.open")
    if transport == "socket":
        assert opened
        assert await requests(bot) == {}
        return
    assert opened == []
    assert await requests(bot) == {"ok": 6}
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            f"http://127.0.0.1:{bot.port}/slack/events", data="command=%2Fqueue"
        ) as forged,
    ):
        assert forged.status == 401
    assert await requests(bot) == {"ok": 6, "bad_signature": 1}


async def requests(bot):
    row = r'^bullhorn_slack_requests_total\{result="(\w+)"\} (\S+)'
    found = re.findall(row, (await bot.get("/metrics"))[1], re.MULTILINE)
    return {result: float(count) for result, count in found}


async def over_http_it_is_ready_once_slack_has_answered(stage, _):
    stage.transport = "http"
    await stage.driver.fault("auth.test", "http500", times=1000)
    bot = await stage.launch()

    async def all_but_slack():
        return '"slack": false, "redis": true, "first_tick": true' in (await bot.get("/readyz"))[1]

    async def is_ready():
        return (await bot.get("/readyz"))[0] == 200

    await stage.until(all_but_slack, bot.log.read_text)
    assert not await is_ready()
    await stage.driver.clear_faults()
    await stage.until(is_ready, bot.log.read_text)


STORIES = (over_socket_mode, over_http, over_http_it_is_ready_once_slack_has_answered)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
async def test_story(story, told):
    await told[story]
