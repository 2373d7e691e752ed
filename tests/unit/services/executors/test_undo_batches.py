"""An undo that takes a batch of the archive in several parts: a drip, or a Redis that is slow."""

import asyncio
from dataclasses import replace

import pytest

from bot.domain.operations import Tally
from bot.domain.pacing import Pace
from bot.domain.plans import PlanKind
from bot.errors import JobGoneError, RedisUnavailableError, RefusedError
from bot.ports import Ended
from bot.services.bringing_back import DROP_EVERY
from bot.services.operations.base import Throttle
from tests.support.fakes import ORDERS, START
from tests.support.toolbox import ALICE, BOB
from tests.unit.services.executors.running import by_twos, fail, plan, run
from tests.unit.services.executors.test_undo_executor import Returning, undoing


@pytest.fixture
async def before(clean, queue):
    """What failed; all of it is in one batch now, which comes back by twos."""
    fail(queue, 6)
    jobs = dict(queue.failed)
    until = replace(plan(PlanKind.CLEAN, 0).filter, until=START)
    cleaning = plan(PlanKind.CLEAN, 6, state="failed", archive="op1", filter=until)
    async for _ in clean.steps(cleaning, Throttle(Pace(size=10))):
        pass
    return jobs


async def left(archive):
    """How many jobs the archive says that it has."""
    return (await archive.info("op1")).jobs


async def test_what_is_back_goes_out_of_the_archive_once_for_a_batch(
    undo, before, queue, archive, monkeypatch
):
    real, written = archive.drop_jobs, []
    monkeypatch.setattr(archive, "drop_jobs", lambda *args: written.append(args) or real(*args))
    tally, _ = await run(undo, undoing())
    assert tally == Tally(done=6)
    assert queue.failed == before
    assert len(written) == 1
    assert await left(archive) == 0


async def test_in_a_slow_drip_it_goes_out_each_half_minute(undo, before, archive):
    at = [1000.0]
    undo._bringing._monotonic = lambda: at[0]
    seen = []
    async for _ in undo.steps(undoing(), Throttle(Pace(size=1))):
        at[0] += DROP_EVERY / 2
        seen.append(await left(archive))
    assert seen == [6, 6, 3, 3, 1, 0]


async def test_an_undo_begun_again_in_the_midst_of_a_batch_counts_each_job_once(
    undo, before, queue, archive
):
    """Those that are back must stay where they are by now: another has done their work."""
    first, _ = await run(undo, undoing(), steps=1)
    undo._returning = Returning(stay=set(queue.failed))
    again, _ = await run(undo, undoing(), before=first.done)
    assert (first, again) == (Tally(done=2), Tally(done=6))
    assert queue.failed == before
    assert await left(archive) == 0


async def test_what_another_undo_had_brought_back_before_it_ended_goes_out_too(
    undo, before, queue, archive
):
    await run(undo, undoing("u1"), steps=1)
    tally, _ = await run(undo, undoing("u2"))
    assert tally == Tally(done=4, changed=2)
    assert queue.failed == before
    assert await left(archive) == 0


@pytest.mark.parametrize("error", [RefusedError("Paused."), RedisUnavailableError("Away.")])
async def test_what_is_back_goes_out_where_the_rest_of_the_batch_cannot_come(
    undo, before, archive, remover, monkeypatch, error
):
    steps = undo.steps(undoing(), by_twos())
    await anext(steps)

    async def restore(*_args, **_options):
        raise error

    monkeypatch.setattr(remover, "restore", restore)
    with pytest.raises(type(error)):
        await anext(steps)
    assert await left(archive) == 4


async def test_a_stop_in_the_midst_of_a_batch_leaves_only_the_others_archived(office, monkeypatch):
    queue, confirming = office.queues.queues[ORDERS], office.toolbox.confirming
    cleaned = await office.toolbox.repairs.clean.propose(BOB, ORDERS, "failed", older_than=0)
    await confirming.confirm(BOB, cleaned.plan.id)
    await office.run_operations()
    kept = (await office.archive.info(cleaned.plan.id)).jobs
    office.outcomes.default = Ended("gone")
    asked = await office.toolbox.repairs.undo.propose(BOB, cleaned.plan.id, rate=2.0)
    begun = (await confirming.confirm(BOB, asked.plan.id)).plan
    real = office.remover.restore

    async def restore(*args, **options):
        await confirming.stop(ALICE, begun.id)
        return await real(*args, **options)

    monkeypatch.setattr(office.remover, "restore", restore)
    await office.runner.run(begun.id, asyncio.Event())
    assert len(queue.failed) == 1
    assert (await office.archive.info(cleaned.plan.id)).jobs == kept - 1 > 0


async def test_the_card_of_a_second_undo_counts_neither_as_in_use_nor_as_archived_what_is_back(
    office,
):
    """Another undo drips, and has not taken it out yet."""
    cleaned = await office.toolbox.repairs.clean.propose(BOB, ORDERS, "failed", older_than=0)
    await office.toolbox.confirming.confirm(BOB, cleaned.plan.id)
    await office.run_operations()
    office.outcomes.default = Ended("gone")
    [number] = await office.archive.batches(cleaned.plan.id)
    first, *others = await office.archive.batch(cleaned.plan.id, number)
    options = {"configured": None, "operation": "u1", "archive": cleaned.plan.id}
    await office.remover.restore(ORDERS, [first], **options)
    office.outcomes.ended[first.id] = Ended("failed", "TIMEOUT")

    plan = (await office.toolbox.repairs.undo.propose(BOB, cleaned.plan.id)).plan
    assert plan.count == len(others)
    assert not any("in use" in line for line in plan.warnings)
    await office.remover.restore(ORDERS, others, **options)
    with pytest.raises(JobGoneError, match="Nothing to bring back: all is back"):
        await office.toolbox.repairs.undo.propose(BOB, cleaned.plan.id)
