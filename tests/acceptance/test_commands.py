"""Commands and buttons on the running bot: real BullMQ of each version, and parts that go away."""

from urllib.parse import urlsplit

from bot.domain.queues import QueueId
from tests.support.node_bullmq import VERSIONS
from tests.support.stage import plain
from tests.support.valkey import valkey_server
from tests.support.valkey_bullmq import write_meta

FAILS = {"data": {"fail": "WHMCS_ERROR: connect ETIMEDOUT"}}
ORDERS = QueueId("main", "bull", "order-provisioning")


def answer(*words, ephemeral=True):
    """A message with all these words, to the one who asked (or else to all)."""
    return lambda m: m.ephemeral is ephemeral and all(word in plain(m) for word in words)


async def test_jobs_that_node_workers_failed_are_retried_by_buttons_and_finished_by_them(
    stage, node
):
    queues = {version: node.queue(version, f"orders-{version}") for version in VERSIONS}
    workers = {version: await queue.worker() for version, queue in queues.items()}
    for queue in queues.values():
        await queue.add(FAILS, FAILS, FAILS)
    for queue in queues.values():
        await queue.wait(failed=3)
    await stage.start_bot()

    await viewer_is_refused(stage)
    await version_table_is_obeyed(stage, queues)
    for version, queue in queues.items():
        await workers[version].heal()
        await retry_by_buttons(stage, version)
        if version == 6:
            # BullMQ 6 takes a retry while it is paused: that is how it was left.
            await queue.wait(failed=0, completed=0)
            await queue.call("resume")
        await queue.wait(failed=0, completed=3)
    await history_has_it_all(stage)


async def viewer_is_refused(stage):
    await stage.driver.command("/queue retry orders-3 --all", user="U0VERA")
    await stage.driver.wait_for(
        answer("Retrying needs the operator role. Ask", "S0ONCALL", "U0ALICE"), user="U0VERA"
    )


async def version_table_is_obeyed(stage, queues):
    """Paused 5 and fresh on 4 are refused with the reason; 6 stays paused."""
    await queues[5].call("pause")
    await stage.driver.command("/queue retry orders-5 --all")
    await stage.driver.wait_for(
        answer("The queue is paused and runs BullMQ 5", "could lose jobs", "Resume it first")
    )
    await queues[5].call("resume")
    await stage.driver.command("/queue retry orders-4 --error WHMCS_ERROR --fresh")
    await stage.driver.wait_for(answer("Fresh attempts do nothing on BullMQ 4", "without --fresh"))
    for version in (4, 5):
        await queues[version].wait(failed=3)
    await queues[6].call("pause")


async def retry_by_buttons(stage, version):
    name, driver = f"orders-{version}", stage.driver
    await driver.command(f"/queue failed {name}")
    listed = await driver.wait_for(answer(f"3 failed in {name}", "3 × WHMCS_ERROR"))
    await driver.click("Retry these 3…", message=listed)
    card = await driver.wait_for(answer(f"Retry 3 jobs of {name} that failed with WHMCS_ERROR?"))
    assert ("Retry with fresh attempts" in card.labels) is (version >= 5)
    await driver.click("Retry 3 now", message=card)
    begun = await driver.wait_for(answer(f"Begun: 3 jobs of {name}"))
    assert begun.ts == card.ts
    told = (f"Moved 3 of 3 WHMCS_ERROR back to waiting in {name}", "Asked by <@U0BOB>")
    await driver.wait_for(answer(*told, ephemeral=False), user="U0VERA")


async def history_has_it_all(stage):
    await stage.driver.command("/queue history", user="U0VERA")
    shown = await stage.driver.wait_for(answer("newest first"), user="U0VERA")
    lines = plain(shown).splitlines()
    assert len([line for line in lines if "<@U0BOB>: retry 3 × WHMCS_ERROR" in line]) == 4
    assert len([line for line in lines if "3 of 3" in line]) == 4
    [refused] = [line for line in lines if "<@U0VERA>" in line]
    assert "retry orders-3 --all · refused: Retrying needs the operator role" in refused


async def test_its_own_redis_may_go_and_come_back(stage):
    with valkey_server() as redis:
        stage.redis_url = redis.url
        with redis.client() as client:
            write_meta(client, ORDERS)
            client.lpush(ORDERS.key("wait"), *range(12))
        bot = await stage.start_bot()
        alert = await stage.alert("Warning", "backlog 12")

        redis.stop()
        await stage.driver.command("/queue status")
        unknown = await stage.driver.wait_for(answer("own Redis cannot be reached", "(ref "))
        assert "healthy" not in plain(unknown)
        await stage.driver.wait_for(answer("cannot see the queues", ephemeral=False))
        assert (await bot.get("/healthz"))[0] == 200
        assert (await bot.get("/readyz"))[0] == 503

        redis.start()
        await stage.driver.wait_for(lambda m: is_blind(m) and m.raw.get("edited"))
        await stage.driver.command("/queue status order-provisioning")
        await stage.driver.wait_for(answer("order-provisioning", "backlog 12", "BullMQ 5"))
        with redis.client() as client:
            client.delete(ORDERS.key("wait"))
        assert (await stage.alert("Resolved")).ts == alert.ts
        seen = await stage.driver.messages()
        assert len([m for m in seen if is_blind(m)]) == 1, "said once, and edited when it was over"
        assert (await bot.get("/readyz"))[0] == 200
        assert bot.process.returncode is None


def is_blind(message):
    return message.metadata.get("event_type") == "bullhorn_blind"


async def test_slack_may_go_and_come_back(stage):
    portal = stage.portal()
    bot = await stage.start_bot()
    port = urlsplit(stage.slack.url).port
    await stage.slack.stop()
    await portal.add(12)

    tried = 'bullhorn_slack_calls_total{method="chat.postMessage",result="unreachable"}'

    async def has_tried():
        return tried in (await bot.get("/metrics"))[1]

    await stage.until(has_tried, lambda: "the bot has not tried to post the alert")
    await stage.slack.start(port=port)
    await stage.alert("Warning", "backlog 12")
    await stage.driver.wait_for_connection()
    await stage.driver.command("/queue alerts")
    await stage.driver.wait_for(answer("1 alert firing", "backlog 12"))
    assert len(await stage.alerts()) == 1
    assert bot.process.returncode is None
