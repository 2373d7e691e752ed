"""Each alert fires, is edited, acknowledged, silenced and resolved: one message each."""

import asyncio

import pytest


async def test_backlog_fires_escalates_is_acknowledged_and_resolves(stage):
    portal = stage.portal()
    await portal.add(12)
    await stage.start_bot()
    alert = await stage.alert("Warning", "order-provisioning", "backlog 12", "above 10")
    assert alert.color
    assert "order-provisioning" in alert.fallback
    await portal.add(48)
    critical = await stage.alert("Critical", "backlog 60", "above 50")
    assert critical.ts == alert.ts
    assert critical.raw["edited"]
    await stage.driver.click("Acknowledge", message=critical)
    await stage.alert("Acknowledged by", "U0BOB")
    portal.work()
    resolved = await stage.alert("Resolved", "peak 60")
    assert resolved.ts == alert.ts
    assert resolved.labels == []
    await stage.until(thread_has(stage, 3), lambda: "the thread is not complete")
    thread = " | ".join(await stage.thread())
    assert "Critical" in thread
    assert "acknowledged" in thread
    assert "Resolved" in thread


def thread_has(stage, count):
    async def holds():
        return len(await stage.thread()) >= count

    return holds


async def test_failure_spike_names_the_top_errors_and_offers_the_retry(stage):
    portal = stage.portal()
    portal.whmcs_up = False
    portal.work()
    await stage.start_bot()
    await portal.add(8)
    alert = await stage.alert("Warning", "failures", "8 × WHMCS_ERROR")
    assert any(label.startswith("Retry 8") for label in alert.labels)
    assert "Failed jobs" in alert.labels


async def test_processor_down_mentions_who_is_on_call(stage):
    stage.config["alerts"]["processor_down"] = {"for": "2s"}
    portal = stage.portal()
    await portal.add(3)
    await stage.start_bot()
    alert = await stage.alert("Critical", "order-provisioning")
    assert "S0ONCALL" in str(alert.raw)
    portal.work()
    await stage.alert("Resolved")


async def test_job_timeout_lists_the_jobs(stage):
    stage.config["alerts"]["job_timeout"] = {"after": "2s"}
    portal = stage.portal()
    portal.hang = asyncio.Event()
    portal.work()
    [hanging] = await portal.add(1, hang=True)
    await stage.start_bot()
    alert = await stage.alert("Warning", "order-provisioning", hanging)
    portal.hang.set()
    resolved = await stage.alert("Resolved")
    assert resolved.ts == alert.ts


async def test_a_silenced_queue_is_not_posted_and_a_posted_one_says_so(stage):
    portal = stage.portal()
    await stage.start_bot()
    await portal.add(12)
    alert = await stage.alert("Warning", "backlog 12")
    await stage.driver.click("Silence 1 h", message=alert)
    await stage.driver.wait_for("silenced")
    await stage.alert("Silenced")
    portal.work()
    await stage.alert("Resolved")
    # The silence outlives the incident: the next one is not posted.
    await portal.rest()
    await portal.add(12)
    await stage.driver.command("/queue alerts")
    await stage.driver.wait_for(lambda m: m.ephemeral and "1 silence" in m.text)
    await asyncio.sleep(4)  # the time in which it would have been posted
    assert len(await stage.alerts()) == 1


@pytest.mark.parametrize("how", ["kill", "stop"])
async def test_a_restart_neither_repeats_nor_forgets(stage, how):
    portal = stage.portal()
    await portal.add(12)
    first = await stage.start_bot()
    alert = await stage.alert("Warning", "backlog 12")
    if how == "kill":
        first.kill()
        await first.process.wait()
    else:
        assert await first.stop() == 0
    await portal.add(48)
    await stage.start_bot()
    critical = await stage.alert("Critical", "backlog 60")
    assert critical.ts == alert.ts
    portal.work()
    assert (await stage.alert("Resolved")).ts == alert.ts


async def test_two_replicas_overlap_and_each_takes_buttons(stage):
    portal = stage.portal()
    first = await stage.start_bot()
    await stage.start_bot()
    await stage.driver.wait_for_connection(2)
    await portal.add(12)
    alert = await stage.alert("Warning", "backlog 12")
    first.kill()
    await first.process.wait()
    await stage.driver.click("Acknowledge", message=alert)
    await stage.alert("Acknowledged by")
    portal.work()
    assert (await stage.alert("Resolved")).ts == alert.ts


@pytest.mark.parametrize("kind", ["timeout_after_effect", "reset_after_effect", "http500"])
async def test_a_post_whose_answer_is_lost_is_not_doubled(stage, kind):
    portal = stage.portal()
    await stage.start_bot()
    await stage.driver.post(
        "/local/faults", {"method": "chat.postMessage", "kind": kind, "times": 1}
    )
    await portal.add(12)
    alert = await stage.alert("Warning", "backlog 12")
    portal.work()
    assert (await stage.alert("Resolved")).ts == alert.ts
