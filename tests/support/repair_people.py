"""The people who ask for repairs and confirm them, through one replica."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any, Final

from bot.domain.access import Actor
from bot.domain.jobs import FailureFilter
from bot.domain.plans import Plan, PlanKind, PlanStatus
from bot.domain.queues import QueueId
from bot.errors import AccessDeniedError, JobGoneError, RefusedError, StaleError
from tests.support.pretend_worker import CODES
from tests.support.repair_ledger import Ledger
from tests.support.replica import CATALOG, Replica
from tests.support.valkey_bullmq import now_ms

ALICE: Final = Actor(user="U0ALICE", channel="C1")
BOB: Final = Actor(user="U0BOB", channel="C1")
REPAIRS: Final = (
    *("retry", "retry a code", "retry with canary", "retry fresh", "promote", "unstick"),
    *("clean failed", "clean failed", "clean completed", "remove", "drain", "undo", "undo"),
    *("sweep", "salesforce", "salesforce", "salesforce with canary", "obliterate"),
)
REFUSED: Final = (JobGoneError, RefusedError, StaleError, AccessDeniedError)


class People:
    """`at` serves them, `too` the second press of two at once."""

    def __init__(self, queue: QueueId, ledger: Ledger, at: Replica) -> None:
        self._queue, self._ledger, self._at = queue, ledger, at

    async def ask(self, what: str, pick: int) -> Plan | None:
        """The plan for one of `REPAIRS`; None where nothing is to be done, or may not be."""
        try:
            plan = await self._plan(what, pick)
        except REFUSED:
            return None
        if plan is not None and plan.kind is PlanKind.SWEEP:
            ids, orphans = {id_ for id_, _ in plan.ids}, self._ledger.orphans
            assert plan.count == len(orphans), f"{plan.count} orphans, of {orphans}"
            assert not ids or ids == orphans, f"{ids} are orphans, of {orphans}"
        if plan is not None and plan.kind.approved and pick % 2:
            await self._ask_for_approval(plan)
        return plan

    async def _plan(self, what: str, pick: int) -> Plan | None:
        repairs, retries, queue = self._at.repairs, self._at.retries, self._queue
        jobs = list(self._ledger.last)
        archives = [op.archive for op in self._ledger.ops.values() if op.archive]
        of_all, of_a_code = FailureFilter(), FailureFilter(code=CODES[pick % 2].partition(":")[0])
        through = PlanKind.SALESFORCE
        if what == "undo" and not archives:
            return None
        ways: dict[str, Callable[[], Awaitable[Any]]] = {
            "retry": lambda: retries.propose(BOB, queue, of_all),
            "retry a code": lambda: retries.propose(BOB, queue, of_a_code),
            "retry with canary": lambda: retries.propose(BOB, queue, of_all, canary=2),
            "retry fresh": lambda: retries.propose(BOB, queue, of_all, fresh=True),
            "salesforce": lambda: retries.propose(BOB, queue, of_all, kind=through),
            "salesforce with canary": lambda: retries.propose(
                BOB, queue, of_all, canary=2, kind=through
            ),
            "clean failed": lambda: repairs.clean.propose(BOB, queue, "failed", older_than=0),
            "clean completed": lambda: repairs.clean.propose(BOB, queue, "completed", older_than=0),
            "remove": lambda: repairs.clean.propose_one(BOB, queue, jobs[pick % len(jobs)]),
            "promote": lambda: repairs.promote.propose(BOB, queue),
            "unstick": lambda: repairs.unstick.propose(BOB, queue),
            "drain": lambda: repairs.emergencies.propose(BOB, queue, PlanKind.DRAIN),
            "obliterate": lambda: repairs.emergencies.propose(BOB, queue, PlanKind.OBLITERATE),
            "undo": lambda: repairs.undo.propose(BOB, archives[pick % len(archives)]),
            "sweep": lambda: repairs.sweep.propose(BOB, queue),
        }
        plan: Plan = (await ways[what]()).plan
        return plan

    async def _ask_for_approval(self, plan: Plan) -> None:
        with suppress(*REFUSED):
            await self._at.approving.ask(BOB, plan.id, CATALOG.address(self._queue))

    async def press(self, plan: Plan, *, too: Replica | None, expired: bool) -> list[Plan]:
        """Confirm it, at a second replica too: what came of it where it was not refused."""
        if expired:
            for status in (PlanStatus.PROPOSED, PlanStatus.ASKED):
                old = replace(plan, status=status, expires_at=now_ms() - 1)
                await self._at.plans.advance(old, expected=status)
        if plan.kind.approved:
            await self._ask_for_approval(plan)
            assert await self._answer(partial(self._at.approving.approve, BOB, plan.id)) is None, (
                "who asked has approved it"
            )
        ways: list[Callable[[], Awaitable[Any]]] = [
            partial(at.approving.approve, ALICE, plan.id)
            if plan.kind.approved
            else partial(at.confirming.confirm, BOB, plan.id)
            for at in (self._at, too)
            if at is not None
        ]
        if plan.kind.approved and too is not None:
            ways.append(partial(too.approving.refuse, ALICE, plan.id))
        answers = await asyncio.gather(*map(self._answer, ways))
        return [answer for answer in answers if answer is not None]

    async def rest(self, plan: Plan) -> Any:
        """Go on with what a canary has left."""
        return await self._answer(partial(self._at.confirming.rest, BOB, plan.id))

    async def _answer(self, way: Callable[[], Awaitable[Any]]) -> Any:
        try:
            return await way()
        except REFUSED:
            return None
