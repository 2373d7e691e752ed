"""A hypothesis state machine over one real queue: producers, a worker, people, and replicas that
die, lose answers, stand still or work at the same time.

After each step every job is in exactly one state or in the archive, as it was; in the end, resumed
and undone, all are back. `HYPOTHESIS_PROFILE=thorough` looks for minutes instead of seconds.

No rule has a precondition: what is drawn must not hang on the state, which hangs on the time.
"""

import asyncio
import os
from functools import partial

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
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
)
from bot.domain import pacing
from bot.domain.pacing import Pace
from bot.services import new_job_watch, plan_freezing, promoting, sweeping
from bot.services.operations import receipts, runner, salesforce_receipts, screen, unstick
from tests.support.bullmq_whole import raw_client
from tests.support.faults import Fault
from tests.support.pretend_worker import CODES, PARENTS
from tests.support.repair_crew import KINDS
from tests.support.repair_people import REPAIRS
from tests.support.repair_world import MEANWHILE, RepairWorld

THOROUGH = os.environ.get("HYPOTHESIS_PROFILE") == "thorough"
EXAMPLES, STEPS = (1500, 40) if THOROUGH else (60, 25)
ENDS = st.sampled_from(("completes", "hangs", *CODES, *CODES))
WHEN = st.integers(min_value=0, max_value=25)
PICK = st.integers(min_value=0, max_value=30)
FAULTS = {"fault": st.sampled_from(Fault), "at": WHEN, "meanwhile": st.sampled_from(MEANWHILE)}
BETWEEN = st.sampled_from(("works", "adds", "pauses", "cuts loose", "feeds", "feeds", "stops"))
KILLS = {"fault": st.sampled_from((Fault.KILLED_BEFORE, Fault.KILLED_AFTER)), "at": WHEN}


class RepairMachine(RuleBasedStateMachine):
    """One queue, from nothing until all that was begun has ended and all is back."""

    def __init__(self, loop, make):
        super().__init__()
        self.loop, self.healthy, self.world = loop, False, None
        self.world = self.run(make())
        self.crew = self.world.crew

    def run(self, awaitable):
        self.healthy = False
        try:
            answer = self.loop.run(awaitable)
        except BaseException as error:
            error.add_note("\n".join(self.world.steps) if self.world else "")
            raise
        self.healthy = True
        return answer

    @initialize(
        ends=st.lists(ENDS, min_size=4, max_size=16),
        delayed=st.integers(0, 3),
        orders=st.integers(0, 6),
    )
    def some_have_failed(self, ends, delayed, orders):
        self.add("order", orders)
        self.work([CODES[0]] * orders)
        self.add("plain", len(ends))
        self.add("delayed", delayed)
        self.work(ends)

    @rule(kind=st.sampled_from((*KINDS, *PARENTS)), count=st.integers(1, 4))
    def add(self, kind, count):
        self.run(self.crew.add(kind, count))

    @rule(ends=st.lists(ENDS, min_size=1, max_size=6))
    def work(self, ends):
        self.run(self.crew.work(ends))

    @rule(end=st.sampled_from(("completes", "is lost", *CODES)))
    def a_hanging_job(self, end):
        self.run(self.crew.end_held(end))

    @rule(pick=PICK)
    def cut_loose(self, pick):
        self.crew.cut_loose(pick)

    @rule()
    def pause_or_resume(self):
        self.run(self.world.switch())

    @rule(what=st.sampled_from(REPAIRS), pick=PICK)
    def ask(self, what, pick):
        plan = self.run(self.world.ask(what, pick))
        if plan is not None:
            self.world.cards.append(plan)

    @rule(twice=st.booleans(), expired=st.booleans(), pick=PICK)
    def press(self, twice, expired, pick):
        cards = self.world.cards
        if cards:
            plan = cards.pop(pick % len(cards))
            self.run(self.world.press(plan, twice=twice, expired=expired))

    @rule(what=st.sampled_from(REPAIRS), pick=PICK, twice=st.booleans(), **FAULTS)
    def repair(self, what, pick, twice, fault, at, meanwhile):
        plan = self.run(self.world.ask(what, pick))
        op = plan and self.run(self.world.press(plan, twice=twice))
        if op is not None:
            self.run(self.world.carry_out(op, fault, at, meanwhile))

    @rule(what=st.sampled_from(REPAIRS), pick=PICK, between=BETWEEN, **KILLS)
    def repair_in_two_lives(self, what, pick, between, fault, at):
        plan = self.run(self.world.ask(what, pick))
        op = plan and self.run(self.world.press(plan))
        if op is not None:
            self.run(self.world.carry_out(op, fault, at))
            self.run(self.world.meanwhile(between, op, asyncio.Event()))
            self.run(self.world.carry_out(op))

    @rule(pick=PICK, **FAULTS)
    def go_on(self, pick, fault, at, meanwhile):
        for op in self.one_open(pick):
            self.run(self.world.carry_out(op, fault, at, meanwhile))

    @rule(pick=PICK, **KILLS)
    def two_at_once(self, pick, fault, at):
        for op in self.one_open(pick):
            self.run(self.world.carry_out(op, fault, at, both=True))

    @rule(pick=PICK)
    def stop_or_the_rest(self, pick):
        for op in self.one_open(pick):
            self.run(self.world.meanwhile("stops", op, asyncio.Event()))
        if self.world.tried:
            self.run(self.world.rest(self.world.tried.pop()))

    def one_open(self, pick):
        found = self.world.open
        return [found[pick % len(found)]] if found else []

    @invariant()
    def all_are_there(self):
        self.run(self.world.check())

    def teardown(self):
        try:
            if self.healthy:
                self.run(self.world.end())
        finally:
            self.loop.run(self.world.aclose())


