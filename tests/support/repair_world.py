"""One real queue, two replicas and a worker: what people ask for, and how it is carried out."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from types import NoneType
from typing import Any, Final

from redis import Redis

from bot.adapters import keys
from bot.adapters.sources import connect
from bot.domain.operations import Phase
from bot.domain.plans import Plan, PlanKind, PlanStatus
from bot.domain.queues import QueueId
from bot.errors import HandedOverError, JobGoneError, RedisUnavailableError, StaleError
from bot.services.operations.screen import KIND
from tests.support.fake_operations import FakeOperationQueue
from tests.support.fakes import FakeClock, FakeMessenger
from tests.support.faults import Fault, Killed
from tests.support.pretend_worker import CODES
from tests.support.repair_crew import Crew
from tests.support.repair_ledger import Ledger
from tests.support.repair_ops import Op, Shelf
from tests.support.repair_orders import ORDERS, Orders
from tests.support.repair_people import BOB, People
from tests.support.replica import Replica
from tests.support.valkey_bullmq import now_ms

QUEUE: Final = QueueId("main", "bull", "machine")
MEANWHILE: Final = ("works", "adds", "pauses", "cuts loose", "feeds", "stops", "ends", "another")
"""What others do while an operation stands still between two of its calls."""
HANGS: Final = 15.0
"""Seconds after which a run is taken to wait for something that does not come."""

_FOLLOWED = (PlanKind.RETRY, PlanKind.PROMOTE)
_STAYS = frozenset(
    {keys.AUDIT, keys.ARCHIVES, keys.ARCHIVE_SIZES, keys.ARCHIVE_TOTAL, keys.INBOX, keys.RUNNING}
)


class RepairWorld:
    """Make it, and use it, where its event loop runs. `redis` decodes, `raw` gives bytes."""

    def __init__(self, url: str, redis: Redis, raw: Any) -> None:
        redis.flushall()
        self.redis, self.ledger = redis, Ledger(raw, QUEUE)
        self.cards: list[Plan] = []
        self.tried: list[Op] = []
        self.steps: list[str] = []
        clock = FakeClock()
        clock.now = now_ms()
        self._messenger, self._submitted = FakeMessenger(clock), FakeOperationQueue()
        self._url, self._client = url, connect("main", url)
        self._orders = Orders(self._publish, self.ledger.is_busy)
        self.crew = Crew(QUEUE, redis, self._client, self.ledger, self._orders)
        self.one, self.other = self._replica(), self._replica()
        self._people = People(QUEUE, self.ledger, self.other)

    async def _publish(self, order: str) -> None:
        await self.crew.publish(order)

    def _replica(self) -> Replica:
        return Replica(self._url, self._messenger, self._submitted, self._orders)

    @property
    def open(self) -> list[Op]:
        """The operations that have not ended."""
        return [op for op in self.ledger.ops.values() if not op.ended]

    async def switch(self) -> None:
        """Pause the queue, or resume it."""
        await self.crew.switch(self.other)

    async def ask(self, what: str, pick: int) -> Plan | None:
        """The plan for one of `REPAIRS`; None where nothing is to be done, or may not be."""
        if what == "obliterate":
            await self.crew.quieten(self.other)
        elif what.startswith("salesforce"):
            await self.crew.fail_orders()
        return await self._people.ask(what, pick)

    async def press(self, plan: Plan, *, twice: bool = False, expired: bool = False) -> Op | None:
        """Confirm it, or `twice` at once: the operation, or None where it is not begun."""
        too = self.one if twice else None
        answers = await self._people.press(plan, too=too, expired=expired)
        ops = [op for op in map(self._begun, answers) if op is not None]
        assert len(ops) <= (0 if expired else 1), "it was begun twice, or too late"
        return ops[0] if ops else None

    async def rest(self, op: Op) -> Op | None:
        """Go on with what a canary has left."""
        return self._begun(await self._people.rest(op.plan))

    def _begun(self, answer: Any) -> Op | None:
        again = getattr(answer, "drawn_again", None)
        if again is not None:
            self.cards.append(again.plan)
            return None
        plan = getattr(answer, "plan", answer)
        if plan is None or plan.status is not PlanStatus.RUNNING:
            return None
        op = self.ledger.ops.setdefault(plan.id, Op(plan))
        op.plan, op.ended, op.before = plan, False, len(op.moved)
        op.known = op.known or frozenset(self.ledger.coming)
        op.there = frozenset(self.ledger.here.keys() - self.ledger.orphans)
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
        set_before, self._as_of = len(self._orders.activated), self._orders.clock.now
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
        op.unsure = op.unsure or (at >= 0 and fault is not Fault.MEANWHILE)
        op.orders += self._orders.activated[set_before:]
        self._moved(op)
        await self._see_end(op)

    def _moved(self, op: Op) -> None:
        """Look at what it has moved; an old job goes, or comes back, only where that is safe."""
        changed, jobs = self.ledger.moved(op), self.ledger.coming
        if op.plan.kind is PlanKind.SALESFORCE:
            assert len(set(op.orders)) <= (op.plan.canary or op.plan.count), op
            new = {order for id_, order in jobs.items() if id_ not in op.known}
            lost = {one for one in changed if jobs[one] not in new}
            lost = {one for one in lost if not self._orders.is_done(jobs[one])}
            assert not lost, f"{lost} were removed, and their orders have no new job"
        elif op.plan.kind is PlanKind.UNDO:
            taker = self.ledger.ops[op.plan.archive].plan.kind
            settled = self._orders.settled(before=self._as_of)
            twice = {id_ for id_ in changed if jobs.get(id_) in settled}
            assert taker is not PlanKind.SALESFORCE or not twice, f"{twice} would be done twice"

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
            self._moved(op)
            if what == "works":
                await self.crew.work(["completes", CODES[0], "completes", CODES[1]])
            elif what == "adds":
                await self.crew.add("plain", 3)
            elif what == "cuts loose":
                self.crew.cut_loose(len(self.steps))
            elif what == "feeds":
                await self.crew.feed(op.plan.kind, len(self.steps))
            else:
                await self.switch()

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
        if op.plan.kind is PlanKind.SALESFORCE or (op.plan.kind in _FOLLOWED and op.moved):
            pages = self.other.done.ids(QUEUE, op.plan.id)
            done = {id_ async for page in pages for id_ in page}
        op.ended = True
        if stored.status is PlanStatus.TRIED:
            self.tried.append(op)
        self.ledger.ended(op, operation, stored, done)
        if op.plan.kind is PlanKind.SALESFORCE and not op.unsure and not op.overlapped:
            of_done = {self.ledger.coming[id_] for id_ in done or ()}
            assert of_done == set(op.orders), f"{op} has done {of_done}"

    async def shelves(self) -> list[Shelf]:
        """What all archives hold."""
        archive, found = self.other.archive, []
        for op in self.ledger.ops.values():
            info = await archive.info(op.archive) if op.archive else None
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
        self.crew.begin_anew()
        for order in ORDERS:
            self._orders.became(order, "Failed")  # so that any old job may come back
        for shelf in await self.shelves():
            with suppress(JobGoneError):
                await self._to_its_end((await self.other.repairs.undo.propose(BOB, shelf.id)).plan)
        await self.check()
        left = self.ledger.last.keys() - self.ledger.here.keys() - self.ledger.gone
        assert not left, f"{left} did not come back"
        if (plan := await self.ask("sweep", 0)) is not None:
            await self._to_its_end(plan)
        assert not self.ledger.orphans
        for op in self.ledger.ops.values():
            shown = [one for one in self._messenger.of(KIND) if one.tag.key.startswith(op.plan.id)]
            assert op.overlapped or len(shown) <= 1 + bool(op.plan.canary), shown

    async def _to_its_end(self, plan: Plan) -> None:
        op = await self.press(plan)
        assert op is not None
        await self.carry_out(op)
        assert op.ended, op

    async def aclose(self) -> None:
        """Close all connections."""
        for one in (self.one, self.other, self._client):
            await one.aclose()
