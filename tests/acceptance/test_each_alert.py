"""Each of the five alerts is acknowledged, restarted, silenced and resolved: one message each."""

import asyncio

import pytest

SHORT = {
    "backlog": {"backlog": {"above": 3, "for": "1s"}},
    "backlog_critical": {"backlog_critical": {"above": 3}},
    "failure_spike": {"failure_spike": {"above": 3, "within": "20s"}},
    "processor_down": {"processor_down": {"for": "1s"}},
    "job_timeout": {"job_timeout": {"after": "1s"}},
}


@pytest.mark.parametrize("rule", SHORT)
async def test_it_is_kept_up_through_a_restart(stage, rule):
    stage.config["alerts"].update(SHORT[rule])
    portal = stage.portal()
    if rule == "failure_spike":
        portal.whmcs_up = False
        portal.work()
    if rule == "job_timeout":
        portal.hang = asyncio.Event()
        portal.work()
    await portal.add(5, hang=rule == "job_timeout")
    bot = await stage.start_bot()
    alert = await stage.alert("order-provisioning")
    await stage.driver.click("Acknowledge", message=alert)
    await stage.alert("Acknowledged by")
    assert await bot.stop() == 0
    await stage.start_bot()
    await stage.driver.click("Silence 1 h", message=await stage.alert("Acknowledged by"))
    await stage.alert("Silenced")
    if rule == "job_timeout":
        portal.hang.set()
    elif rule != "failure_spike":
        portal.work()
    assert (await stage.alert("Resolved")).ts == alert.ts
