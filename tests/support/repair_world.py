"""One real queue, two replicas and a worker: what people ask for, and how it is carried out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from types import NoneType
from typing import Any, Final

from redis import Redis

from bot.adapters import keys
from bot.adapters.sources import connect
from bot.domain.access import Actor
from bot.domain.jobs import FailureFilter
from bot.domain.operations import Phase
from bot.domain.plans import Plan, PlanKind, PlanStatus
from bot.domain.queues import QueueId
from bot.errors import (
    HandedOverError,
    JobGoneError,
    RedisUnavailableError,
    RefusedError,
    StaleError,
)
from bot.services.operations.screen import KIND
from tests.support.fake_operations import FakeOperationQueue
from tests.support.fakes import FakeClock, FakeMessenger
from tests.support.faults import Fault, Killed
from tests.support.pretend_worker import CODES, PretendWorker
from tests.support.repair_ledger import Ledger, Op, Shelf
from tests.support.replica import CATALOG, Replica
from tests.support.valkey_bullmq import now_ms, write_meta

ALICE: Final = Actor(user="U0ALICE", channel="C1")
BOB: Final = Actor(user="U0BOB", channel="C1")
QUEUE: Final = QueueId("main", "bull", "machine")
REPAIRS: Final = (
    *("retry", "retry a code", "retry with canary", "retry fresh", "promote", "unstick"),
    *(
        "clean failed",
        "clean failed",
        "clean completed",
        "remove",
        "drain",
        "undo",
        "undo",
        "sweep",
    ),
)
MEANWHILE: Final = ("works", "adds", "pauses", "stops", "ends", "another")
"""What others do while an operation stands still between two of its calls."""
HANGS: Final = 15.0
"""Seconds after which a run is taken to wait for something that does not come."""

_REFUSED = (JobGoneError, RefusedError, StaleError)
_STAYS = frozenset(
    {keys.AUDIT, keys.ARCHIVES, keys.ARCHIVE_SIZES, keys.ARCHIVE_TOTAL, keys.INBOX, keys.RUNNING}
)


class RepairWorld:
    """Make it, and use it, where its event loop runs. `redis` decodes, `raw` gives bytes."""

    def __init__(self, url: str, redis: Redis, raw: Any) -> None:
        redis.flushall()
        write_meta(redis, QUEUE, "bullmq:6.0.0")
        self.redis, self.ledger = redis, Ledger(raw, QUEUE)
        self.cards: list[Plan] = []
        self.tried: list[Op] = []
        self.steps: list[str] = []
        clock = FakeClock()
        clock.now = now_ms()
        self._messenger, self._submitted = FakeMessenger(clock), FakeOperationQueue()
        self._url, self._client = url, connect("main", url)
        self.worker = PretendWorker(self._client, QUEUE)
        self.one, self.other = self._replica(), self._replica()

    def _replica(self) -> Replica:
        return Replica(self._url, self._messenger, self._submitted)

    @property
    def open(self) -> list[Op]:
        """The operations that have not ended."""
        return [op for op in self.ledger.ops.values() if not op.ended]

    async def switch(self) -> None:
        """Pause the queue, or resume it."""
        operator, paused = self.other.operator, self.redis.hexists(QUEUE.key("meta"), "paused")
        await (operator.resume if paused else operator.pause)(QUEUE, configured=None)
        self.ledger.mark()

    async def ask(self, what: str, pick: int) -> Plan | None:
        """The plan for one of `REPAIRS`; None where nothing is to be done, or may not be."""
        repairs, retries = self.other.repairs, self.other.retries
        jobs = list(self.ledger.last)
        archives = [op.plan.archive for op in self.ledger.ops.values() if op.plan.archive]
        of_all, of_a_code = FailureFilter(), FailureFilter(code=CODES[pick % 2].partition(":")[0])
        if what == "undo" and not archives:
            return None
        ways: dict[str, Callable[[], Awaitable[Any]]] = {
            "retry": lambda: retries.propose(BOB, QUEUE, of_all),
            "retry a code": lambda: retries.propose(BOB, QUEUE, of_a_code),
            "retry with canary": lambda: retries.propose(BOB, QUEUE, of_all, canary=2),
            "retry fresh": lambda: retries.propose(BOB, QUEUE, of_all, fresh=True),
            "clean failed": lambda: repairs.clean.propose(BOB, QUEUE, "failed", older_than=0),
            "clean completed": lambda: repairs.clean.propose(BOB, QUEUE, "completed", older_than=0),
            "remove": lambda: repairs.clean.propose_one(BOB, QUEUE, jobs[pick % len(jobs)]),
            "promote": lambda: repairs.promote.propose(BOB, QUEUE),
            "unstick": lambda: repairs.unstick.propose(BOB, QUEUE),
            "drain": lambda: repairs.emergencies.propose(BOB, QUEUE, PlanKind.DRAIN),
            "undo": lambda: repairs.undo.propose(BOB, archives[pick % len(archives)]),
            "sweep": lambda: repairs.sweep.propose(BOB, QUEUE),
        }
        try:
            plan: Plan = (await ways[what]()).plan
        except _REFUSED:
            return None
        assert plan.kind is not PlanKind.SWEEP, f"{plan.ids} are orphans"
        return plan

    async def press(self, plan: Plan, *, twice: bool = False, expired: bool = False) -> Op | None:
        """Confirm it, or `twice` at once: the operation, or None where it is not begun."""
        if expired:
            old = replace(plan, expires_at=now_ms() - 1)
            await self.other.plans.advance(old, expected=PlanStatus.PROPOSED)
        if plan.kind.approved:
            with suppress(*_REFUSED):
                await self.other.approving.ask(BOB, plan.id, CATALOG.address(QUEUE))
        ways: list[Callable[[], Awaitable[Any]]] = [
            partial(at.approving.approve, ALICE, plan.id)
            if plan.kind.approved
            else partial(at.confirming.confirm, BOB, plan.id)
            for at in (self.other, self.one)[: 1 + twice]
        ]
        begun = await asyncio.gather(*map(self._begun, ways))
        ops = [op for op in begun if op is not None]
        assert len(ops) <= (0 if expired else 1), "it was begun twice, or too late"
        return ops[0] if ops else None

    async def rest(self, op: Op) -> Op | None:
        """Go on with what a canary has left."""
        return await self._begun(partial(self.other.confirming.rest, BOB, op.plan.id))

    async def _begun(self, way: Callable[[], Awaitable[Any]]) -> Op | None:
        try:
            answer = await way()
        except _REFUSED:
            return None
        again = getattr(answer, "drawn_again", None)
        if again is not None:
            self.cards.append(again.plan)
            return None
        plan = getattr(answer, "plan", answer)
        if plan.status is not PlanStatus.RUNNING:
            return None
        op = self.ledger.ops.setdefault(plan.id, Op(plan))
        op.plan, op.ended, op.before = plan, False, len(op.moved)
        self.steps.append(f"begun: {plan.kind} {plan.id} of {plan.count} {plan.state}")
        return op

    async def carry_out(
        self,
        op: Op,
        fault: Fault = Fault.MEANWHILE,
        at: int = -1,
        what: str = "",
        *,
        both: bool = False,
    ) -> None:
        """Run an operation as the worker does; where it does not end, it stays open."""
        self.steps.append(f"run {op.plan.kind} {op.plan.id}: {fault} at {at}, {what}, both={both}")
        one, leave = self.one, asyncio.Event()
        one.hasty = fault in (Fault.LOST_BEFORE, Fault.LOST_AFTER, Fault.OUTAGE)
        one.faults.plan(fault, at, partial(self.meanwhile, what, op, leave))
        runs = [asyncio.ensure_future(one.runner.run(op.plan.id, leave))]
        if both:
            op.overlapped = True
            again = self.other.runner.run(op.plan.id, asyncio.Event())
            runs.append(asyncio.ensure_future(again))
        _, hanging = await asyncio.wait(runs, timeout=HANGS)
        assert not hanging, f"{op.plan.kind} {op.plan.id} does not end"
        for answer in await asyncio.gather(*runs, return_exceptions=True):
            self.steps.append(f"  {answer!r}")
            known = (NoneType, Killed, RedisUnavailableError, HandedOverError)
            if isinstance(answer, BaseException) and not isinstance(answer, known):
                raise answer
        one.hasty = False
        one.faults.plan(fault, -1)
        if one.faults.dead:
            await one.aclose()
            self.one = self._replica()
        self.ledger.moved(op)
        await self._see_end(op)

    async def meanwhile(self, what: str, op: Op, leave: asyncio.Event) -> None:
        """One of `MEANWHILE`."""
        self.steps.append(f"meanwhile: {what} {op.plan.id}")
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

    async def _see_end(self, op: Op) -> None:
        stored = await self.other.plans.get(op.plan.id)
        operation = await self.other.operations.load(op.plan.id)
        self.steps.append(f"  {stored and stored.status}, {operation}")
        if stored is not None and stored.status is PlanStatus.CANCELLED:
            op.ended = True
            assert len(op.moved) == op.before, "it was taken back, and went on all the same"
            return
        if stored is None or operation is None or operation.attempt != stored.attempt:
            return
        if operation.phase is not Phase.ENDED:
            return
        done = None
        if op.plan.kind in (PlanKind.RETRY, PlanKind.PROMOTE) and op.moved:
            pages = self.other.done.ids(QUEUE, op.plan.id)
            done = {id_ async for page in pages for id_ in page}
        op.ended = True
        if stored.status is PlanStatus.TRIED:
            self.tried.append(op)
        self.ledger.ended(op, operation, stored, done)

    async def shelves(self) -> list[Shelf]:
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

    async def check(self) -> None:
        """Each job is in one state or in the archive."""
        self.ledger.check(await self.shelves())
        found: Any = self.redis.keys(f"{keys.PREFIX}*")
        with self.redis.pipeline(transaction=False) as pipe:
            for key in found:
                pipe.pttl(key)
            stay = {key for key, ttl in zip(found, pipe.execute(), strict=True) if ttl == -1}
        assert stay <= _STAYS, f"{stay - _STAYS} stay for ever"

    async def end(self) -> None:
        """Whatever was begun ends, whatever is archived comes back, and nothing else is left."""
        for op in self.open:
            await self.carry_out(op)
            assert op.ended, op
        for shelf in await self.shelves():
            with suppress(JobGoneError):
                plan = (await self.other.repairs.undo.propose(BOB, shelf.id)).plan
                undo = await self.press(plan)
                assert undo is not None
                await self.carry_out(undo)
        await self.check()
        left = self.ledger.last.keys() - self.ledger.here.keys() - self.ledger.gone
        assert not left, f"{left} did not come back"
        assert await self.ask("sweep", 0) is None
        for op in self.ledger.ops.values():
            shown = [one for one in self._messenger.of(KIND) if one.tag.key.startswith(op.plan.id)]
            assert op.overlapped or len(shown) <= 1 + bool(op.plan.canary), shown

    async def aclose(self) -> None:
        """Close all connections."""
        for one in (self.one, self.other, self._client):
            await one.aclose()
