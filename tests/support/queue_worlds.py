"""Two worlds of queues that one test is run in: the fake, and the adapters on a real Valkey."""

from __future__ import annotations

from typing import Any, Final

from redis import Redis

from bot.adapters.bullmq_done import BullmqDoneSets
from bot.adapters.bullmq_operator import BullmqOperator
from bot.adapters.bullmq_reader import BullmqReader
from bot.adapters.sources import Sources
from bot.domain.jobs import FailedRef, FailureFilter
from bot.domain.queues import QueueId
from bot.domain.sample import ActiveJob, Counts
from bot.domain.times import HOUR, SECOND, Ms
from tests.support.fakes import FakeClock, FakeQueues
from tests.support.valkey_bullmq import now_ms, write_failed, write_meta

ORDERS: Final = QueueId("main", "bull", "orders")
SIMS: Final = QueueId("main", "bull", "sims")
NOWHERE: Final = QueueId("main", "bull", "nowhere")
LOST: Final = QueueId("lost", "bull", "orders")
"""A queue whose source does not answer."""

ANY: Final = FailureFilter()


class Pretend:
    """The fake."""

    def __init__(self) -> None:
        clock = FakeClock()
        clock.now = now_ms()
        self.reader = self.operator = self.done = FakeQueues(clock)
        self.reader.down["lost"] = 'Redis "lost" cannot be reached.'

    def make(self, queue: QueueId, version: str | None = "bullmq:5.81.5") -> None:
        """A queue of this version."""
        self.reader.add(queue).version = version

    def fail(self, queue: QueueId, *rows: tuple[str, Ms, str, str]) -> None:
        """Failed jobs: id, when, reason, name."""
        for id_, at, reason, name in rows:
            self.reader.add(queue).fail(id_, reason, at, name=name)

    def wait(self, queue: QueueId, count: int) -> None:
        """So many waiting jobs."""
        self.reader.add(queue).counts = Counts(waiting=count)

    def delay(self, queue: QueueId, *ids: str) -> None:
        """Delayed jobs."""
        self.reader.add(queue).delayed += ids

    def take(self, queue: QueueId, *ids: str, locked: tuple[str, ...] = ()) -> None:
        """Active jobs, some of them with a lock."""
        self.reader.add(queue).active.jobs += [
            ActiveJob(id=id_, name="work", started_at=1, attempt=1, locked=id_ in locked)
            for id_ in ids
        ]

    def let_check_end(self, queue: QueueId) -> None:
        """Let the time pass until stalled jobs are looked for again."""
        self.reader.clock.now = self.reader.add(queue).active.check_ends

    def pause(self, queue: QueueId) -> None:
        """Paused by another."""
        self.reader.add(queue).paused = True

    def prioritize(self, queue: QueueId, job_id: str) -> None:
        """Give a job a priority."""
        self.reader.add(queue).prioritized.add(job_id)

    def log(self, queue: QueueId, job_id: str, *lines: str) -> None:
        """What a job has logged."""
        self.reader.add(queue).logs[job_id] = list(lines)

    def empty(self, queue: QueueId, job_id: str) -> None:
        """Take a job away, and leave its id."""
        self.reader.add(queue).emptied.add(job_id)

    def drop(self, queue: QueueId) -> None:
        """Take a whole queue away."""
        del self.reader.queues[queue]


class Real:
    """The adapters on Valkey, and jobs in BullMQ's shape; each method as that of `Pretend`."""

    def __init__(self, redis: Redis, sources: Sources) -> None:
        self.redis: Any = redis
        self.reader = BullmqReader(sources=sources, own=sources.client("main"), rest=0)
        self.operator = BullmqOperator(sources=sources)
        self.done = BullmqDoneSets(sources=sources)

    def make(self, queue: QueueId, version: str | None = "bullmq:5.81.5") -> None:
        """A queue of this version."""
        if version:
            write_meta(self.redis, queue, version)
        else:
            self.redis.hset(queue.key("meta"), "opts.maxLenEvents", 10_000)

    def fail(self, queue: QueueId, *rows: tuple[str, Ms, str, str]) -> None:
        """Failed jobs: id, when, reason, name."""
        write_failed(self.redis, queue, rows)

    def wait(self, queue: QueueId, count: int) -> None:
        """So many waiting jobs."""
        self.redis.lpush(queue.key("wait"), *[f"w{number}" for number in range(count)])

    def delay(self, queue: QueueId, *ids: str) -> None:
        """Delayed jobs."""
        for id_ in ids:
            self.redis.hset(queue.key(id_), mapping={"name": "work", "opts": "{}", "priority": 0})
            self.redis.zadd(queue.key("delayed"), {id_: (now_ms() + HOUR) * 4096})

    def take(self, queue: QueueId, *ids: str, locked: tuple[str, ...] = ()) -> None:
        """Active jobs, some of them with a lock."""
        for id_ in ids:
            self.redis.hset(queue.key(id_), mapping={"name": "work", "processedOn": 1})
            self.redis.lpush(queue.key("active"), id_)
        for id_ in locked:
            self.redis.set(queue.key(f"{id_}:lock"), "token")

    def let_check_end(self, queue: QueueId) -> None:
        """As if the time had passed until stalled jobs are looked for again."""
        self.redis.delete(queue.key("stalled-check"))

    def pause(self, queue: QueueId) -> None:
        """Paused by another."""
        self.redis.hset(queue.key("meta"), "paused", 1)

    def prioritize(self, queue: QueueId, job_id: str) -> None:
        """Give a job a priority."""
        self.redis.hset(queue.key(job_id), "priority", 3)

    def log(self, queue: QueueId, job_id: str, *lines: str) -> None:
        """What a job has logged."""
        self.redis.rpush(queue.key(f"{job_id}:logs"), *lines)

    def empty(self, queue: QueueId, job_id: str) -> None:
        """Take a job away, and leave its id."""
        self.redis.delete(queue.key(job_id))

    def drop(self, queue: QueueId) -> None:
        """Take a whole queue away."""
        self.redis.delete(*self.redis.keys(queue.key("*")))


def fail_six(world: Pretend | Real, start: Ms) -> None:
    """Six failures of three kinds; two of them at the same moment."""
    world.make(ORDERS)
    world.fail(
        ORDERS,
        ("a", start, "WHMCS_ERROR: HTTP 502", "provision"),
        ("b", start + 10 * SECOND, "MAPPING_ERROR: no mapping of 17", "provision"),
        ("d", start + 20 * SECOND, "WHMCS_ERROR: HTTP 503", "provision"),
        ("c", start + 20 * SECOND, "WHMCS_ERROR: HTTP 504", "terminate"),
        ("e", start + 30 * SECOND, "timed out after 3000 ms", "provision"),
        ("f", start + 40 * SECOND, "MAPPING_ERROR: no mapping of 4", "terminate"),
    )


async def selected(
    world: Pretend | Real, wanted: FailureFilter = ANY, queue: QueueId = ORDERS
) -> list[FailedRef]:
    """The failed jobs that a filter means."""
    return [ref async for batch in world.reader.select_failed(queue, wanted) for ref in batch]


async def members(world: Pretend | Real, operation: str, queue: QueueId = ORDERS) -> set[str]:
    """What is in a done set."""
    return {id_ async for batch in world.done.ids(queue, operation) for id_ in batch}
