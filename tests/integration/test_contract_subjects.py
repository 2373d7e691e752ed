"""What QueueReader promises of what jobs are about, asked of the fake and of the real one alike."""

import json

import pytest

from bot.domain.jobs import FailureFilter
from bot.domain.subjects import JobAbout
from tests.support.fakes import FakeClock, FakeQueues
from tests.support.valkey_bullmq import ORDERS, write_failed, write_meta

AT = 1_700_000_000_000
ANY = FailureFilter()


class Pretend:
    """The fake."""

    def __init__(self):
        self.reader = FakeQueues(FakeClock())
        self.queue = self.reader.add(ORDERS)

    def fail(self, id_, at, **data):
        self.queue.fail(id_, "WHMCS_ERROR: x", at, name="work")
        self.queue.contents.data[id_] = data

    def complete(self, id_, at, **data):
        job = JobAbout(id=id_, state="completed", created_at=AT, started_at=at, finished_at=at)
        self.queue.contents.add(job, **data)

    def wait(self, id_, **data):
        self.queue.contents.add(JobAbout(id=id_, state="wait", created_at=AT), **data)

    def empty(self, id_):
        self.queue.emptied.add(id_)

    def prioritize(self, id_):
        self.queue.prioritized.add(id_)


class Real:
    """The adapter on Valkey, and jobs in BullMQ's shape."""

    def __init__(self, redis, reader):
        self.redis, self.reader = redis, reader
        write_meta(redis, ORDERS)

    def fail(self, id_, at, **data):
        write_failed(self.redis, ORDERS, [(id_, at, "WHMCS_ERROR: x", "work")])
        self.redis.hset(ORDERS.key(id_), "data", json.dumps(data))

    def complete(self, id_, at, **data):
        times = {"timestamp": AT, "processedOn": at, "finishedOn": at}
        self.redis.hset(ORDERS.key(id_), mapping={"data": json.dumps(data), **times})
        self.redis.zadd(ORDERS.key("completed"), {id_: at})

    def wait(self, id_, **data):
        self.redis.hset(ORDERS.key(id_), mapping={"data": json.dumps(data), "timestamp": AT})
        self.redis.lpush(ORDERS.key("wait"), id_)

    def empty(self, id_):
        self.redis.delete(ORDERS.key(id_))

    def prioritize(self, id_):
        self.redis.hset(ORDERS.key(id_), "priority", 3)


@pytest.fixture(params=["fake", "real"])
def world(request):
    if request.param == "fake":
        return Pretend()
    return Real(request.getfixturevalue("redis"), request.getfixturevalue("reader"))


@pytest.fixture(autouse=True)
def jobs(world):
    world.fail("f1", AT + 1, order={"id": "o1"}, sim="s1")
    world.fail("f2", AT + 2, order={"id": 7})
    world.fail("f3", AT + 3, order="o1")
    world.fail("gone", AT + 4, order={"id": "o1"})
    world.complete("c1", AT + 5, order={"id": "o1"})
    world.complete("c2", AT + 6, order={"id": "7"})
    world.wait("w1", order={"id": "o2"})
    world.empty("gone")
    world.prioritize("f2")


async def test_jobs_about_values(world):
    about = await world.reader.jobs_about(ORDERS, "order.id", ["o1", "7", "nothing"])
    found = {value: {job.id: job.state for job in jobs} for value, jobs in about.found.items()}
    assert found == {
        "o1": {"f1": "failed", "c1": "completed"},
        "7": {"f2": "failed", "c2": "completed"},
    }
    assert about.complete
    (done,) = [job for job in about.found["o1"] if job.id == "c1"]
    assert (done.created_at, done.started_at, done.finished_at) == (AT, AT + 5, AT + 5)


async def test_of_finished_ones_those_since_then(world):
    about = await world.reader.jobs_about(ORDERS, "order.id", ["o1", "o2"], since=AT + 5)
    found = {job.id for jobs in about.found.values() for job in jobs}
    assert found == {"c1", "w1"}


@pytest.mark.parametrize("ids", [(), ("f1", "f2", "f3", "gone", "nowhere")])
async def test_facts(world, ids):
    facts = await world.reader.plan_facts(ORDERS, ANY, ids=ids, business="order.id", subject="sim")
    assert (facts.count, facts.exhausted, facts.attempts, facts.prioritized) == (3, 3, 3, 1)
    assert facts.vanished == (0 if ids else 1)
    assert (facts.first_failed, facts.last_failed) == (AT + 1, AT + 3)
    assert [(job.id, job.business, job.subject) for job in facts.about] == [
        ("f1", "o1", "s1"), ("f2", "7", None), ("f3", None, None),
    ]  # fmt: skip
