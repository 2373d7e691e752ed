"""Each alert fires, is edited, acknowledged, silenced and resolved: one message each."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from bot.demo.localslack.fixtures import Room, WorkspaceConfig

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass(frozen=True, kw_only=True)
class Case:
    """An alert in a queue and a channel of its own: the rule, what fires it, what it says."""

    rule: str
    settings: dict
    words: tuple
    labels: tuple = ()
    fails: bool = False
    hangs: bool = False

    @property
    def queue(self):
        # What a failure means is known of the packaged config's queue.
        return "order-provisioning" if self.fails else self.rule.replace("_", "-")

    @property
    def works(self):
        """Whether a worker runs, which is how it fires."""
        return self.fails or self.hangs

    @property
    def channel(self):
        return f"C0{self.rule.upper().replace('_', '')}"


FIVE = (
    Case(rule="backlog", settings={"above": 3, "for": "1s"}, words=("Warning", "backlog 5")),
    Case(rule="backlog_critical", settings={"above": 3}, words=("Critical", "backlog 5")),
    Case(
        rule="failure_spike", settings={"above": 3, "within": "10s"}, fails=True,
        words=("Warning", "failures", "5 × WHMCS_ERROR"), labels=("Failed jobs", "Retry 5"),
    ),
    Case(rule="processor_down", settings={"for": "1s"}, words=("Critical", "No worker")),
    Case(rule="job_timeout", settings={"after": "1s"}, hangs=True, words=("Warning",)),
)  # fmt: skip
WORKSPACE = WorkspaceConfig(
    rooms=(*WorkspaceConfig().rooms, *(Room(id=one.channel, name=one.queue) for one in FIVE))
)


async def each_of_the_five_is_kept_up_through_a_restart(stage, valkey):
    stage.config["queues"] = {
        one.queue: {
            "bullmq": 6, "retry_via": "bullmq", "mention": "S0ONCALL", "channel": one.channel,
            "alerts": {one.rule: one.settings},
        }
        for one in FIVE
    }  # fmt: skip
    bot = await stage.start_bot()
    portals = {one.rule: stage.portal(one.queue) for one in FIVE}
    fired = await for_each(lambda one: fires(stage, one, portals[one.rule]))
    async with failures(portals):
        await for_each(lambda one: press(stage, "Acknowledge", one, "Acknowledged by"))
        assert await bot.stop() == 0
        await stage.start_bot()
        await for_each(lambda one: press(stage, "Silence 1 h", one, "Silenced"))
    for one in FIVE:
        portal = portals[one.rule]
        portal.hang.set()
        if not one.works:
            portal.work()
    ended = await for_each(lambda one: stage.alert("Resolved", channel=one.channel))
    assert [message.ts for message in ended] == fired


async def for_each(act):
    return await asyncio.gather(*map(act, FIVE))


async def fires(stage, case, portal):
    """Bring it about; it says all that it should. Gives its timestamp."""
    portal.whmcs_up = not case.fails
    portal.hang = asyncio.Event()
    if case.works:
        portal.work()
    ids = await portal.add(5, hang=case.hangs)
    words = (*case.words, *(ids if case.hangs else ()))
    alert = await stage.alert(case.queue, *words, channel=case.channel)
    for wanted in case.labels:
        assert any(label.startswith(wanted) for label in alert.labels), alert.labels
    assert ("S0ONCALL" in str(alert.raw)) is (case.words[0] == "Critical")
    return alert.ts


@asynccontextmanager
async def failures(portals):
    """Another one each second: the spike lasts as long as the block, and then ends by itself."""

    async def go_on():
        while True:
            await asyncio.gather(*(portals[one.rule].add(1) for one in FIVE if one.fails))
            await asyncio.sleep(1)

    going_on = asyncio.create_task(go_on())
    try:
        yield
    finally:
        going_on.cancel()


async def press(stage, button, case, answer):
    """Press a button of its message, which then says so."""
    alert = await stage.alert(channel=case.channel)
    assert (await stage.driver.click(button, message=alert, channel=case.channel))["ok"]
    await stage.alert(answer, channel=case.channel)


async def backlog_fires_escalates_is_acknowledged_and_resolves(stage, valkey):
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

    async def thread_has_its_end():
        return "Resolved" in " | ".join(await stage.thread())

    await stage.until(thread_has_its_end, lambda: "the thread is not complete")
    thread = " | ".join(await stage.thread())
    assert "Critical" in thread
    assert "acknowledged" in thread


async def a_silenced_queue_is_not_posted_and_a_posted_one_says_so(stage, valkey):
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


async def a_killed_bot_that_is_started_again_neither_repeats_nor_forgets(stage, valkey):
    portal = stage.portal()
    await portal.add(12)
    first = await stage.start_bot()
    alert = await stage.alert("Warning", "backlog 12")
    first.kill()
    await first.process.wait()
    await portal.add(48)
    await stage.start_bot()
    critical = await stage.alert("Critical", "backlog 60")
    assert critical.ts == alert.ts
    portal.work()
    assert (await stage.alert("Resolved")).ts == alert.ts


async def two_replicas_overlap_and_each_takes_buttons(stage, valkey):
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


STORIES = (
    each_of_the_five_is_kept_up_through_a_restart,
    a_killed_bot_that_is_started_again_neither_repeats_nor_forgets,
    two_replicas_overlap_and_each_takes_buttons,
    a_silenced_queue_is_not_posted_and_a_posted_one_says_so,
    backlog_fires_escalates_is_acknowledged_and_resolves,
)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
async def test_story(story, told):
    await told[story]
