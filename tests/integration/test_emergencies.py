"""Drain and obliterate as operations on real queues of BullMQ 5 and 6, with Node at work."""

import asyncio
from dataclasses import replace
from hashlib import sha512
from itertools import pairwise

import pytest

from bot.adapters.bullmq_done import BullmqDoneSets
from bot.adapters.bullmq_remover import BullmqRemover
from bot.adapters.redis_archive import RedisArchive
from bot.adapters.redis_plan_store import RedisPlanStore
from bot.domain.access import Actor
from bot.domain.archives import CAP
from bot.domain.pacing import Pace
from bot.domain.plans import PlanKind
from bot.domain.policy import Catalog, QueuePolicy
from bot.errors import ArchiveFullError
from bot.services.archiving import Archiving
from bot.services.emergencies import EmergencyPlanner
from bot.services.operations.base import Throttle
from bot.services.operations.clean import Taking
from bot.services.operations.drain import DrainExecutor
from bot.services.operations.obliterate import ObliterateExecutor
from bot.services.operations.undo import UndoExecutor
from tests.support.bullmq_whole import places, whole
from tests.support.valkey_bullmq import ORDERS

CATALOG = Catalog(default=QueuePolicy())
ALICE = Actor(user="U0ALICE", channel="C")
versions = pytest.mark.parametrize("version", [5, 6])
PLAIN = {"data": {"n": 1}}
LOW = {"data": {}, "opts": {"priority": 7}}
LATER = {"data": {}, "opts": {"delay": 3_600_000}}
FAILS = {"data": {"fail": "WHMCS_ERROR: 502"}}


class Yard:
    """All that carries it out, over one queue's Redis."""

    def __init__(self, sources, reader, *, cap=CAP):
        own = sources.client("main")
        self.remover, self.done = BullmqRemover(sources=sources), BullmqDoneSets(sources=sources)
        self.archive = RedisArchive(client=own, cap=cap)
        archiving = Archiving(remover=self.remover, archive=self.archive, done=self.done)
        taking = Taking(
            remover=self.remover, archiving=archiving, archive=self.archive, catalog=CATALOG
        )
        self.planner = EmergencyPlanner(
            reader=reader, plans=RedisPlanStore(client=own), archive=self.archive, catalog=CATALOG
        )
        self.drain = DrainExecutor(taking=taking, remover=self.remover, done=self.done)
        self.obliterate = ObliterateExecutor(reader=reader, remover=self.remover, catalog=CATALOG)
        self.undo = UndoExecutor(
            archiving=archiving, remover=self.remover, archive=self.archive, done=self.done,
            catalog=CATALOG,
        )  # fmt: skip

    async def propose(self, kind):
        return (await self.planner.propose(ALICE, ORDERS, kind)).plan


@pytest.fixture
def yard(sources, reader):
    return Yard(sources, reader)


def undoing(plan):
    return replace(plan, id="undo1", kind=PlanKind.UNDO)


async def run(executor, plan, *, until=None, between=None):
    """The steps; `until` so many only, as a crash leaves it."""
    steps = []
    async for step in executor.steps(plan, Throttle(Pace(size=100, slow=1.0))):
        steps.append(step)
        if between is not None:
            await between()
        if until is not None and len(steps) >= until:
            break
    return steps


def changed(steps):
    return [job for step in steps for job in step.outcome.done]


async def settle_some(queue):
    """Two jobs failed, two completed: none of a drain's business."""
    worker = await queue.worker()
    await queue.add(FAILS, FAILS, PLAIN, PLAIN)
    await queue.wait(failed=2, completed=2)
    await worker.stop()


