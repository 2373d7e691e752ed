"""Drain and obliterate as operations: what goes, what stays, and what a crash leaves."""

import asyncio
from dataclasses import replace
from hashlib import sha256

import pytest

from bot.domain.emergencies import going, total
from bot.domain.pacing import Pace
from bot.domain.plans import Plan, PlanKind, PlanStatus
from bot.domain.sample import Counts
from bot.errors import ArchiveFullError, RedisUnavailableError, RefusedError
from bot.services.archiving import Archiving
from bot.services.operations import obliterate as module
from bot.services.operations import screen
from bot.services.operations.base import Throttle
from bot.services.operations.clean import Taking
from bot.services.operations.drain import DrainExecutor
from bot.services.operations.obliterate import ObliterateExecutor
from tests.support.fake_archive import FakeArchive
from tests.support.fake_remover import FakeRemover
from tests.support.fakes import ORDERS, START
from tests.support.toolbox import ALICE, CATALOG, shown

PENDING = {"wait": 5, "prioritized": 2, "delayed": 3, "paused": 0}
NEWER = "left: added after it was asked, by"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(screen, "FIRST", 0.0)
    monkeypatch.setattr(screen, "EVERY", 0.0)


class Yard:
    """A queue with jobs in it, and what takes them out."""

    def __init__(self, queues, clock):
        self.queue = queues.add(ORDERS)
        self.queues = self.done = queues
        self.remover, self.archive = FakeRemover(queues), FakeArchive(clock)
        for state, count in PENDING.items():
            self.put(state, *(f"{state}{number}" for number in range(count)))

    def put(self, state, *ids, added=START - 1000):
        for id_ in ids:
            self.remover.held[ORDERS, state][id_] = len(self.remover.held[ORDERS, state])
            self.remover.added[id_] = added

    def left(self):
        held = self.remover.held.items()
        return {id_ for (queue, _), jobs in held if queue == ORDERS for id_ in jobs}

    def drain(self):
        archiving = Archiving(remover=self.remover, archive=self.archive, done=self.done)
        taking = Taking(
            remover=self.remover, archiving=archiving, archive=self.archive, catalog=CATALOG
        )
        return DrainExecutor(taking=taking, remover=self.remover, done=self.done)

    def obliterate(self):
        return ObliterateExecutor(reader=self.queues, remover=self.remover, catalog=CATALOG)


@pytest.fixture
def yard(queues, clock):
    return Yard(queues, clock)


def plan(count=10, kind=PlanKind.DRAIN):
    return Plan(
        id="drain1", queue=ORDERS, kind=kind, count=count, matching=count, asked_by=ALICE.user,
        asked_at=START, expires_at=START + 1, channel="C", archive="drain1", approved_by="U0DANA",
        status=PlanStatus.RUNNING,
    )  # fmt: skip


async def run(executor, plan, *, batch=2, until=None):
    """The steps' outcomes in sum; `until` so many steps only, as a crash leaves it."""
    steps, done, rest = executor.steps(plan, Throttle(Pace(slow=1.0, size=batch))), [], []
    async for step in steps:
        done += step.outcome.done
        rest.append((step.outcome.changed, step.outcome.left_out, step.outcome.vanished))
        if until is not None and len(rest) > until:
            break
    return done, tuple(map(sum, zip(*rest, strict=True)))


async def test_all_that_waits_goes_into_the_archive(yard):
    done, rest = await run(yard.drain(), plan())
    assert sorted(done) == sorted(f"{s}{n}" for s, count in PENDING.items() for n in range(count))
    assert rest == (0, 0, 0)
    assert yard.left() == set()
    info = await yard.archive.info("drain1")
    assert (info.jobs, info.kind, info.state) == (10, "drain", "")


async def test_what_was_added_after_it_was_asked_stays(yard):
    yard.put("wait", "new1", "new2", added=START + 1)
    yard.put("prioritized", "new3", added=START + 5)
    done, _ = await run(yard.drain(), plan())
    assert len(done) == 10
    assert yard.left() == {"new1", "new2", "new3"}


async def test_no_more_go_than_were_shown(yard):
    """Old jobs may come back to waiting meanwhile: a retry of others does that."""
    yard.put("wait", *(f"retried{n}" for n in range(9)))
    done, rest = await run(yard.drain(), plan())
    assert len(done) == 10
    assert len(yard.left()) == 9
    assert rest == (0, 0, 0)


