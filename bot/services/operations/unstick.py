"""Unstick: BullMQ's own look for stalled jobs, made as often as it takes, by no worker at all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from bot.domain.jobs import BatchOutcome
from bot.domain.listing import listed
from bot.domain.plans import Plan
from bot.domain.policy import Catalog
from bot.domain.times import SECOND, Ms, say_duration
from bot.ports import DoneSets, QueueOperator, QueueReader
from bot.services.operations.base import Step, Throttle
from bot.services.unsticking import lockless

BETWEEN: Final = 1.2
"""Seconds between the pass that marks and the one that moves: time to renew a lock."""

PASSES: Final = 6
"""Passes that move nothing after which it is given up: one marks, and a worker may mark anew."""

WAITS: Final = 180
"""Times that `stalled-check` is waited for, a second each: live workers set it again and again."""

_AT_ONCE: Final = 500
_MARKED: Final = "marked; a worker that lives renews its lock meanwhile."


class UnstickExecutor:
    """Carries out unsticking. What is not among its ids may go too: its script takes them all."""

    def __init__(
        self,
        *,
        reader: QueueReader,
        operator: QueueOperator,
        done: DoneSets,
        catalog: Catalog,
    ) -> None:
        self._reader = reader
        self._operator = operator
        self._done = done
        self._catalog = catalog

    async def steps(self, plan: Plan, throttle: Throttle) -> AsyncIterator[Step]:  # noqa: ARG002 - a pass takes all
        """Wait `stalled-check` out, mark, wait, move; until none of the plan's is stuck."""
        idle = waits = 0
        last = BatchOutcome()
        stuck = await self._stuck(plan)
        while stuck and idle < PASSES and waits < WAITS:
            if left := await self._operator.stalled_check(plan.queue):
                waits += 1
                yield Step(notice=_waits_for(left), wait=min(left, SECOND) / SECOND)
                stuck = await self._stuck(plan)
                continue
            last = await self._operator.unstick(
                plan.queue,
                configured=self._catalog.policy(plan.queue).bullmq,
                operation=plan.id,
            )
            idle = 0 if last.done else idle + 1
            yield Step(
                outcome=BatchOutcome(done=last.done),
                notice="" if last.done else _MARKED,
                wait=0 if last.done else BETWEEN,
            )
            stuck = await self._stuck(plan)
        yield await self._rest(plan, stuck, last)

    async def _stuck(self, plan: Plan) -> list[str]:
        """Those of the plan that are active still without a lock."""
        mine = {job_id for job_id, _ in plan.ids}
        active = await self._reader.active(plan.queue)
        return [job.id for job in lockless(active) if job.id in mine]

    async def _rest(self, plan: Plan, stuck: list[str], last: BatchOutcome) -> Step:
        """What was not moved: because it is no longer stuck, or because that cannot be done."""
        ids = [job_id for job_id, _ in plan.ids]
        moved = 0
        for start in range(0, len(ids), _AT_ONCE):
            part = ids[start : start + _AT_ONCE]
            moved += len(await self._done.contains(plan.queue, plan.id, part))
        vanished = min(len(stuck), last.vanished)
        outcome = BatchOutcome(
            changed=max(0, len(ids) - moved - len(stuck)),
            vanished=vanished,
            left_out=len(stuck) - vanished,
        )
        return Step(outcome=outcome, note=f"Still active: {listed(stuck)}." if stuck else "")


def _waits_for(left: Ms) -> str:
    return f"BullMQ looks for jobs without a worker again in {say_duration(left)}."
