"""An operation takes no more than was shown, and leaves nothing half done when it is stopped."""

import asyncio
from dataclasses import replace

import pytest

from bot.domain.jobs import ORPHAN, FailedRef
from bot.domain.operations import Tally
from bot.domain.plans import PlanKind, PlanStatus
from bot.domain.sample import Counts
from bot.services.operations.promote import PromoteExecutor
from bot.services.operations.retry import RetryExecutor
from tests.support.fakes import ORDERS, START
from tests.support.toolbox import ALICE, BOB
from tests.unit.services.executors.running import CATALOG, fail, plan, run


class Killed(BaseException):
    """The process ends here."""


def cleaning(count, **more):
    until = replace(plan(PlanKind.CLEAN, 0).filter, until=START)
    return plan(PlanKind.CLEAN, count, state="failed", archive="op1", filter=until, **more)


async def test_no_more_are_cleaned_than_were_shown(clean, queue):
    """An undo has brought older ones back between the card and the operation."""
    fail(queue, 7)
    tally, _ = await run(clean, cleaning(3))
    assert tally == Tally(done=3)
    assert list(queue.failed) == ["f3", "f4", "f5", "f6"]


async def test_not_when_it_is_begun_again_either(clean, queue):
    fail(queue, 7)
    first, _ = await run(clean, cleaning(3), steps=2)
    assert first.done == 2
    tally, _ = await run(clean, cleaning(3), before=2)
    assert tally == Tally(done=3)


async def test_no_more_are_retried_than_were_shown(queues, queue):
    fail(queue, 7)
    executor = RetryExecutor(reader=queues, operator=queues, done=queues, catalog=CATALOG)
    tally, _ = await run(executor, plan(PlanKind.RETRY, 3))
    assert tally == Tally(done=3)
    assert len(queue.failed) == 4


async def test_no_more_are_swept_than_were_shown(sweep, remover):
    """Bare commands have left more orphans since the card."""
    remover.strays[ORDERS] = {str(number) for number in range(7)}
    tally, _ = await run(sweep, plan(PlanKind.SWEEP, 3, state=ORPHAN, archive="op1"))
    assert tally == Tally(done=3)
    assert len(remover.strays[ORDERS]) == 4


async def test_no_more_are_promoted_than_were_shown_where_the_last_batch_has_more(
    queues, remover, queue
):
    queue.delayed = [f"d{number}" for number in range(7)]
    executor = PromoteExecutor(operator=queues, remover=remover, done=queues, catalog=CATALOG)
    tally, _ = await run(executor, plan(PlanKind.PROMOTE, 3, state="delayed"))
    assert tally == Tally(done=3)
    assert queue.promoted == ["d0", "d1", "d2"]


async def test_ids_whose_job_is_gone_take_no_room_from_those_that_were_shown(
    queues, queue, monkeypatch
):
    """A bare selection has them, and the card did not count them."""
    fail(queue, 7)
    refs = [FailedRef(job.id, job.failed_at) for job in queue.in_order()]
    queue.emptied |= {"f0", "f1"}

    async def bare(_queue, _filter):
        yield refs

    monkeypatch.setattr(queues, "select_failed", bare)
    executor = RetryExecutor(reader=queues, operator=queues, done=queues, catalog=CATALOG)
    tally, _ = await run(executor, plan(PlanKind.RETRY, 5))
    assert tally == Tally(done=5, vanished=2)


async def test_all_that_were_named_are_retried_when_it_is_begun_again(queues, queue):
    fail(queue, 5)
    named = plan(
        PlanKind.RETRY, 5, ids=tuple((job.id, job.failed_at) for job in queue.failed.values())
    )
    executor = RetryExecutor(reader=queues, operator=queues, done=queues, catalog=CATALOG)
    first, _ = await run(executor, named, steps=1)
    tally, _ = await run(executor, named, before=first.done)
    assert tally == Tally(done=5)


async def test_a_stopped_undo_takes_what_is_back_out_of_the_archive(
    clean, undo, queue, archive, remover
):
    fail(queue, 4)
    await run(clean, cleaning(4))
    number = (await archive.batches("op1"))[0]
    jobs = await archive.batch("op1", number)
    await remover.restore(ORDERS, jobs, configured=None, operation="u1", archive="op1")

    await undo.finish(plan(PlanKind.UNDO, 4, id="u1", archive="op1"))

    left = [job.id for n in await archive.batches("op1") for job in await archive.batch("op1", n)]
    assert set(left) == {f"f{n}" for n in range(4)} - {job.id for job in jobs}


@pytest.mark.parametrize("at", ["before", "after"])
async def test_a_clean_that_dies_and_is_stopped_then_leaves_no_job_in_between(office, at):
    queue = office.queues.queues[ORDERS]
    jobs = set(queue.failed)
    confirming = office.toolbox.confirming
    asked = await office.toolbox.repairs.clean.propose(BOB, ORDERS, "failed", older_than=0)
    begun = (await confirming.confirm(BOB, asked.plan.id)).plan
    real = office.remover.remove

    async def remove(*args, **options):
        if at == "after":
            await real(*args, **options)
        raise Killed

    office.remover.remove = remove
    with pytest.raises(Killed):
        await office.run_operations()
    office.remover.remove = real
    await confirming.stop(ALICE, begun.id)
    await office.runner.run(begun.id, asyncio.Event())

    ended = await confirming.plan(begun.id)
    assert ended.status is PlanStatus.DONE
    assert await office.archive.unsettled(begun.id) == []
    numbers = await office.archive.batches(begun.id)
    kept = [job.id for number in numbers for job in await office.archive.batch(begun.id, number)]
    assert len(kept) == ended.done > 0
    assert set(kept).isdisjoint(queue.failed)
    assert set(kept) | set(queue.failed) == jobs


async def test_an_obliterate_that_dies_and_is_stopped_then_tells_what_went(office):
    """It has no done set: the queue itself tells."""
    queue, wait = office.queues.queues[ORDERS], {f"j{n}": n for n in range(1200)}
    queue.paused, queue.counts, queue.failed = True, Counts(waiting=1200), {}
    office.remover.held[ORDERS, "wait"] = wait
    real = office.remover.obliterate_step

    async def killed(queue_id, *, configured):
        await real(queue_id, configured=configured)
        queue.counts = Counts(waiting=len(wait))
        raise Killed

    office.remover.obliterate_step = killed
    confirming = office.toolbox.confirming
    asked = plan(PlanKind.OBLITERATE, 1200, matching=1200, status=PlanStatus.ASKED)
    await confirming._plans.save(asked)
    begun = await confirming.begin(ALICE, asked, expected=PlanStatus.ASKED)
    with pytest.raises(Killed):
        await office.run_operations()
    await confirming.stop(ALICE, begun.id)
    await office.runner.run(begun.id, asyncio.Event())

    ended = await confirming.plan(begun.id)
    assert (ended.status, ended.done) == (PlanStatus.DONE, 500)