async def test_what_workers_took_meanwhile_is_counted_as_changed(yard):
    del yard.remover.held[ORDERS, "wait"]["wait0"]
    done, rest = await run(yard.drain(), plan())
    assert (len(done), rest) == (9, (1, 0, 0))


@pytest.mark.parametrize(
    ("taken", "changed", "said"),
    [("34", 2, f"3 {NEWER} their own time"), ("01", 2, f"1 {NEWER} its own time"), ("012", 3, "")],
)
async def test_what_stays_as_newer_is_not_told_as_gone(yard, taken, changed, said):
    yard.remover.added |= dict.fromkeys(("wait0", "wait1", "wait2"), START + 120_000)
    for number in taken:
        del yard.remover.held[ORDERS, "wait"][f"wait{number}"]
    steps = [step async for step in yard.drain().steps(plan(), Throttle(Pace(slow=1.0, size=2)))]
    assert sum(step.outcome.changed for step in steps) == changed
    assert steps[-1].note == said


@pytest.mark.parametrize(("count", "begun"), [(10, "1 begun meanwhile or among 2"), (9, "")])
async def test_what_came_since_may_hide_what_was_begun_and_both_are_said(yard, count, begun):
    del yard.remover.held[ORDERS, "wait"]["wait0"]
    yard.put("wait", "new1", "new2", added=START + 1)
    steps = [step async for step in yard.drain().steps(plan(count), Throttle(Pace(slow=1.0)))]
    assert steps[-1].note == (f"{begun} {NEWER} their own time" if begun else "")


async def test_what_a_flow_or_a_scheduler_needs_is_left_out(yard):
    yard.remover.left_out |= {"delayed1", "wait3"}
    done, rest = await run(yard.drain(), plan())
    assert (len(done), rest) == (8, (0, 2, 0))
    assert yard.left() == {"delayed1", "wait3"}


@pytest.mark.parametrize("steps", range(7))
async def test_run_again_after_a_crash_it_goes_on_and_takes_nothing_new(yard, steps):
    first, _ = await run(yard.drain(), plan(), until=steps)
    yard.put("wait", "new1", "new2", added=START + 1)
    yard.put("wait", *(f"retried{n}" for n in range(4)))
    second, _ = await run(yard.drain(), plan())
    assert len(first + second) == len(set(first + second)) == 10
    assert {"new1", "new2"} <= yard.left()
    assert len(yard.left()) == 6


async def test_a_full_archive_ends_it_and_the_rest_stays(yard):
    # delayed is first; a batch of three is put whole, the next finds no room
    await run(yard.drain(), plan(), batch=3, until=1)
    used = yard.archive.cap - await yard.archive.room()
    yard.archive.cap = used + 1
    with pytest.raises(ArchiveFullError, match="The rest was left"):
        await run(yard.drain(), plan(), batch=3)
    assert len(yard.left()) == 7
    assert (await yard.archive.info("drain1")).jobs == 3


async def test_everything_of_a_paused_queue_goes(yard):
    yard.queue.paused = True
    yard.put("completed", *(f"c{n}" for n in range(1200)))
    yard.queue.counts = Counts(waiting=5, prioritized=2, delayed=3, completed=1200)
    asked = plan(1210, PlanKind.OBLITERATE)
    totals = [step.total async for step in yard.obliterate().steps(asked, Throttle(Pace()))]
    assert totals == [0, 500, 1000, 1210]
    assert ORDERS not in yard.queues.queues


async def test_after_a_crash_its_count_is_what_was_there_less_what_is_left(yard):
    yard.queue.paused = True
    yard.queue.counts = Counts(waiting=5, prioritized=2, delayed=3)
    asked = plan(510, PlanKind.OBLITERATE)
    totals = [step.total async for step in yard.obliterate().steps(asked, Throttle(Pace()))]
    assert totals == [500, 510]
    again = [step.total async for step in yard.obliterate().steps(asked, Throttle(Pace()))]
    assert again == [510], "the queue is gone: run again, there is nothing to refuse"


@pytest.mark.parametrize("paused", [True, False])
async def test_obliterate_is_refused_while_jobs_are_active_or_it_runs(yard, paused):
    yard.queue.paused = paused
    if paused:
        yard.put("active", "a1")
    yard.queue.counts = Counts(waiting=5, prioritized=2, delayed=3)
    with pytest.raises(RefusedError, match="active" if paused else "not paused"):
        await run(yard.obliterate(), plan(kind=PlanKind.OBLITERATE))
    assert len(yard.left()) == 10 + paused


