"""Unstick: active jobs whose lock is gone go back to waiting; those with a live lock are named."""

from __future__ import annotations

from typing import Final

from bot.domain.access import Actor
from bot.domain.compatibility import Action
from bot.domain.jobs import ActiveJobs
from bot.domain.listing import all_of, listed
from bot.domain.plans import Plan, PlanKind
from bot.domain.queues import QueueId
from bot.domain.sample import ActiveJob, Sample
from bot.domain.times import Ms, say_duration
from bot.errors import JobGoneError
from bot.ports import QueueOperator
from bot.services.plan_desk import Desk
from bot.services.planning import Proposal

_NAMED: Final = 8


class UnstickPlanner:
    """Makes plans to unstick. Callers have checked the role."""

    def __init__(self, *, desk: Desk, operator: QueueOperator) -> None:
        self._desk = desk
        self._operator = operator

    async def propose(self, actor: Actor, queue: QueueId) -> Proposal:
        """Freeze the active jobs that have no lock now.

        Raises:
            JobGoneError: none has lost its lock; those that run are named.
            RefusedError: the version table does not allow it now.
        """
        sample, _ = await self._desk.look(queue, Action.UNSTICK, anew=True)
        active = await self._desk.reader.active(queue)
        dead, alive = lockless(active), [job for job in active.jobs if job.locked]
        now = sample.taken_at
        if not dead:
            raise JobGoneError(_nothing(alive, active.total, now))
        plan = self._desk.draft(
            actor, queue, PlanKind.UNSTICK, now=now, count=len(dead), state="active",
            ids=tuple((job.id, job.started_at or 0) for job in dead),
            warnings=(
                *_oldest(dead, now),
                *_kept(alive, active, now),
                *_check(await self._operator.stalled_check(queue)),
                *_hands(sample),
            ),
        )  # fmt: skip
        return await self._desk.keep(plan)

    async def again(self, actor: Actor, plan: Plan) -> Proposal:
        """A new plan for the jobs that have no lock now; raises as `propose`."""
        return await self.propose(actor, plan.queue)

    async def recount(self, plan: Plan) -> int:
        """How many active jobs have no lock now."""
        return len(lockless(await self._desk.reader.active(plan.queue)))

    async def check(self, plan: Plan) -> None:
        """Look whether it may be done now; raises as `Planner.check`."""
        await self._desk.look(plan.queue, Action.UNSTICK)


def lockless(active: ActiveJobs) -> list[ActiveJob]:
    """Those whose worker has died or lost them."""
    return [job for job in active.jobs if not job.locked]


def _nothing(alive: list[ActiveJob], total: int, now: Ms) -> str:
    if not alive:
        return "No job is active: nothing to unstick."
    held = "1 active job is" if total == 1 else f"{all_of(total)} active jobs are"
    return f"{held} locked by a worker: nothing to unstick. {_each(alive, now)}.{_locks(alive)}"


def _locks(alive: list[ActiveJob]) -> str:
    """That a worker which has just died holds its jobs for a while still."""
    left = max((job.lock_left or 0 for job in alive), default=0)
    if not left:
        return ""
    if len(alive) == 1:
        lock, its = "Its lock lasts", "its"
    else:
        lock, its = "Their locks last up to", "a"
    return f" {lock} {say_duration(left)} more: if {its} worker has died, ask again then."


def _oldest(dead: list[ActiveJob], now: Ms) -> list[str]:
    ids = listed([job.id for job in dead], most=_NAMED)
    times = [job.started_at for job in dead if job.started_at]
    since = f", begun {say_duration(now - min(times))} ago" if len(times) == 1 else ""
    if len(times) > 1:
        since = f", the first begun {say_duration(now - min(times))} ago"
    who = "1 job has lost its" if len(dead) == 1 else f"{len(dead):,} jobs have lost their"
    return [f"{who} worker: {ids}{since}"]


def _kept(alive: list[ActiveJob], active: ActiveJobs, now: Ms) -> list[str]:
    said = []
    if alive:
        one = len(alive) == 1
        who = "1 job is" if one else f"{len(alive):,} jobs are"
        locks = f".{_locks(alive)[:-1]}" if _locks(alive) else ""
        said.append(f"{who} locked by a worker, and left alone: {_each(alive, now)}{locks}")
    if active.total > len(active.jobs):
        said.append(f"Looked at the {len(active.jobs):,} oldest of {active.total:,} active jobs")
    return said


def _each(alive: list[ActiveJob], now: Ms) -> str:
    """`4711 (12 s), 4712 (3 min)`."""
    shown = [
        f"{listed([job.id])} ({say_duration(now - job.started_at)})"
        if job.started_at
        else listed([job.id])
        for job in alive[:_NAMED]
    ]
    more = len(alive) - len(shown)
    return ", ".join(shown) + (f" and {more:,} more" if more else "")


def _check(left: Ms) -> list[str]:
    if not left:
        return []
    return [f"BullMQ looks for such jobs again in {say_duration(left)}: that is waited out first"]


def _hands(sample: Sample) -> list[str]:
    """What keeps those that are moved back waiting."""
    said = ["The queue is paused: they wait until it is resumed"] if sample.paused else []
    return [*said, *(["No worker is connected: they wait until one is"] * (sample.workers == 0))]
