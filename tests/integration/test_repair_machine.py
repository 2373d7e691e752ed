"""A hypothesis state machine over one real queue: producers, a worker, people, and replicas that
die, lose answers, stand still or work at the same time.

After each step every job is in exactly one state or in the archive, as it was; in the end, resumed
and undone, all are back. `HYPOTHESIS_PROFILE=thorough` looks for minutes instead of seconds.
"""

import asyncio
import os
from contextlib import suppress
from dataclasses import replace
from functools import partial
from types import NoneType

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import Phase as Phase_
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from bot.adapters import (
    bullmq_batches,
    bullmq_capture,
    bullmq_promote,
    bullmq_remover,
    bullmq_retry,
    bullmq_stalled,
    keys,
)
from bot.adapters.sources import connect
from bot.domain import pacing
from bot.domain.access import Actor
from bot.domain.jobs import FailureFilter
from bot.domain.operations import Phase
from bot.domain.pacing import Pace
from bot.domain.plans import PlanKind, PlanStatus
from bot.domain.queues import QueueId
from bot.errors import (
    HandedOverError,
    JobGoneError,
    RedisUnavailableError,
    RefusedError,
    StaleError,
)
from bot.services.operations import receipts, runner, unstick
from tests.support.bullmq_whole import raw_client
from tests.support.fake_operations import FakeOperationQueue
from tests.support.fakes import FakeClock, FakeMessenger
from tests.support.faults import Fault, Killed
from tests.support.pretend_worker import CODES, OPTIONS, PARENTS, PretendWorker
from tests.support.repair_ledger import Ledger, Op, Shelf
from tests.support.replica import CATALOG, Replica
from tests.support.valkey_bullmq import now_ms, write_meta

ALICE, BOB = Actor(user="U0ALICE", channel="C1"), Actor(user="U0BOB", channel="C1")
QUEUE = QueueId("main", "bull", "machine")
REFUSED = (JobGoneError, RefusedError, StaleError)
REPAIRS = (
    *("retry", "retry a code", "retry with canary", "retry fresh", "clean failed"),
    *("clean completed", "remove", "promote", "unstick", "drain", "undo", "sweep"),
)
ENDS = st.sampled_from(("completes", "hangs", *CODES, *CODES))
MEANWHILE = st.sampled_from(("works", "adds", "pauses", "stops", "ends", "another"))
WHEN = st.integers(min_value=0, max_value=70)
THOROUGH = os.environ.get("HYPOTHESIS_PROFILE") == "thorough"
PICK = st.integers(min_value=0, max_value=30)


class World:
    """What all examples share."""

    def __init__(self, valkey, redis, raw, loop):
        self.valkey, self.redis, self.raw, self.loop = valkey, redis, raw, loop


