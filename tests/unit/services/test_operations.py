"""A long operation: its message, its stop, what a crash leaves, what Slack and Redis do to it."""

import asyncio
import re
from dataclasses import replace

import pytest

from bot.domain.jobs import FailureFilter
from bot.domain.operations import Phase
from bot.domain.plans import PlanStatus
from bot.errors import HandedOverError, RedisUnavailableError, RefusedError
from bot.ports import Ended
from bot.services.confirming import Choice
from bot.services.operations import receipts, runner, screen
from tests.support.fakes import ORDERS, START
from tests.support.toolbox import ALICE, BOB, shown


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Slack is tried again at once, and nothing is waited for."""
    monkeypatch.setattr(screen, "FIRST", 0.0)
    monkeypatch.setattr(screen, "EVERY", 0.0)
    monkeypatch.setattr(screen, "AGAIN", 0.0)
    monkeypatch.setattr(receipts, "PER_STEP", 0.0)


@pytest.fixture
def queue(office):
    return office.queues.queues[ORDERS]


@pytest.fixture
def many(queue):
    for number in range(1100):
        queue.fail(f"t{number:04}", "TIMEOUT: slow", START - 90_000 + number)
    return queue


async def begin(office, code="WHMCS_ERROR", choice=None, **options):
    wanted = FailureFilter(code=code)
    plan = (await office.toolbox.planner.propose(BOB, ORDERS, wanted, **options)).plan
    return (await office.toolbox.confirming.confirm(BOB, plan.id, choice)).plan


def message(messenger):
    [posted] = messenger.of(screen.KIND)
    return shown(posted.message).text.replace("*", "")


def labels(messenger, kind=screen.KIND):
    [posted] = messenger.of(kind)
    return shown(posted.message).labels


def replies(messenger):
    return [shown(posted.message).text.replace("*", "") for posted in messenger.of(screen.RECEIPT)]


async def reaches(office, plan, phase):
    """Let everything go on until the operation is in that phase."""
    async with asyncio.timeout(20):
        while (found := await stored(office, plan)) is None or found.phase is not phase:  # noqa: ASYNC110
            await asyncio.sleep(0)


async def stored(office, plan):
    return await office.runner._tools.operations.load(plan.id)


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


async def test_a_crash_in_the_middle_is_gone_on_with_and_the_total_is_right(
    office, messenger, many
):
    plan = await begin(office, "TIMEOUT")
    real, calls = office.queues.retry, []

    async def retry(*args, **options):
        outcome = await real(*args, **options)
        calls.append(outcome)
        if len(calls) == 2:
            raise KeyboardInterrupt  # killed after the change, before anything could be stored
        return outcome

    office.queues.retry = retry
    with pytest.raises(KeyboardInterrupt):
        await office.run_operations()
    await office.runner.run(plan.id, asyncio.Event())
    assert len(many.retried) == len({job for job, _ in many.retried}) == 1100
    assert "Moved 1,100 of 1,100 TIMEOUT back to waiting in order-provisioning. Asked" in message(
        messenger
    )


async def test_two_replicas_at_once_move_each_job_once_and_tell_it_once(office, messenger, many):
    plan = await begin(office, "TIMEOUT")
    office.submitted.waiting.clear()
    await asyncio.gather(*(office.runner.run(plan.id, asyncio.Event()) for _ in range(2)))
    assert len(many.retried) == len({job for job, _ in many.retried}) == 1100
    ended = [entry for entry in await office.history() if entry.action == "retry"]
    assert [entry.job_count for entry in ended] == [1100]


async def test_a_process_that_ends_hands_it_over(office, messenger, many):
    plan = await begin(office, "TIMEOUT")
    leave = asyncio.Event()
    leave.set()
    with pytest.raises(HandedOverError):
        await office.runner.run(plan.id, leave)
    assert (await stored(office, plan)).phase is Phase.RUNNING
    await office.runner.run(plan.id, asyncio.Event())
    assert len(many.retried) == 1100
    assert "Moved 1,100" in message(messenger)


async def test_a_pause_in_between_ends_it_early_with_the_reason(office, messenger, many):
    many.version, many.pause_after = "bullmq:5.81.0", 100
    await begin(office, "TIMEOUT")
    await office.run_operations()
    text = message(messenger)
    assert "Moved 100 of 1,100 TIMEOUT back to waiting in order-provisioning" in text
    assert "Ended early: The queue is paused" in text


async def test_a_source_that_is_away_for_a_while_is_waited_for(
    office, messenger, many, monkeypatch
):
    monkeypatch.setattr(runner, "PATIENCE", 60.0)
    await begin(office, "TIMEOUT")
    real, answers = office.queues.retry, iter([True, False, True])

    async def retry(*args, **options):
        if not next(answers, True):
            raise RedisUnavailableError("Redis does not answer.")
        return await real(*args, **options)

    office.queues.retry = retry
    await office.run_operations()
    assert "Moved 1,100 of 1,100 TIMEOUT back to waiting in order-provisioning." in message(
        messenger
    )


async def test_a_source_that_stays_away_ends_it_and_says_so(office, messenger, many, monkeypatch):
    monkeypatch.setattr(runner, "PATIENCE", 0.0)
    await begin(office, "TIMEOUT")

    async def retry(*_args, **_options):
        raise RedisUnavailableError("Redis does not answer.")

    office.queues.retry = retry
    await office.run_operations()
    text = message(messenger)
    assert "Changed none of 1,100 TIMEOUT in order-provisioning. 1,100 not touched." in text
    assert "Ended early: Redis does not answer." in text


async def test_an_answer_that_slack_lost_is_looked_for_and_not_said_twice(office, messenger):
    messenger.faults = ["lost answer"]
    await begin(office)
    await office.run_operations()
    assert len(messenger.of(screen.KIND)) == 1
    assert "Moved 3" in message(messenger)


async def test_where_the_channel_refuses_the_person_is_told(office, messenger):
    messenger.missing = {BOB.channel}
    await begin(office)
    await office.run_operations()
    [posted] = messenger.of(screen.KIND)
    assert posted.ref.channel == "U0BOB"


async def test_slack_away_does_not_hold_the_jobs_up(office, messenger, queue):
    messenger.faults = ["unreachable"] * 3
    await begin(office)
    await office.run_operations()
    assert len(queue.retried) == 3
    assert "Moved 3" in message(messenger)


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


async def test_a_refusal_from_the_start_says_that_nothing_was_changed(office, messenger, queue):
    async def retry(*_args, **_options):
        raise RefusedError("The queue's own keys are damaged (pc).")

    await begin(office)
    office.queues.retry = retry
    await office.run_operations()
    assert "Changed none of 3 WHMCS_ERROR in order-provisioning. 3 not touched." in message(
        messenger
    )


async def test_an_unknown_or_cancelled_plan_does_nothing(office, messenger):
    await office.runner.run("nope", asyncio.Event())
    plan = (await office.toolbox.planner.propose(BOB, ORDERS, FailureFilter())).plan
    await office.toolbox.confirming.cancel(BOB, plan.id)
    await office.runner.run(plan.id, asyncio.Event())
    assert not messenger.of(screen.KIND)


async def test_a_finished_one_is_not_run_again(office, messenger, queue):
    plan = await begin(office)
    await office.run_operations()
    before = len(messenger.posted)
    await office.runner.run(plan.id, asyncio.Event())
    assert (len(queue.retried), len(messenger.posted)) == (3, before)


async def test_what_a_failover_took_back_is_done_again(office, messenger, queue):
    """Jobs and done set are in one Redis: an older copy of it has neither."""
    plan = await begin(office)
    real, lost = office.queues.retry, []

    async def retry(*args, **options):
        outcome = await real(*args, **options)
        if not lost:
            lost.append(outcome)
            queue.fail("w0", "WHMCS_ERROR: connect ETIMEDOUT", START - 60_000)
            del office.queues.done_sets[ORDERS, plan.id]["w0"]
        return outcome

    office.queues.retry = retry
    await office.run_operations()
    assert "Moved 3 of 3 WHMCS_ERROR" in message(messenger)
    assert sorted(job for job, _ in queue.retried) == ["w0", "w0", "w1", "w2"]
    assert not {"w0", "w1", "w2"} & set(queue.failed)


async def test_what_a_kill_before_the_last_message_left_is_told_by_the_next(office, messenger):
    plan = await begin(office)
    messenger.faults = ["unreachable"] * 100
    leave = asyncio.Event()
    running = asyncio.create_task(office.runner.run(plan.id, leave))
    await reaches(office, plan, Phase.TELLING)
    leave.set()
    with pytest.raises(HandedOverError):
        await running
    messenger.faults.clear()
    await office.runner.run(plan.id, asyncio.Event())
    assert "Moved 3 of 3" in message(messenger)
    assert replies(messenger)
    assert (await stored(office, plan)).phase is Phase.ENDED


async def test_a_process_that_was_frozen_neither_edits_nor_overwrites_what_the_other_told(
    office, messenger, many
):
    plan = await begin(office, "TIMEOUT")
    real, woken, frozen = office.queues.retry, asyncio.Event(), asyncio.Event()

    async def retry(*args, **options):
        if not frozen.is_set():
            frozen.set()
            await woken.wait()
        return await real(*args, **options)

    office.queues.retry = retry
    first = asyncio.create_task(office.runner.run(plan.id, asyncio.Event()))
    await frozen.wait()
    await office.runner.run(plan.id, asyncio.Event())
    before, edits = message(messenger), messenger.of(screen.KIND)[0].edits
    assert "Moved 1,100 of 1,100" in before
    woken.set()
    await first
    assert (message(messenger), messenger.of(screen.KIND)[0].edits) == (before, edits)
    assert (await stored(office, plan)).phase is Phase.ENDED


async def test_a_canary_that_was_frozen_does_not_undo_that_the_rest_was_begun(office, many):
    plan = await begin(office, "TIMEOUT", choice=Choice(canary=5))
    stale = await office.toolbox.confirming.plan(plan.id)
    await office.run_operations()
    await office.toolbox.confirming.rest(BOB, plan.id)
    plans = office.toolbox.confirming._plans
    assert not await plans.advance(
        replace(stale, status=PlanStatus.TRIED), expected=PlanStatus.RUNNING
    )
    await office.run_operations()
    assert len(many.retried) == 1100


async def test_a_source_that_stays_away_ends_it_even_where_nothing_can_be_counted(
    office, messenger, monkeypatch
):
    monkeypatch.setattr(runner, "PATIENCE", 0.0)
    plan = await begin(office)
    office.queues.down["main"] = "Redis does not answer."
    await office.run_operations()
    assert "Ended early: Redis does not answer" in message(messenger)
    assert (await office.toolbox.confirming.plan(plan.id)).status is PlanStatus.DONE


async def test_a_mistake_of_ours_ends_it_with_a_reference(office, messenger):
    async def retry(*_args, **_options):
        raise KeyError("never mind")

    await begin(office)
    office.queues.retry = retry
    await office.run_operations()
    assert re.search(
        r"Ended early: Something unexpected went wrong \(ref \w{4}\)", message(messenger)
    )


async def test_what_was_begun_ends_when_the_bot_has_become_read_only(office, messenger, queue):
    await begin(office)
    tools = office.runner._tools
    read_only = replace(tools, catalog=replace(tools.catalog, read_only=True))
    office.runner._tools = read_only
    await office.run_operations()
    assert queue.retried == []
    assert "Ended early: Bullhorn is read-only now" in message(messenger)


async def test_a_slow_drip_does_not_hold_up_the_others(office, many, queue, monkeypatch):
    monkeypatch.setattr(runner, "AT_ONCE", 1)
    office.runner._turns = asyncio.Semaphore(1)
    slow = await begin(office, "TIMEOUT", rate=0.01)
    leave = asyncio.Event()
    dripping = asyncio.create_task(office.runner.run(slow.id, leave))
    await reaches(office, slow, Phase.RUNNING)
    office.submitted.waiting.clear()
    await begin(office, "WHMCS_ERROR")
    await office.run_operations()
    assert {"w0", "w1", "w2"} <= {job for job, _ in queue.retried}
    leave.set()
    with pytest.raises(HandedOverError):
        await dripping
