"""What operations have put back into queues whose alerts fire: so that an alert can say so.

It is looked for in a tick, and only while an alert fires that may come of it. The operations'
own records tell, nothing is searched: two commands, one for each of the plans of the last hour
(the newest, a bounded number), and three for each of those that are about such a queue.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Final

import structlog

from bot.domain.archives import LISTS
from bot.domain.incidents import Incident, PutBack
from bot.domain.operations import Operation, Phase
from bot.domain.plans import Plan, PlanKind
from bot.domain.put_back import FAMILIES, told
from bot.domain.queues import QueueId
from bot.domain.times import MINUTE, Ms
from bot.errors import RedisUnavailableError
from bot.ports import DoneSets, OperationStore, PlanStore
from bot.services.operations.ends import ended_set

_log = structlog.get_logger(__name__)
MOST: Final = 50
"""Of so many plans, the newest, it is asked what they have put back."""
LIMIT: Final = 2.0
"""Seconds it may take; after that an alert keeps what it has, and a new one calls."""

_KINDS: Final = frozenset(
    {PlanKind.RETRY, PlanKind.SALESFORCE, PlanKind.PROMOTE, PlanKind.UNSTICK, PlanKind.UNDO}
)
_WAIT_AGAIN: Final = ("", *LISTS, "prioritized")
"""The states of archived jobs that wait when they are back; "" is of several, as a drain leaves."""


class PutBacks:
    """Tells alerts what was put back. `interval` is the time between two ticks."""

    def __init__(
        self, *, plans: PlanStore, operations: OperationStore, done: DoneSets, interval: Ms
    ) -> None:
        self._plans = plans
        self._operations = operations
        self._done = done
        self._slack = max(MINUTE, 2 * interval)

    async def tell(
        self, before: Mapping[int, Incident], after: Mapping[int, Incident], now: Ms
    ) -> dict[int, Incident]:
        """Those of `after`, by number, that may come of it, with what was put back.

        `before` are the stored ones. Never an error: what cannot be found out explains nothing
        new.
        """
        mine = [one for one in after.values() if one.firing and one.family in FAMILIES]
        if not mine:
            return {}
        found: Mapping[QueueId, Sequence[PutBack]] | None = None
        try:
            async with asyncio.timeout(LIMIT):
                found = await self._found({one.queue for one in mine}, now)
        except (RedisUnavailableError, TimeoutError) as error:
            _log.warning("what was put back is not known", reason=str(error))
        made: dict[int, Incident] = {}
        for one in mine:
            was = before.get(one.number)
            known = was.facts.put_back if was is not None else ()
            shares = known if found is None else found.get(one.queue, ())
            made[one.number] = told(was, one, shares, now=now, slack=self._slack)
        return made

    async def _found(
        self, queues: Collection[QueueId], now: Ms
    ) -> Mapping[QueueId, Sequence[PutBack]]:
        ids = await self._plans.recent(limit=MOST)
        plans = await asyncio.gather(*map(self._plans.get, ids))
        about = [plan for plan in plans if plan and plan.queue in queues and _puts_back(plan)]
        found: defaultdict[QueueId, list[PutBack]] = defaultdict(list)
        shares = await asyncio.gather(*(self._of(plan, now) for plan in about))
        for plan, one in zip(about, shares, strict=True):
            if one is not None:
                found[plan.queue].append(one)
        return found

    async def _of(self, plan: Plan, now: Ms) -> PutBack | None:
        """What one plan has put back, None where that is nothing (yet)."""
        operation = await self._operations.load(plan.id)
        if operation is None or operation.began_at is None:
            return None
        moving = operation.phase in (Phase.WAITING, Phase.RUNNING)
        done, ended = operation.tally.done, _ended(operation)
        if moving:  # what is stored may be a second old: thousands of jobs
            done = max(done, await self._done.count(plan.queue, plan.id))
        if not operation.over:
            ended = await self._done.count(plan.queue, ended_set(plan.id))
        if not done:
            return None
        failed = operation.receipt.failed_again if operation.receipt else 0
        left = max(0, done - ended)
        return PutBack(
            by=plan.confirmed_by or plan.asked_by,
            verb=plan.kind.verb,
            at=operation.began_at,
            last=now if moving else operation.moved_at or operation.began_at,
            left=left,
            failed=failed,
            may_fail=failed if operation.over else min(done, failed + left),
        )


def _puts_back(plan: Plan) -> bool:
    waits = plan.kind is not PlanKind.UNDO or plan.state in _WAIT_AGAIN
    return plan.kind in _KINDS and waits


def _ended(operation: Operation) -> int:
    """How many of its jobs its receipt knows to have ended, or not to come."""
    receipt = operation.receipt
    if receipt is None:
        return 0
    return receipt.completed + receipt.failed_again + receipt.gone + receipt.without_job
