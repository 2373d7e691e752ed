"""The new jobs of a retry through Salesforce, on real keys: noted once, by whichever replica."""

import asyncio
import json

import pytest

from bot.adapters.bullmq_done import BullmqDoneSets
from bot.adapters.bullmq_outcomes import BullmqOutcomes
from bot.adapters.bullmq_remover import BullmqRemover
from bot.adapters.redis_archive import RedisArchive
from bot.domain.operations import Operation, Receipt
from bot.domain.plans import Plan, PlanKind
from bot.domain.policy import Catalog, QueuePolicy
from bot.domain.salesforce import Order, OrderJob, order_key
from bot.domain.times import DAY, SECOND
from bot.errors import HandedOverError, RedisUnavailableError
from bot.services.archiving import Archiving
from bot.services.failed_again import FailedAgain
from bot.services.operations.clean import Taking
from bot.services.operations.record import Record
from bot.services.operations.salesforce_receipts import SalesforceReceipts, new_set
from bot.services.order_notes import OrderNotes
from bot.services.salesforce_retry import SalesforceRetry
from tests.support.fake_queues import FakeClock
from tests.support.fake_salesforce import FakeSalesforce, order_id
from tests.support.valkey_bullmq import ORDERS, now_ms, write_failed, write_meta

ONE, TWO = order_id(1), order_id(2)
NEW = ORDERS.key("bullhorn:op.new")


class Following:
    """Two orders of failed jobs were set by an operation; its replicas follow their new jobs."""

    def __init__(self, redis, sources, reader):
        self.redis, self.sources, self.reader = redis, sources, reader
        self.clock = FakeClock()
        self.salesforce = FakeSalesforce(self.clock)
        self.done = BullmqDoneSets(sources=sources)
        self.archive = RedisArchive(client=sources.client("main"))
        now = now_ms()
        self.operation = Operation(id="op", attempt="1")
        self.plan = Plan(
            id="op", queue=ORDERS, kind=PlanKind.SALESFORCE, count=2, asked_by="U1", asked_at=now,
            expires_at=now + DAY, confirmed_at=now, channel="C1", archive="op",
        )  # fmt: skip

    async def begin(self):
        """As the operation leaves it: both orders set, their old jobs still failed."""
        write_meta(self.redis, ORDERS)
        write_failed(self.redis, ORDERS, [(f"old{n}", now_ms() - 20_000, "x", "n") for n in (1, 2)])
        for number, order in enumerate((ONE, TWO), start=1):
            self.salesforce.put(order, "Activating")
            self.redis.hset(ORDERS.key(f"old{number}"), "data", json.dumps({"sfOrderId": order}))
            await self.done.remember(ORDERS, "op", [f"old{number}"])
            seen = Order(id=order, status="Failed")
            notes = OrderNotes(self.done, ORDERS, "op")
            await notes.put(
                [OrderJob(f"old{number}", order)], {order_key(order): seen}, {}, now_ms()
            )

    def add(self, id_, order):
        """What the flow publishes."""
        data = json.dumps({"sfOrderId": order})
        job = {"name": "n", "data": data, "timestamp": now_ms()}
        self.redis.hset(ORDERS.key(id_), mapping=job)
        self.redis.lpush(ORDERS.key("wait"), id_)

    def end(self, id_, state, reason=""):
        """What the worker does; "gone" is a job that is removed when it ends."""
        self.redis.lrem(ORDERS.key("wait"), 1, id_)
        if state == "gone":
            self.redis.delete(ORDERS.key(id_))
            return
        self.redis.hset(ORDERS.key(id_), "failedReason", reason)
        self.redis.zadd(ORDERS.key(state), {id_: now_ms()})

    async def follow(self, *plays, done=None):
        """One replica: what happens between its looks; when no more does, it is told to leave."""
        leave, rest = asyncio.Event(), list(plays)

        async def sleep(_seconds):
            self.clock.forward(61 * SECOND)
            if not rest:
                leave.set()
                await asyncio.Event().wait()
            rest.pop(0)()

        catalog, done = Catalog(default=QueuePolicy()), done or self.done
        remover = BullmqRemover(sources=self.sources)
        archiving = Archiving(remover=remover, archive=self.archive, done=done)
        receipts = SalesforceReceipts(
            retry=SalesforceRetry(
                orders=self.salesforce, reader=self.reader,
                outcomes=BullmqOutcomes(sources=self.sources), policy=self.salesforce.policy,
                sleep=sleep, monotonic=lambda: self.clock.now / 1000,
            ),
            reader=self.reader, done=done, catalog=catalog,
            taking=Taking(
                remover=remover, archiving=archiving, archive=self.archive, catalog=catalog
            ),
        )  # fmt: skip
        record = Record(plan=self.plan, operation=self.operation, store=None)
        try:
            return await receipts.watch(record, leave)
        finally:
            self.operation = record.operation

    async def archived(self):
        """How many old jobs."""
        return (await self.archive.info("op")).jobs


@pytest.fixture
async def following(redis, sources, reader):
    following = Following(redis, sources, reader)
    await following.begin()
    return following


async def test_the_new_jobs_are_noted_for_as_long_as_the_plan_is_kept(following, redis):
    receipt = await following.follow(
        lambda: following.add("new1", ONE),
        lambda: (following.end("new1", "completed"), following.add("new2", TWO)),
        lambda: following.end("new2", "failed", "TIMEOUT: slow"),
    )
    assert receipt == Receipt(completed=1, failed={"TIMEOUT": 1}, watched=2, of=2)
    assert redis.smembers(NEW) == {"new1", "new2"}, "and none of the old ones"
    assert 7 * DAY < redis.pttl(NEW) <= 8 * DAY
    again = FailedAgain(done=following.done, reader=following.reader)
    assert [job.id for job in await again.jobs(ORDERS, "op")] == ["new2"]
    assert await again.known(ORDERS, "op") == 2


@pytest.mark.parametrize("end", ["completed", "gone"])
async def test_a_replica_that_takes_over_counts_nothing_twice(following, redis, end):
    """Also where a job that the first one noted has ended and is removed meanwhile."""
    with pytest.raises(HandedOverError):
        await following.follow(lambda: following.add("new1", ONE))
    assert redis.smembers(NEW) == {"new1"}
    assert await following.archived() == 1
    following.end("new1", end)
    following.salesforce.put(ONE, "Activated")
    receipt = await following.follow(
        lambda: following.add("new2", TWO), lambda: following.end("new2", "completed")
    )
    assert receipt == Receipt(completed=2, watched=2, of=2)
    assert redis.smembers(NEW) == {"new1", "new2"}
    assert await following.archived() == 2
    assert following.operation.note == "\n2 old jobs archived: `/queue undo op`"


class Forgetful(BullmqDoneSets):
    """Redis is away the first time that a new job is to be noted."""

    lost = 0

    async def remember(self, queue, operation, ids):
        if operation == new_set("op") and not self.lost:
            self.lost += 1
            raise RedisUnavailableError("away")
        await super().remember(queue, operation, ids)


async def test_a_new_job_that_could_not_be_noted_is_at_the_next_look(following, redis, sources):
    forgetful = Forgetful(sources=sources)
    receipt = await following.follow(
        lambda: following.add("new1", ONE),
        lambda: (following.end("new1", "completed"), following.add("new2", TWO)),
        lambda: following.end("new2", "completed"),
        done=forgetful,
    )
    assert (receipt.completed, forgetful.lost) == (2, 1)
    assert redis.smembers(NEW) == {"new1", "new2"}
