"""From a card to an operation: once, by who asked, and asked again where the facts drifted."""

import asyncio
from dataclasses import replace

import pytest

from bot.domain.audit import Outcome
from bot.domain.jobs import FailureFilter
from bot.domain.plans import PLAN_LIFETIME, PlanStatus
from bot.errors import JobGoneError, RedisUnavailableError, RefusedError, StaleError
from bot.services.confirming import Choice
from bot.services.operations.screen import KIND
from tests.support.fakes import ORDERS, START
from tests.support.toolbox import ALICE, BOB, shown


@pytest.fixture
def queue(office):
    return office.queues.queues[ORDERS]


async def propose(office, code="WHMCS_ERROR", **options):
    wanted = FailureFilter(code=code)
    return (await office.toolbox.planner.propose(BOB, ORDERS, wanted, **options)).plan


async def confirm(office, plan, actor=BOB, choice=None):
    return await office.toolbox.confirming.confirm(actor, plan.id, choice)


async def test_a_confirmed_plan_is_carried_out_by_the_worker(office, queue):
    plan = await propose(office)
    assert (await confirm(office, plan)).plan.status is PlanStatus.RUNNING
    assert queue.retried == [], "confirming moves nothing itself"
    await office.run_operations()
    assert sorted(job for job, _ in queue.retried) == ["w0", "w1", "w2"]
    assert set(queue.failed) == {"m0", "m1"}


async def test_pressing_twice_acts_once(office, queue):
    plan = await propose(office)
    await confirm(office, plan)
    with pytest.raises(StaleError, match=r"U0BOB began this at .*: 0 of 3 done"):
        await confirm(office, plan)
    await office.run_operations()
    with pytest.raises(StaleError, match=r"U0BOB did this already at .*: 3 of 3"):
        await confirm(office, plan)
    await office.run_operations()
    assert len(queue.retried) == 3


@pytest.mark.parametrize("plan_id", ["", "nonsense", "*", "x" * 3000])
async def test_a_forged_plan_id_does_nothing(office, queue, plan_id):
    with pytest.raises(StaleError, match="not known"):
        await office.toolbox.confirming.confirm(BOB, plan_id)
    assert not office.submitted.waiting


async def test_another_persons_plan_is_refused(office):
    plan = await propose(office)
    with pytest.raises(StaleError, match="someone else"):
        await confirm(office, plan, ALICE)
    assert not office.submitted.waiting


async def test_an_expired_plan_does_nothing(office):
    plan = await propose(office)
    office.clock.forward(PLAN_LIFETIME)
    with pytest.raises(StaleError, match="expired"):
        await confirm(office, plan)
    assert not office.submitted.waiting


async def test_a_cancelled_plan_does_nothing(office):
    plan = await propose(office)
    await office.toolbox.confirming.cancel(BOB, plan.id)
    with pytest.raises(StaleError, match="put aside"):
        await confirm(office, plan)
    assert not office.submitted.waiting


async def test_a_pause_since_the_card_was_drawn_is_refused_and_the_plan_stays(office, queue):
    queue.version = "bullmq:5.81.0"
    plan = await propose(office)
    queue.paused = True
    with pytest.raises(RefusedError, match="paused"):
        await confirm(office, plan)
    assert (await office.history())[0].outcome is Outcome.REFUSED
    queue.paused = False
    assert (await confirm(office, plan)).plan.status is PlanStatus.RUNNING


async def test_more_failures_than_a_tenth_draw_the_card_again(office, queue):
    plan = await propose(office)
    queue.fail("w3", "WHMCS_ERROR: still burning", START + 5)
    again = await confirm(office, plan)
    assert not office.submitted.waiting
    assert again.change.matching == 4
    assert again.drawn_again is not None
    assert (again.drawn_again.plan.count, again.drawn_again.plan.id != plan.id) == (4, True)
    with pytest.raises(StaleError, match="put aside"):
        await confirm(office, plan)
    assert (await confirm(office, again.drawn_again.plan)).drawn_again is None


async def test_a_tenth_is_no_drift(office, queue):
    for number in range(10):
        queue.fail(f"x{number}", "TIMEOUT: slow", START - 50_000 + number)
    plan = await propose(office, code="TIMEOUT")
    queue.fail("x10", "TIMEOUT: slow", START + 5)
    assert (await confirm(office, plan)).drawn_again is None
    await office.run_operations()
    assert "x10" in queue.failed, "it failed after the card was drawn"


async def test_a_filter_that_matches_nothing_any_more_is_said(office, queue):
    plan = await propose(office)
    for number in range(3):
        del queue.failed[f"w{number}"]
    with pytest.raises(JobGoneError, match="None of these 3 failed jobs is there any more"):
        await confirm(office, plan)


