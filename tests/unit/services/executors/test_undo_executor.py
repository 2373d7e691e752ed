"""An undo that takes longer than its archive was to last, one whose archive is lost, its looks."""

from dataclasses import dataclass, field, replace

import pytest

from bot.domain.archives import back_set
from bot.domain.jobs import BatchOutcome
from bot.domain.operations import Tally
from bot.domain.plans import PlanKind
from bot.domain.times import DAY, HOUR
from bot.errors import RefusedError
from bot.services.operations.ahead import FRESH, LookAhead
from tests.support.fakes import START
from tests.unit.services.executors.running import by_twos, fail, plan, run


async def emptied(clean, queue):
    """An archive of six jobs, in batches of two, that lasts for an hour."""
    fail(queue, 6)
    before = dict(queue.failed)
    until = replace(plan(PlanKind.CLEAN, 0).filter, until=START)
    cleaning = plan(PlanKind.CLEAN, 6, state="failed", archive="op1", filter=until)
    await run(clean, cleaning)
    return before


def undoing(plan_id="u1", count=6):
    return plan(PlanKind.UNDO, count, id=plan_id, archive="op1")


@pytest.fixture
def archive(archive):
    archive.kept = HOUR
    return archive


async def test_an_archive_does_not_run_out_however_slowly_it_is_brought_back(
    clean, undo, queue, clock
):
    before = await emptied(clean, queue)
    clock.forward(HOUR - 1)
    async for _ in undo.steps(undoing(), by_twos()):
        clock.forward(DAY - 1)
    assert queue.failed == before


async def test_nor_while_its_first_batch_comes_back(clean, undo, queue, clock, remover):
    before = await emptied(clean, queue)
    real = remover.restore

    async def restore(*args, **options):
        clock.forward(HOUR)
        return await real(*args, **options)

    remover.restore = restore
    await run(undo, undoing())
    assert queue.failed == before


async def test_that_a_job_is_back_is_known_for_longer_than_the_archive_lasts(
    clean, undo, queue, queues
):
    await emptied(clean, queue)
    await run(undo, undoing())
    assert queues.prolonged == [back_set("op1")]


async def test_jobs_that_went_with_their_archive_are_counted_and_told(clean, undo, queue, archive):
    await emptied(clean, queue)
    steps = undo.steps(undoing(), by_twos())
    tally = Tally().plus((await anext(steps)).outcome)
    await archive.drop("op1")
    with pytest.raises(RefusedError, match=r"^The archive ran out: 4 jobs could not be brought"):
        await anext(steps)
    assert (tally.done, len(queue.failed)) == (2, 2)


async def test_an_undo_begun_again_when_its_archive_is_gone_says_so(clean, undo, queue, archive):
    await emptied(clean, queue)
    await run(undo, undoing(), steps=1)
    await archive.drop("op1")
    with pytest.raises(RefusedError, match="4 jobs could not be brought back") as caught:
        await run(undo, undoing())
    assert caught.value.done == BatchOutcome(vanished=4)


async def test_a_batch_that_an_eviction_took_alone_is_told_too(
    clean, undo, queue, archive, monkeypatch
):
    """What the archive is to hold is known apart from its batches."""
    await emptied(clean, queue)
    whole = await archive.info("op1")
    lost = (await archive.batches("op1"))[0]
    del archive._shelves["op1"].batches[lost]
    real = archive.info

    async def info(archive_id):
        found = await real(archive_id)
        return replace(found, jobs=found.jobs + 2)

    monkeypatch.setattr(archive, "info", info)
    with pytest.raises(RefusedError, match="2 jobs could not be brought back"):
        await run(undo, undoing())
    assert (len(queue.failed), whole.jobs) == (4, 6)


async def test_what_another_undo_has_brought_back_is_not_taken_for_lost(
    clean, undo, queue, archive
):
    before = await emptied(clean, queue)
    first = undo.steps(undoing("u1"), by_twos())
    await anext(first)
    await run(undo, undoing("u2"))
    assert [step.outcome async for step in first] == []
    assert queue.failed == before


@dataclass
class Returning:
    """Lets these stay; remembers which it was asked about."""

    stay: set[str] = field(default_factory=set)
    asked: list[list[str]] = field(default_factory=list)
    looks: bool = True

    def has_to_look(self, _info, *, all_of_them):
        return self.looks and not all_of_them

    async def staying(self, _info, jobs):
        self.asked.append([job.id for job in jobs])
        return frozenset(job.id for job in jobs if job.id in self.stay)


@pytest.fixture
def returning(undo):
    undo._returning = Returning()
    return undo._returning


async def test_what_must_stay_is_left_out_and_asked_for_once_for_several_batches(
    clean, undo, returning, queue, archive
):
    await emptied(clean, queue)
    returning.stay = {"f1", "f4"}
    tally, _ = await run(undo, undoing())
    assert tally == Tally(done=4, left_out=2)
    assert set(queue.failed) == {"f0", "f2", "f3", "f5"}
    assert (await archive.info("op1")).jobs == 2
    assert [sorted(ids) for ids in returning.asked] == [[f"f{number}" for number in range(6)]]


async def test_it_is_asked_again_when_that_was_long_ago(clean, undo, queue, archive):
    """A drip may take hours for one batch."""
    await emptied(clean, queue)
    returning, at = Returning(), [1000.0]
    look = LookAhead(
        returning, archive, await archive.info("op1"), all_of_them=False, monotonic=lambda: at[0]
    )
    newest, *_ = await archive.batches("op1")
    jobs = await archive.batch("op1", newest)
    assert await look.staying(newest, jobs) == frozenset()
    returning.stay = {jobs[1].id}
    at[0] += FRESH - 1
    assert await look.staying(newest, jobs) == frozenset()
    at[0] += 1
    assert await look.staying(newest, jobs[1:]) == {jobs[1].id}
    assert [len(ids) for ids in returning.asked] == [6, 5]


async def test_not_more_is_read_ahead_than_is_looked_at_together(
    clean, undo, returning, queue, monkeypatch
):
    monkeypatch.setattr("bot.services.operations.ahead.LOOKED_AT", 3)
    await emptied(clean, queue)
    await run(undo, undoing())
    assert [len(ids) for ids in returning.asked] == [4, 2]


async def test_where_nothing_can_tell_nothing_is_asked(clean, undo, returning, queue):
    await emptied(clean, queue)
    returning.looks = False
    await run(undo, undoing())
    assert returning.asked == []
