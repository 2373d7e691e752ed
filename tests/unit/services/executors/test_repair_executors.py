"""What carries repairs out, batch by batch: what a crash leaves, what others do meanwhile."""

import asyncio
from dataclasses import replace

import pytest

from bot.domain.jobs import ORPHAN, BatchOutcome, FailedRef
from bot.domain.operations import Tally
from bot.domain.pacing import Pace
from bot.domain.plans import GHOSTS, PlanKind
from bot.errors import ArchiveFullError, RedisUnavailableError
from bot.services.operations.base import Throttle
from bot.services.operations.promote import PromoteExecutor
from bot.services.operations.selection import batches
from tests.support.fakes import ORDERS, START
from tests.unit.services.executors.running import CATALOG, fail, plan, run


async def test_a_batch_is_as_large_as_the_throttle_says_when_it_is_asked_for():
    async def pages():
        yield [1, 2, 3, 4, 5]
        yield [6, 7]

    throttle = Throttle(Pace(size=2))
    found = []
    async for batch in batches(pages(), throttle):
        found.append(batch)
        throttle.pace = Pace(size=3)
    assert found == [[1, 2], [3, 4, 5], [6, 7]]


async def test_no_more_are_promoted_than_the_plan_counts(queues, remover, queue):
    queue.delayed = [f"d{number}" for number in range(10)]
    executor = PromoteExecutor(operator=queues, remover=remover, done=queues, catalog=CATALOG)
    tally, _ = await run(executor, plan(PlanKind.PROMOTE, 4, state="delayed"))
    assert tally == Tally(done=4)
    assert queue.promoted == ["d0", "d1", "d2", "d3"]


async def test_a_clean_begun_again_after_a_crash_is_right_in_all(clean, queue, archive):
    fail(queue, 7)
    cleaning = plan(PlanKind.CLEAN, 7, state="failed", archive="op1", filter=_until(START))
    first, _ = await run(clean, cleaning, steps=3)
    assert first.done == 4
    again, _ = await run(clean, cleaning, before=4)
    assert again == Tally(done=7)
    assert queue.failed == {}
    assert (await archive.info("op1")).jobs == 7


async def test_a_clean_that_dies_between_archive_and_removal_is_finished(
    clean, archiving, queue, archive, remover
):
    fail(queue, 3)
    cleaning = plan(PlanKind.CLEAN, 3, state="failed", archive="op1", filter=_until(START))
    await archive.begin("op1", queue=ORDERS, state="failed", kind="clean", by="U0BOB")
    refs = [FailedRef("f0", START - 100), FailedRef("f1", START - 99)]
    async for group in remover.capture(ORDERS, "failed", refs):
        await archive.put("op1", group.jobs)
    tally, _ = await run(clean, cleaning)
    assert tally == Tally(done=3)
    assert (await archive.info("op1")).jobs == 3
    assert await archive.unsettled("op1") == []


async def test_a_full_archive_ends_a_clean_and_the_rest_stays(clean, queue, archive):
    fail(queue, 10)
    archive.cap = 500
    cleaning = plan(PlanKind.CLEAN, 10, state="failed", archive="op1", filter=_until(START))
    with pytest.raises(ArchiveFullError):
        await run(clean, cleaning)
    assert (await archive.info("op1")).jobs + len(queue.failed) == 10
    assert queue.failed


async def test_without_an_archive_nothing_is_kept(clean, remover, archive):
    remover.held[ORDERS, "completed"] = {"c1": START - 5, "c2": START + 5}
    cleaning = plan(PlanKind.CLEAN, 1, state="completed", filter=_until(START))
    tally, _ = await run(clean, cleaning)
    assert tally == Tally(done=1)
    assert remover.held[ORDERS, "completed"] == {"c2": START + 5}
    assert await archive.recent() == []


async def test_jobs_that_left_in_between_are_told_of(clean, queue):
    fail(queue, 3)
    cleaning = plan(PlanKind.CLEAN, 5, state="failed", archive="op1", filter=_until(START))
    tally, _ = await run(clean, cleaning)
    assert tally == Tally(done=3, changed=2)


async def test_a_sweep_archives_all_orphans_and_an_undo_brings_them_back(
    sweep, undo, remover, archive
):
    remover.strays[ORDERS] = {str(number) for number in range(5)}
    tally, _ = await run(sweep, plan(PlanKind.SWEEP, 5, state=ORPHAN, archive="op1"))
    assert tally == Tally(done=5)
    assert not remover.strays[ORDERS]
    assert (await archive.info("op1")).jobs == 5
    tally, _ = await run(undo, plan(PlanKind.UNDO, 5, id="op2", state=ORPHAN, archive="op1"))
    assert tally == Tally(done=5)
    assert remover.strays[ORDERS] == {str(number) for number in range(5)}


async def test_a_sweep_that_dies_between_archive_and_removal_is_finished(sweep, remover, archive):
    remover.strays[ORDERS] = {"1", "2", "3"}
    await archive.begin("op1", queue=ORDERS, state=ORPHAN, kind="sweep", by="U0BOB")
    async for group in remover.capture(ORDERS, ORPHAN, [FailedRef("1", 0)]):
        await archive.put("op1", group.jobs)
    tally, _ = await run(sweep, plan(PlanKind.SWEEP, 3, state=ORPHAN, archive="op1"))
    assert tally == Tally(done=3)
    assert (await archive.info("op1")).jobs == 3
    assert await archive.unsettled("op1") == []


