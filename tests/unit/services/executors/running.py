"""Runs an executor over fakes, by twos."""

from bot.domain.operations import Tally
from bot.domain.pacing import Pace
from bot.domain.plans import Plan
from bot.domain.policy import Catalog, QueuePolicy
from bot.domain.sample import ActiveJob
from bot.domain.times import SECOND
from bot.services.operations.base import Throttle
from tests.support.fakes import ORDERS, START

CATALOG = Catalog(default=QueuePolicy())


def plan(kind, count, **more):
    return Plan(
        id=more.pop("id", "op1"), queue=ORDERS, kind=kind, count=count, asked_by="U0BOB",
        asked_at=START, expires_at=START + 1, channel="C1", **more,
    )  # fmt: skip


def by_twos():
    return Throttle(Pace(size=2))


async def run(executor, plan, *, before=0, steps=None):
    """All of its steps (or so many), as one tally."""
    tally, notes, seen = Tally(done=before), [], 0
    async for step in executor.steps(plan, by_twos()):
        tally = tally.plus(step.outcome)
        notes += [step.note] if step.note else []
        seen += 1
        if seen == steps:
            break
    return tally, notes


async def patiently(executor, plan, clock):
    """All of its steps; the time that they want to wait passes at once."""
    tally, notices = Tally(), []
    async for step in executor.steps(plan, by_twos()):
        tally = tally.plus(step.outcome)
        notices += [step.notice] if step.notice else []
        clock.forward(round(step.wait * SECOND))
    return tally, notices


def active(job_id, *, locked=False):
    return ActiveJob(id=job_id, name="w", started_at=START, attempt=1, locked=locked)


def fail(queue, count):
    for number in range(count):
        queue.fail(f"f{number}", "WHMCS_ERROR: away", START - 100 + number)
