"""Commands and buttons on the running bot, with real BullMQ of each version."""

from tests.support.node_bullmq import VERSIONS
from tests.support.stage import plain

FAILS = {"data": {"fail": "WHMCS_ERROR: connect ETIMEDOUT"}}


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
    assert "retry orders-3 --all · not allowed: Retrying needs the operator role" in refused