async def test_a_sweep_of_ghosts_begun_again_is_right_in_all_and_spares_the_jobs(sweep, queue):
    fail(queue, 7)
    queue.emptied = {"f0", "f1", "f3", "f6"}
    sweeping = plan(PlanKind.SWEEP, 4, state=GHOSTS, filter=_until(START))
    first, _ = await run(sweep, sweeping, steps=2)
    assert first == Tally(done=3)
    again, _ = await run(sweep, sweeping, before=3)
    assert again == Tally(done=4)
    assert set(queue.failed) == {"f2", "f4", "f5"}


async def test_a_sweep_takes_no_more_ghosts_than_were_shown_though_an_eviction_goes_on(
    sweep, queue, remover, monkeypatch
):
    fail(queue, 9)
    queue.emptied = {f"f{number}" for number in range(9)}
    looked = []
    drop = remover.drop_ids
    monkeypatch.setattr(remover, "drop_ids", lambda *a, **k: looked.append(a[2]) or drop(*a, **k))
    tally, _ = await run(sweep, plan(PlanKind.SWEEP, 3, state=GHOSTS, filter=_until(START)))
    assert tally == Tally(done=3)
    assert len(queue.failed) == 6
    assert len(looked) == 2, "it does not go on through the others"


async def test_ghosts_that_others_have_taken_out_are_told_of(sweep, queue):
    fail(queue, 3)
    queue.emptied = {"f0"}
    tally, _ = await run(sweep, plan(PlanKind.SWEEP, 2, state=GHOSTS, filter=_until(START)))
    assert tally == Tally(done=1, changed=1)


async def emptied(clean, queue, count=6):
    """An archive of so many jobs, in batches of two."""
    fail(queue, count)
    before = dict(queue.failed)
    cleaning = plan(PlanKind.CLEAN, count, state="failed", archive="op1", filter=_until(START))
    await run(clean, cleaning)
    return before


def undoing(plan_id):
    return plan(PlanKind.UNDO, 6, id=plan_id, archive="op1")


async def test_an_undo_begun_again_after_a_crash_is_right_in_all(clean, undo, queue, archive):
    before = await emptied(clean, queue)
    first, _ = await run(undo, undoing("u1"), steps=1)
    again, _ = await run(undo, undoing("u1"), before=first.done)
    assert again == Tally(done=6)
    assert queue.failed == before
    assert (await archive.info("op1")).jobs == 0


async def test_an_undo_drips_as_it_was_told(clean, undo, queue, archive, remover):
    """Its batches are as large as the pace allows, not as they were archived."""
    fail(queue, 6)
    cleaning = plan(PlanKind.CLEAN, 6, state="failed", archive="op1", filter=_until(START))
    async for _ in clean.steps(cleaning, Throttle(Pace())):
        pass
    assert len(await archive.batches("op1")) == 1
    queue.fail("f2", "another", START)
    steps = undo.steps(undoing("u1"), Throttle(Pace(rate=4.0)))
    outcomes = [step.outcome async for step in steps]
    assert [len(outcome.done) for outcome in outcomes] == [2, 1, 2]
    assert sum(outcomes, BatchOutcome()).changed == 1
    assert (await archive.info("op1")).jobs == 1, "the one whose id is in use"


async def test_an_undo_that_dies_before_the_archive_knows_brings_nothing_back_twice(
    clean, undo, queue, archive, remover
):
    before = await emptied(clean, queue)
    number = (await archive.batches("op1"))[0]
    jobs = await archive.batch("op1", number)
    await remover.restore(ORDERS, jobs, configured=None, operation="u1", archive="op1")
    tally, _ = await run(undo, undoing("u1"), before=len(jobs))
    assert tally == Tally(done=6)
    assert queue.failed == before


async def test_two_undos_of_one_archive_bring_each_job_back_once(clean, undo, queue):
    before = await emptied(clean, queue)
    (one, _), (two, _) = await asyncio.gather(run(undo, undoing("u1")), run(undo, undoing("u2")))
    assert one.done + two.done == 6
    assert queue.failed == before


async def test_a_job_that_came_back_and_ran_does_not_come_back_again(
    clean, undo, queue, archive, remover
):
    """The second undo has read its batch before the first brought it back, and writes after."""
    await emptied(clean, queue)
    number = (await archive.batches("op1"))[0]
    stale = await archive.batch("op1", number)
    await run(undo, undoing("u1"))
    for job in stale:
        del queue.failed[job.id]  # retried, completed, and removed on completion
    late = await remover.restore(ORDERS, stale, configured=None, operation="u2", archive="op1")
    assert late == BatchOutcome(changed=len(stale))
    assert not any(job.id in queue.failed for job in stale)


async def test_a_source_that_goes_away_leaves_each_job_in_one_place(clean, queue, queues, archive):
    fail(queue, 6)
    cleaning = plan(PlanKind.CLEAN, 6, state="failed", archive="op1", filter=_until(START))
    await run(clean, cleaning, steps=2)
    queues.down["main"] = "away"
    with pytest.raises(RedisUnavailableError):
        await run(clean, cleaning)
    queues.down.clear()
    assert (await archive.info("op1")).jobs + len(queue.failed) == 6


def _until(at):
    return replace(plan(PlanKind.CLEAN, 0).filter, until=at)
