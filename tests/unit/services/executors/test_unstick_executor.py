"""Unstick over fakes: it waits, marks, waits, and moves."""

import pytest

from bot.domain.operations import Tally
from bot.domain.plans import PlanKind
from bot.domain.times import SECOND
from bot.errors import RefusedError
from bot.services.operations.unstick import WAITS
from tests.support.fakes import START
from tests.unit.services.executors.running import active, by_twos, patiently, plan, run


async def test_unstick_waits_the_check_out_marks_waits_and_moves(unstick, queue, clock):
    queue.active.jobs = [active("a"), active("b"), active("alive", locked=True)]
    queue.active.check_ends = START + 3 * SECOND
    stuck = plan(PlanKind.UNSTICK, 2, ids=(("a", 1), ("b", 1)))
    tally, notices = await patiently(unstick, stuck, clock)
    assert tally == Tally(done=2)
    assert queue.active.unstuck == ["a", "b"]
    assert notices[0] == "BullMQ looks for jobs without a worker again in 3 s."
    assert any(notice.startswith("marked") for notice in notices)
    assert [job.id for job in queue.active.jobs] == ["alive"]


async def test_a_job_that_comes_to_life_in_between_is_left_alone(unstick, queue, clock):
    queue.active.jobs = [active("a"), active("b")]
    stuck = plan(PlanKind.UNSTICK, 2, ids=(("a", 1), ("b", 1)))
    tally = Tally()
    async for step in unstick.steps(stuck, by_twos()):
        tally = tally.plus(step.outcome)
        if step.notice.startswith("marked"):
            queue.active.jobs = [active("a"), active("b", locked=True)]
        clock.forward(round(step.wait * SECOND))
    assert tally == Tally(done=1, changed=1)
    assert queue.active.unstuck == ["a"]


async def test_unstick_begun_again_after_a_crash_counts_each_job_once(unstick, queue, clock):
    queue.active.jobs = [active("a")]
    stuck = plan(PlanKind.UNSTICK, 1, ids=(("a", 1),))
    await patiently(unstick, stuck, clock)
    tally, _ = await patiently(unstick, stuck, clock)
    assert tally == Tally(), "what was done before is in the done set, and nothing is left to do"


async def test_unstick_gives_up_where_nothing_can_be_moved(unstick, queue, clock):
    queue.active.jobs = [active("gone")]
    queue.emptied.add("gone")
    stuck = plan(PlanKind.UNSTICK, 1, ids=(("gone", 1),))
    tally, _ = await patiently(unstick, stuck, clock)
    assert tally == Tally(vanished=1)


async def test_unstick_does_not_wait_for_ever(unstick, queue, clock):
    queue.active.jobs = [active("a")]
    queue.active.check_ends = START + 10**9
    stuck = plan(PlanKind.UNSTICK, 1, ids=(("a", 1),))
    tally, notices = await patiently(unstick, stuck, clock)
    assert tally == Tally(left_out=1)
    assert len(notices) == WAITS


async def test_unstick_is_refused_where_the_version_table_says_so(unstick, queue):
    queue.active.jobs, queue.paused, queue.version = [active("a")], True, "bullmq:5.81.0"
    with pytest.raises(RefusedError, match="paused"):
        await run(unstick, plan(PlanKind.UNSTICK, 1, ids=(("a", 1),)))
