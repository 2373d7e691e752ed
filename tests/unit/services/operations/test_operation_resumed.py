"""A long operation after a crash, a hand-over or a freeze, and beside another one."""

import asyncio
from dataclasses import replace

import pytest

from bot.domain.operations import Phase
from bot.domain.plans import PlanStatus
from bot.errors import HandedOverError
from bot.services.confirming import Choice
from bot.services.operations import runner, screen
from tests.support.fakes import ORDERS, START
from tests.support.toolbox import BOB
from tests.unit.services.operations.telling import begin, message, reaches, replies, stored


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