@pytest.fixture
def small_batches(monkeypatch):
    """Several batches and calls for a few jobs, and nothing is waited for."""
    monkeypatch.setattr(runner, "Pace", partial(Pace, size=4))
    monkeypatch.setattr(pacing, "LEAST", 3)
    for module in (bullmq_retry, bullmq_promote, bullmq_batches, bullmq_capture):
        monkeypatch.setattr(module, "CHUNK", 3)
    monkeypatch.setattr(bullmq_remover, "PAGE", 5)
    monkeypatch.setattr(bullmq_remover, "OBLITERATED", 3)
    monkeypatch.setattr(plan_freezing, "FROZEN_BY_ID", 8)
    monkeypatch.setattr(promoting, "FROZEN_BY_ID", 4)
    monkeypatch.setattr(sweeping, "FROZEN_BY_ID", 1)
    monkeypatch.setattr(receipts, "WATCH_LIMIT", 0)
    monkeypatch.setattr(salesforce_receipts, "WATCH_LIMIT", 0)
    monkeypatch.setattr(new_job_watch, "SKEW", 0)
    monkeypatch.setattr(bullmq_stalled, "CHECK", 1)
    monkeypatch.setattr(unstick, "BETWEEN", 0)
    monkeypatch.setattr(screen, "AGAIN", 0.001)


@pytest.mark.timeout(0 if THOROUGH else 120)
def test_no_job_is_lost_or_doubled_by_repairs_whatever_happens(valkey, small_batches):
    with asyncio.Runner() as loop, valkey.client() as redis, raw_client(valkey) as raw:

        async def make():
            return RepairWorld(valkey.url, redis, raw)

        run_state_machine_as_test(
            lambda: RepairMachine(loop, make),
            settings=settings(
                max_examples=EXAMPLES,
                stateful_step_count=STEPS,
                deadline=None,
                # Not shrunk: where two replicas are at work, an example does not end twice alike.
                phases=(Phase.reuse, Phase.generate),
                print_blob=True,
                suppress_health_check=[HealthCheck.too_slow],
            ),
        )