async def test_what_never_gets_empty_is_given_up(yard, monkeypatch):
    async def nothing(queue, *, configured):
        return 0, False

    monkeypatch.setattr(module, "_IDLE", 2)
    yard.queue.paused, yard.queue.counts = True, Counts(waiting=5)
    yard.remover.obliterate_step = nothing
    with pytest.raises(RefusedError, match="the queue is not empty"):
        await run(yard.obliterate(), plan(kind=PlanKind.OBLITERATE))


async def begin(office, kind):
    """As after an approval."""
    counts = office.queues.queues[ORDERS].counts
    groups = going(kind, counts)
    asked = replace(
        plan(total(groups), kind), status=PlanStatus.ASKED, groups=groups, channel="C0INCIDENTS"
    )
    await office.toolbox.confirming._plans.save(asked)
    return await office.toolbox.confirming.begin(ALICE, asked, expected=PlanStatus.ASKED)


def message(messenger):
    [posted] = messenger.of(screen.KIND)
    return shown(posted.message)


async def test_the_message_of_a_drain_names_both_and_offers_to_undo(office, messenger):
    office.remover.held[ORDERS, "wait"] = {f"j{n}": n for n in range(12)}
    office.queues.queues[ORDERS].counts = Counts(waiting=12)
    await begin(office, PlanKind.DRAIN)
    await office.run_operations()
    said = message(messenger)
    assert "Removed 12 of 12" in said.text.replace("*", "")
    assert "<@U0ALICE>, approved by <@U0DANA>" in said.text
    assert "Undo…" in said.labels
    [ended] = [e for e in await office.history() if e.action == "drain" and e.counts]
    assert (ended.user, ended.approver, ended.detail) == ("U0ALICE", "U0DANA", "12 of 12")


async def test_a_full_archive_is_said_with_what_was_removed(office, messenger):
    ids = [sha256(str(number).encode()).hexdigest() for number in range(1200)]
    office.remover.held[ORDERS, "wait"] = {id_: n for n, id_ in enumerate(ids)}
    office.queues.queues[ORDERS].counts = Counts(waiting=1200)
    office.archive.cap = 30_000  # about 33 bytes a job: a batch of five hundred
    await begin(office, PlanKind.DRAIN)
    await office.run_operations()
    left = len(office.remover.held[ORDERS, "wait"])
    assert 0 < left < 1200
    text = message(messenger).text.replace("*", "")
    assert f"Removed {1200 - left} of 1,200" in text
    assert f"{left} not touched" in text
    assert "The archive is full. The rest was left" in text


async def test_the_message_of_an_obliterate_counts_what_has_no_done_set(office, messenger):
    queue = office.queues.queues[ORDERS]
    queue.paused, queue.counts = True, Counts(waiting=1200, failed=5)
    office.remover.held[ORDERS, "wait"] = {f"j{n}": n for n in range(1200)}
    await begin(office, PlanKind.OBLITERATE)
    await office.run_operations()
    said = message(messenger)
    assert "Removed 1,205 of 1,205" in said.text.replace("*", "")
    assert "Undo…" not in said.labels
    [ended] = [e for e in await office.history() if e.action == "obliterate" and e.counts]
    assert dict(ended.counts)["done"] == 1205


async def test_a_source_that_goes_away_in_the_middle_is_waited_for(office, messenger):
    queue = office.queues.queues[ORDERS]
    queue.paused, queue.counts = True, Counts(waiting=1200, failed=5)
    office.remover.held[ORDERS, "wait"] = {f"j{n}": n for n in range(1200)}
    real, asked = office.remover.obliterate_step, []

    async def once_away(queue_id, *, configured):
        asked.append(queue_id)
        if len(asked) == 2:
            raise RedisUnavailableError("Redis cannot be reached.")
        removed = await real(queue_id, configured=configured)
        queue.counts = Counts(waiting=len(office.remover.held[ORDERS, "wait"]))
        return removed

    office.remover.obliterate_step = once_away
    await begin(office, PlanKind.OBLITERATE)
    async with asyncio.timeout(20):
        await office.run_operations()
    assert "Removed 1,205 of 1,205" in message(messenger).text.replace("*", "")


async def test_an_empty_queue_is_obliterated_itself(office, messenger):
    office.queues.queues[ORDERS].failed.clear()
    office.queues.queues[ORDERS].paused = True
    await begin(office, PlanKind.OBLITERATE)
    await office.run_operations()
    text = message(messenger).text.replace("*", "")
    assert "Nothing is left of the queue" in text
    assert "Removed order-provisioning, which was empty." in text