async def test_redis_away_changes_nothing_and_the_plan_stays(office):
    plan = await propose(office)
    office.queues.down["main"] = "Redis does not answer"
    with pytest.raises(RedisUnavailableError, match="Nothing was changed"):
        await confirm(office, plan)
    office.queues.down.clear()
    assert (await confirm(office, plan)).plan.status is PlanStatus.RUNNING


async def test_a_press_after_the_queue_refused_hands_it_over(office, queue):
    plan = await propose(office)
    office.submitted.down = "Redis does not take it"
    with pytest.raises(RedisUnavailableError):
        await confirm(office, plan)
    office.submitted.down = ""
    with pytest.raises(StaleError, match="under way"):
        await confirm(office, plan)
    await office.run_operations()
    assert len(queue.retried) == 3


async def test_what_was_lost_before_the_queue_is_put_in_again_by_the_leader(office, queue):
    plan = await propose(office)
    office.submitted.down = "Redis does not take it"
    with pytest.raises(RedisUnavailableError):
        await confirm(office, plan)
    office.submitted.down = ""
    await office.reconcile()
    await office.reconcile()
    await office.run_operations()
    assert len(queue.retried) == 3
    await office.reconcile()
    assert not office.submitted.waiting, "it has ended"


async def test_cancel_takes_back_what_was_lost_before_the_queue(office, queue):
    plan = await propose(office)
    office.submitted.down = "Redis does not take it"
    with pytest.raises(RedisUnavailableError):
        await confirm(office, plan)
    office.submitted.down = ""
    await office.toolbox.confirming.cancel(BOB, plan.id)
    await office.reconcile()
    await office.run_operations()
    assert queue.retried == []
    assert (await office.toolbox.confirming.plan(plan.id)).status is PlanStatus.CANCELLED


async def test_a_lost_reply_to_the_start_is_looked_into(office, monkeypatch):
    plan = await propose(office)
    plans = office.toolbox.confirming._plans
    real = plans.advance

    async def lossy(plan, *, expected):
        await real(plan, expected=expected)
        monkeypatch.setattr(plans, "advance", real)
        raise RedisUnavailableError("the answer was lost")

    monkeypatch.setattr(plans, "advance", lossy)
    await confirm(office, plan)
    assert len(office.submitted.waiting) == 1


async def test_one_for_later_is_shown_at_once_waits_and_can_be_stopped(office, messenger):
    plan = await propose(office)
    await confirm(office, plan, choice=Choice(begin_at=office.clock.now + 3_600_000))
    running = asyncio.create_task(office.run_operations())
    async with asyncio.timeout(20):
        while not messenger.of(KIND):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    [posted] = messenger.of(KIND)
    assert "Stop" in shown(posted.message).labels
    assert "Begins" in shown(posted.message).text
    await office.toolbox.confirming.stop(ALICE, plan.id)
    await running
    assert office.queues.queues[ORDERS].retried == [], "stopped before it began"


async def test_a_canary_tries_a_few_and_the_rest_waits_for_a_press(office, queue):
    plan = await propose(office)
    await confirm(office, plan, choice=Choice(canary=2))
    await office.run_operations()
    assert len(queue.retried) == 2
    running = (await office.toolbox.confirming.rest(ALICE, plan.id)).plan
    assert (running.canary, running.confirmed_by) == (0, "U0ALICE")
    with pytest.raises(StaleError, match="under way"):
        await office.toolbox.confirming.rest(BOB, plan.id)
    await office.run_operations()
    assert sorted(job for job, _ in queue.retried) == ["w0", "w1", "w2"]


async def test_what_has_ended_cannot_be_stopped(office):
    plan = await propose(office)
    with pytest.raises(StaleError, match="nothing to stop"):
        await office.toolbox.confirming.stop(BOB, plan.id)
    await confirm(office, plan)
    await office.run_operations()
    with pytest.raises(StaleError, match="nothing to stop"):
        await office.toolbox.confirming.stop(BOB, plan.id)


async def test_history_tells_who_began_it_and_how_it_ended(office):
    plan = await propose(office)
    await confirm(office, plan)
    await office.run_operations()
    receipt, ended = await office.history()
    assert (ended.action, ended.outcome, ended.job_count) == ("retry", Outcome.DONE, 3)
    assert (receipt.action, receipt.detail) == ("receipt", "3 completed")


async def test_a_plan_of_an_older_bullhorn_is_read(office, redis):
    plan = await propose(office)
    assert replace(plan, warnings=()) == replace(
        await office.toolbox.confirming.plan(plan.id), warnings=()
    )


async def test_another_card_says_what_is_under_way_in_the_queue(office):
    await confirm(office, await propose(office))
    plan = await propose(office, code="MAPPING_ERROR")
    assert plan.warnings[0] == "<@U0BOB> has begun to retry 3 here: not over yet"
    await office.run_operations()
    assert "has begun" not in " ".join((await propose(office, code="MAPPING_ERROR")).warnings)
