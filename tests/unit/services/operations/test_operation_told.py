"""A long operation: its message, its stop, its canary, and how its jobs ended."""

import asyncio

from bot.domain.jobs import FailureFilter
from bot.domain.plans import PlanStatus
from bot.ports import Ended
from bot.services.confirming import Choice
from bot.services.operations import screen
from tests.support.fakes import ORDERS
from tests.support.toolbox import ALICE, BOB
from tests.unit.services.operations.telling import begin, labels, message, replies, stored


async def test_one_message_tells_what_was_done_and_how_the_jobs_ended(office, messenger):
    await begin(office)
    await office.run_operations()
    text = message(messenger)
    assert (
        "Moved 3 of 3 WHMCS_ERROR back to waiting in order-provisioning. Asked by <@U0BOB>." in text
    )
    assert "3 completed" in text
    assert replies(messenger)[0].startswith("✅ 3 completed")


async def test_what_failed_again_is_told_by_code_and_new_codes_are_marked(office, messenger):
    office.outcomes.ended = {"w0": Ended("failed", "WHMCS_ERROR"), "w1": Ended("failed", "TIMEOUT")}
    plan = await begin(office)
    await office.run_operations()
    [receipt] = replies(messenger)
    assert "1 completed · 2 failed again (1 WHMCS_ERROR, 1 new: TIMEOUT)" in receipt
    assert "Show the 2" in labels(messenger, screen.RECEIPT)
    assert (await stored(office, plan)).receipt.failed_again == 2
    told = (await office.ask("history")).message
    [receipt] = [line for line in str(told.blocks).split("\\n") if "after retry 3" in line]
    assert "\u26a0\ufe0f" in receipt, "history has the mark of the message"


async def test_one_other_error_is_named_without_its_number_again(office, messenger):
    office.outcomes.ended = {"w0": Ended("failed", "TIMEOUT"), "w1": Ended("failed", "TIMEOUT")}
    await begin(office)
    await office.run_operations()
    assert "1 completed · 2 failed again (another error: TIMEOUT)" in replies(messenger)[0]


async def test_jobs_are_watched_until_none_waits(office, messenger):
    waiting = {f"w{number}": Ended("waiting") for number in range(3)}
    office.outcomes.looks = [
        waiting,
        {"w0": Ended("completed")},
        dict.fromkeys(waiting, Ended("gone")),
    ]
    await begin(office)
    await office.run_operations()
    assert "1 completed · 2 ended unseen" in replies(messenger)[0]


async def test_what_still_waits_after_a_quarter_of_an_hour_is_told(office, messenger):
    office.outcomes.default = Ended("waiting")
    office.outcomes.looks = [{}]
    real = office.outcomes.outcomes

    async def looking(queue, ids):
        office.clock.forward(10 * 60_000)
        return await real(queue, ids)

    office.outcomes.outcomes = looking
    await begin(office)
    await office.run_operations()
    assert "0 completed · 3 still waiting" in replies(messenger)[0]


async def test_stop_takes_effect_after_the_batch_and_says_what_was_left(office, messenger, many):
    plan = await begin(office, "TIMEOUT")
    real = office.queues.retry

    async def retry(*args, **options):
        outcome = await real(*args, **options)
        await office.toolbox.confirming.stop(ALICE, plan.id)
        return outcome

    office.queues.retry = retry
    await office.run_operations()
    assert len(many.retried) == 500
    assert (
        "Moved 500 of 1,100 TIMEOUT back to waiting in order-provisioning. 600 not touched."
        in message(messenger)
    )
    assert "stopped by <@U0ALICE>" in message(messenger)
    assert (await office.toolbox.confirming.plan(plan.id)).status is PlanStatus.DONE


async def test_a_canary_that_failed_again_does_not_offer_to_go_on_lightly(office, messenger):
    office.outcomes.default = Ended("failed", "WHMCS_ERROR")
    plan = await begin(office, choice=Choice(canary=2))
    await office.run_operations()
    text = message(messenger)
    assert "Not going on: 1 stay failed" in text
    assert (await office.toolbox.confirming.plan(plan.id)).status is PlanStatus.TRIED


async def test_a_canary_that_went_well_offers_the_rest(office, messenger):
    await begin(office, choice=Choice(canary=2))
    await office.run_operations()
    text = message(messenger)
    assert "All went well. 1 is left." in text
    assert "Retry the other 1" in labels(messenger)


async def test_an_unknown_or_cancelled_plan_does_nothing(office, messenger):
    await office.runner.run("nope", asyncio.Event())
    plan = (await office.toolbox.planner.propose(BOB, ORDERS, FailureFilter())).plan
    await office.toolbox.confirming.cancel(BOB, plan.id)
    await office.runner.run(plan.id, asyncio.Event())
    assert not messenger.of(screen.KIND)