class RepairMachine(RuleBasedStateMachine):
    """One queue, from nothing until all that was begun has ended and all is back."""

    def __init__(self, world):
        super().__init__()
        self.world, self.redis = world, world.redis
        self.redis.flushall()
        write_meta(self.redis, QUEUE, "bullmq:6.0.0")
        self.ledger = Ledger(world.raw, QUEUE)
        clock = FakeClock()
        clock.now = now_ms()
        self.messenger = FakeMessenger(clock)
        self.submitted = FakeOperationQueue()
        self.cards, self.tried = [], []
        self.run(self.begin())

    async def begin(self):
        self.client = connect("main", self.world.valkey.url)
        self.worker = PretendWorker(self.client, QUEUE)
        self.one, self.other = self.replica(), self.replica()

    def replica(self):
        return Replica(self.world.valkey.url, self.messenger, self.submitted)

    def run(self, awaitable):
        self.healthy = False
        answer = self.world.loop.run(awaitable)
        self.healthy = True
        return answer

    @initialize(ends=st.lists(ENDS, min_size=4, max_size=14), delayed=st.integers(0, 3))
    def some_have_failed(self, ends, delayed):
        self.add("plain", len(ends))
        self.add("delayed", delayed)
        self.work(ends)

    @rule(kind=st.sampled_from(sorted(OPTIONS)), count=st.integers(1, 4))
    def add(self, kind, count):
        self.run(self.worker.add(kind, count))
        self.ledger.mark()

    @rule(on_failure=st.sampled_from(sorted(PARENTS)), children=st.integers(1, 3))
    def add_flow(self, on_failure, children):
        self.run(self.worker.add_flow(on_failure, children))
        self.ledger.mark()

    @rule(ends=st.lists(ENDS, min_size=1, max_size=6))
    def work(self, ends):
        self.run(self.worker.work(ends))
        self.ledger.mark()

    @precondition(lambda self: self.worker.held)
    @rule(end=ENDS)
    def a_hanging_job_ends(self, end):
        job = self.worker.held.pop()
        if self.redis.get(QUEUE.key(f"{job.id}:lock")) == job.token and end != "hangs":
            self.run(self.worker.finish(job, end))
            self.ledger.mark()

    @precondition(lambda self: self.worker.held)
    @rule()
    def the_worker_dies(self):
        self.redis.delete(*(QUEUE.key(f"{job.id}:lock") for job in self.worker.held))
        self.worker.held.clear()

    @rule()
    def pause_or_resume(self):
        self.run(self.switch())

    async def switch(self):
        paused = self.redis.hexists(QUEUE.key("meta"), "paused")
        change = self.other.operator.resume if paused else self.other.operator.pause
        await change(QUEUE, configured=None)
        self.ledger.mark()

    @rule(what=st.sampled_from(REPAIRS), pick=PICK)
    def ask(self, what, pick):
        plan = self.run(self.proposed(what, pick))
        if plan is not None:
            self.cards.append(plan)

    @precondition(lambda self: self.cards)
    @rule(twice=st.booleans(), expired=st.booleans(), pick=PICK)
    def press(self, twice, expired, pick):
        plan = self.cards.pop(pick % len(self.cards))
        self.run(self.pressed(plan, twice=twice, expired=expired))

    @rule(what=st.sampled_from(REPAIRS), pick=PICK, fault=st.sampled_from(Fault), at=WHEN,
          meanwhile=MEANWHILE)  # fmt: skip
    def repair(self, what, pick, fault, at, meanwhile):
        plan = self.run(self.proposed(what, pick))
        op = plan and self.run(self.pressed(plan))
        if op is not None:
            self.run(self.carry_out(op, fault, at, meanwhile))

    @precondition(lambda self: self.open)
    @rule(pick=PICK, fault=st.sampled_from(Fault), at=WHEN, meanwhile=MEANWHILE)
    def go_on(self, pick, fault, at, meanwhile):
        op = self.open[pick % len(self.open)]
        self.run(self.carry_out(op, fault, at, meanwhile))

    @precondition(lambda self: self.open)
    @rule(pick=PICK, fault=st.sampled_from([Fault.KILLED_BEFORE, Fault.KILLED_AFTER]), at=WHEN)
    def two_at_once(self, pick, fault, at):
        op = self.open[pick % len(self.open)]
        self.run(self.carry_out(op, fault, at, both=True))

    @precondition(lambda self: self.open)
    @rule(pick=PICK)
    def stop(self, pick):
        self.run(self.meanwhile("stops", self.open[pick % len(self.open)], asyncio.Event()))

    @precondition(lambda self: self.tried)
    @rule()
    def the_rest(self):
        op = self.tried.pop()
        self.run(self.begun(self.other.confirming.rest(BOB, op.plan.id)))

    @property
    def open(self):
        return [op for op in self.ledger.ops.values() if not op.ended]

    async def proposed(self, what, pick):
        """The plan; None where there is nothing to do, or it may not be done."""
        repairs, retries = self.other.repairs, self.other.retries
        jobs = list(self.ledger.last)
        archives = [op.plan.archive for op in self.ledger.ops.values() if op.plan.archive]
        any_failed, a_code = FailureFilter(), FailureFilter(code=CODES[pick % 2].partition(":")[0])
        of_age = {"older_than": 0}
        if what == "undo" and not archives:
            return None
        ways = {
            "retry": lambda: retries.propose(BOB, QUEUE, any_failed),
            "retry a code": lambda: retries.propose(BOB, QUEUE, a_code),
            "retry with canary": lambda: retries.propose(BOB, QUEUE, any_failed, canary=2),
            "retry fresh": lambda: retries.propose(BOB, QUEUE, any_failed, fresh=True),
            "clean failed": lambda: repairs.clean.propose(BOB, QUEUE, "failed", **of_age),
            "clean completed": lambda: repairs.clean.propose(BOB, QUEUE, "completed", **of_age),
            "remove": lambda: repairs.clean.propose_one(BOB, QUEUE, jobs[pick % len(jobs)]),
            "promote": lambda: repairs.promote.propose(BOB, QUEUE),
            "unstick": lambda: repairs.unstick.propose(BOB, QUEUE),
            "drain": lambda: repairs.emergencies.propose(BOB, QUEUE, PlanKind.DRAIN),
            "undo": lambda: repairs.undo.propose(BOB, archives[pick % len(archives)]),
            "sweep": lambda: repairs.sweep.propose(BOB, QUEUE),
        }
        try:
            plan = (await ways[what]()).plan
        except REFUSED:
            return None
        assert plan.kind is not PlanKind.SWEEP, f"{plan.ids} are orphans"
        return plan

    async def pressed(self, plan, *, twice=False, expired=False):
        """The operation; None where it is not begun."""
        confirming, approving = self.other.confirming, self.other.approving
        if expired:
            old = replace(plan, expires_at=now_ms() - 1)
            await self.other.plans.advance(old, expected=PlanStatus.PROPOSED)
        ways = [confirming.confirm(BOB, plan.id) for _ in range(1 + twice)]
        if plan.kind.approved:
            try:
                await approving.ask(BOB, plan.id, CATALOG.address(QUEUE))
            except REFUSED:
                pass
            ways = [approving.approve(ALICE, plan.id) for _ in range(1 + twice)]
        begun = [await self.begun(way) for way in ways]
        assert not expired or begun == [None] * len(ways)
        assert len([op for op in begun if op is not None]) <= 1
        return next((op for op in begun if op is not None), None)

    async def begun(self, way):
        try:
            answer = await way
        except REFUSED:
            return None
        again = getattr(answer, "drawn_again", None)
        if again is not None:
            self.cards.append(again.plan)
            return None
        plan = getattr(answer, "plan", answer)
        if plan.status is not PlanStatus.RUNNING:
            return None
        op = self.ledger.ops.setdefault(plan.id, Op(plan))
        op.plan, op.ended = plan, False
        return op

    async def carry_out(self, op, fault=Fault.KILLED_BEFORE, at=-1, what="", *, both=False):
        """Run an operation as the worker does; where it does not end, it stays open."""
        one, leave = self.one, asyncio.Event()
        one.hasty = fault in (Fault.LOST_BEFORE, Fault.LOST_AFTER, Fault.OUTAGE)
        one.faults.plan(fault, at, partial(self.meanwhile, what, op, leave))
        runs = [one.runner.run(op.plan.id, leave)]
        if both:
            op.overlapped = True
            runs.append(self.other.runner.run(op.plan.id, asyncio.Event()))
        for answer in await asyncio.gather(*runs, return_exceptions=True):
            if not isinstance(answer, (NoneType, Killed, RedisUnavailableError, HandedOverError)):
                raise answer
        one.hasty = False
        one.faults.plan(fault, -1)
        if one.faults.dead:
            await one.aclose()
            self.one = self.replica()
        self.ledger.moved(op)
        await self.see_end(op)

    async def meanwhile(self, what, op, leave):
        """What others do while the operation stands still between two calls."""
        if what == "ends":
            leave.set()
        elif what == "stops":
            with suppress(StaleError):
                await self.other.confirming.stop(BOB, op.plan.id)
        elif what == "another":
            op.overlapped = True
            await self.other.runner.run(op.plan.id, asyncio.Event())
        else:
            self.ledger.moved(op)
            if what == "works":
                await self.worker.work(["completes", CODES[0], "completes", CODES[1]])
            elif what == "adds":
                await self.worker.add("plain", 3)
            else:
                await self.switch()
            self.ledger.mark()

    async def see_end(self, op):
        stored = await self.other.plans.get(op.plan.id)
        operation = await self.other.operations.load(op.plan.id)
        if operation is None or operation.attempt != stored.attempt:
            return
        if operation.phase is not Phase.ENDED:
            return
        done = None
        if op.plan.kind in (PlanKind.RETRY, PlanKind.PROMOTE):
            pages = self.other.done.ids(QUEUE, op.plan.id)
            done = {id_ async for page in pages for id_ in page}
        op.ended = True
        if stored.status is PlanStatus.TRIED:
            self.tried.append(op)
        self.ledger.ended(op, operation, stored, done)

    async def shelves(self):
        """What all archives hold."""
        archive, found = self.other.archive, []
        for op in self.ledger.ops.values():
            info = await archive.info(op.plan.id) if op.plan.archive == op.plan.id else None
            if info is not None:
                numbers = await archive.batches(info.id)
                batches = {n: tuple(await archive.batch(info.id, n)) for n in numbers}
                unsettled = frozenset(await archive.unsettled(info.id))
                found.append(Shelf(info.id, batches, unsettled, info.jobs))
        return found

    @invariant()
    def each_job_is_in_one_state_or_in_the_archive(self):
        self.ledger.check(self.run(self.shelves()))

    def teardown(self):
        try:
            if self.healthy:
                self.run(self.all_ends())
        finally:
            self.world.loop.run(self.close())

    async def close(self):
        for one in (self.one, self.other, self.client):
            await one.aclose()

    async def all_ends(self):
        """Whatever was begun ends, and whatever is archived comes back."""
        for op in self.open:
            await self.carry_out(op)
            assert op.ended, op
        for shelf in await self.shelves():
            with suppress(JobGoneError):
                plan = (await self.other.repairs.undo.propose(BOB, shelf.id)).plan
                await self.carry_out(await self.pressed(plan))
        left = self.ledger.last.keys() - self.ledger.here.keys() - self.ledger.gone
        assert not left, f"{left} did not come back"
        self.ledger.check(await self.shelves())
        with pytest.raises(JobGoneError, match="no orphans"):
            await self.other.repairs.sweep.propose(BOB, QUEUE)
        stay = {keys.AUDIT, keys.ARCHIVES, keys.ARCHIVE_SIZES, keys.ARCHIVE_TOTAL, keys.INBOX}
        for key in self.redis.scan_iter(f"{keys.PREFIX}*"):
            assert key in stay or self.redis.pttl(key) > 0, f"{key} stays for ever"


