"""Keys as BullMQ writes them, written straight into Redis where thousands are needed."""

import json
import time

from bot.domain.queues import QueueId

ORDERS = QueueId("main", "bull", "orders")


def now_ms():
    return int(time.time() * 1000)


def meta(redis, queue, version="bullmq:5.81.5"):
    redis.hset(queue.key("meta"), mapping={"version": version, "opts.maxLenEvents": 10_000})


def failed_jobs(redis, queue, rows, *, options=None):
    """`rows` are (id, failed at, reason, name)."""
    pipe = redis.pipeline(transaction=False)
    for place, (id_, at, reason, name) in enumerate(rows):
        job = {
            "name": name,
            "data": "{}",
            "opts": json.dumps(options or {"attempts": 3}),
            "timestamp": at - 5000,
            "processedOn": at - 100,
            "finishedOn": at,
            "failedReason": reason,
            "atm": 3,
            "priority": 0,
        }
        pipe.hset(queue.key(id_), mapping=job)
        pipe.zadd(queue.key("failed"), {id_: at})
        if place % 2000 == 0:
            pipe.execute()
    pipe.execute()


def digest(redis):
    """All keys with their contents, to show that nothing was written."""
    return {key: redis.dump(key) for key in sorted(redis.scan_iter(count=1000))}