@versions
async def test_drained_undone_and_finished_by_a_node_worker(node, yard, raw, redis, version):
    queue = node.queue(version, "orders")
    await settle_some(queue)
    await queue.add(*[PLAIN] * 230, LOW, *[LATER] * 12, LOW, *[PLAIN] * 30)
    await queue.call("upsertJobScheduler", "nightly", {"pattern": "0 3 * * *"}, {"name": "nightly"})
    before = whole(raw, ORDERS, without=("pc",))
    plan = await yard.propose(PlanKind.DRAIN)
    assert plan.count == 260 + 2 + 12 + 1
    redis.config_resetstat()

    steps = await run(yard.drain, plan)

    calls = redis.info("commandstats")["cmdstat_evalsha"]["calls"]
    assert calls > 2 * plan.count / 100, "in batches, never as one script"
    assert len(changed(steps)) == 274
    assert sum(step.outcome.left_out for step in steps) == 1, "the scheduler's next run"
    left = places(raw, ORDERS)
    assert sorted(left.values()) == [["completed"]] * 2 + [["delayed"]] + [["failed"]] * 2
    assert await yard.done.count(ORDERS, plan.id) == 274
    assert (await yard.archive.info(plan.id)).jobs == 274

    back = await run(yard.undo, undoing(plan))

    assert len(changed(back)) == 274
    assert whole(raw, ORDERS, without=("pc",)) == before
    worker = await queue.worker()
    await queue.wait(completed=2 + 262, failed=2, delayed=13)
    await worker.stop()


@versions
async def test_jobs_that_come_in_meanwhile_stay_and_a_crash_takes_none_of_them(
    node, yard, raw, version
):
    queue = node.queue(version, "orders")
    old = set(await queue.add(*[PLAIN] * 300, *[LATER] * 60, *[LOW] * 60))
    plan = await yard.propose(PlanKind.DRAIN)
    await asyncio.sleep(0.01)  # BullMQ's clock has milliseconds: the next jobs are younger
    new = set(await queue.add(PLAIN, LATER, LOW))

    async def more():
        new.update(await queue.add(PLAIN, {**LOW, "opts": {"priority": 1}}, LATER))

    first = await run(yard.drain, plan, until=4, between=more)
    second = await run(yard.drain, plan, between=more)

    assert set(changed(first)) | set(changed(second)) == old
    assert len(changed(first)) + len(changed(second)) == len(old)
    assert set(places(raw, ORDERS)) == new
    assert await yard.done.count(ORDERS, plan.id) == len(old)


@versions
async def test_a_full_archive_leaves_the_rest_in_its_queue(node, sources, reader, raw, version):
    yard = Yard(sources, reader, cap=25_000)
    queue = node.queue(version, "orders")
    blobs = [sha512(f"{number}".encode()).hexdigest() * 3 for number in range(400)]
    every = set(await queue.add(*({"data": {"blob": blob}} for blob in blobs)))
    plan = await yard.propose(PlanKind.DRAIN)
    with pytest.raises(ArchiveFullError, match="The rest was left"):
        await run(yard.drain, plan)
    kept = await yard.archive.info(plan.id)
    left = set(places(raw, ORDERS))
    assert 0 < len(left) < 400
    assert kept.jobs == 400 - len(left)
    await run(yard.undo, undoing(plan))
    assert set(places(raw, ORDERS)) == every


@versions
async def test_obliterated_in_batches_and_taken_up_after_a_crash(node, yard, redis, version):
    queue = node.queue(version, "orders")
    await settle_some(queue)
    await queue.add(*[PLAIN] * 900, *[LOW] * 150, *[LATER] * 150)
    await queue.call("pause")
    plan = await yard.propose(PlanKind.OBLITERATE)
    assert plan.count == 1204
    redis.config_resetstat()

    first = await run(yard.obliterate, plan, until=2)
    second = await run(yard.obliterate, plan)

    gone = first[-1].total
    assert 0 < gone <= 500
    assert second[0].total == gone
    assert second[-1].total == 1204
    steps = [step.total for step in second]
    assert max(b - a for a, b in pairwise(steps)) <= 500
    calls = redis.info("commandstats")["cmdstat_evalsha"]["calls"]
    assert calls >= 1204 // 200, "no call takes more than two hundred"
    assert not list(redis.scan_iter("bull:orders:*"))
    assert [step.total for step in await run(yard.obliterate, plan)] == [1204], "run once more"


@versions
async def test_a_queue_that_was_obliterated_is_a_new_one(node, yard, version):
    queue = node.queue(version, "orders")
    await queue.add(PLAIN)
    await queue.call("pause")
    await run(yard.obliterate, await yard.propose(PlanKind.OBLITERATE))
    worker = await queue.worker()
    await queue.add(PLAIN, PLAIN)
    await queue.wait(completed=2)
    await worker.stop()