@pytest.fixture
def small_batches(monkeypatch):
    """Several batches and calls for a few jobs, and nothing is waited for."""
    monkeypatch.setattr(runner, "Pace", partial(Pace, size=4))
    monkeypatch.setattr(pacing, "LEAST", 3)
    for module in (bullmq_retry, bullmq_promote, bullmq_batches, bullmq_capture):
        monkeypatch.setattr(module, "CHUNK", 3)
    monkeypatch.setattr(bullmq_remover, "PAGE", 5)
    monkeypatch.setattr(receipts, "WATCH_LIMIT", 0)
    monkeypatch.setattr(bullmq_stalled, "CHECK", 1)
    monkeypatch.setattr(unstick, "BETWEEN", 0)


@pytest.mark.timeout(0 if THOROUGH else 120)
def test_no_job_is_lost_or_doubled_by_repairs_whatever_happens(valkey, small_batches):
    with asyncio.Runner() as loop, valkey.client() as redis, raw_client(valkey) as raw:
        world = World(valkey, redis, raw, loop)
        run_state_machine_as_test(
            lambda: RepairMachine(world),
            settings=settings(
                max_examples=int(os.environ.get("REPAIR_EXAMPLES", "1500" if THOROUGH else "25")),
                stateful_step_count=40 if THOROUGH else 20,
                deadline=None,
                phases=(Phase_.reuse, Phase_.generate),
                print_blob=True,
                suppress_health_check=list(HealthCheck),
            ),
        )
