"""Where BullMQ keeps each job: what "no job lost, doubled or stuck" is judged by."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from redis import Redis

from bot.domain.queues import QueueId

LISTS: Final = ("wait", "paused", "active")
SETS: Final = ("prioritized", "delayed", "waiting-children", "completed", "failed")


def places(redis: Redis, queue: QueueId) -> dict[str, list[str]]:
    """All places of each job at one moment, without the markers of BullMQ 3 and 4.

    BullMQ 3 before 3.6 uses the bare id `0` as its marker; no job of a test has it.
    """
    with redis.pipeline(transaction=True) as pipe:
        for name in LISTS:
            pipe.lrange(queue.key(name), 0, -1)
        for name in SETS:
            pipe.zrange(queue.key(name), 0, -1)
        answers = pipe.execute()
    found: dict[str, list[str]] = {}
    for name, ids in zip((*LISTS, *SETS), answers, strict=True):
        for job in ids:
            if job != "0" and not job.startswith("0:"):
                found.setdefault(job, []).append(name)
    return found


def misplaced(redis: Redis, queue: QueueId, jobs: Iterable[str]) -> dict[str, list[str]]:
    """Those of these jobs that are in no place (lost) or in more than one (doubled)."""
    found = places(redis, queue)
    return {job: found.get(job, []) for job in jobs if len(found.get(job, [])) != 1}


def state_of(redis: Redis, queue: QueueId) -> dict[str, Any]:
    """What a queue's own keys hold, so that two queues of another name can be compared.

    Of events only their kind and job, and no version and no times.
    """
    state: dict[str, Any] = {name: redis.lrange(queue.key(name), 0, -1) for name in LISTS}
    for name in SETS:
        state[name] = redis.zrange(queue.key(name), 0, -1)
    marker: Any = redis.zrange(queue.key("marker"), 0, -1, withscores=True)
    # 5.0 calls the marker of delayed jobs "0", later ones "1"; the workers of both read the score.
    state["marker"] = ["delayed" if score > 0 else member for member, score in marker]
    state["meta"] = redis.hgetall(queue.key("meta"))
    state["wait"] = [_timeless(job) for job in state["wait"]]
    state["paused"] = [_timeless(job) for job in state["paused"]]
    events: Any = redis.xrange(queue.key("events"))
    state["events"] = [(event.get("event"), event.get("jobId")) for _, event in events]
    prefix = len(queue.key(""))
    state["keys"] = sorted(key[prefix:] for key in redis.scan_iter(f"{queue.key('')}*", count=1000))
    return state


def _timeless(job: str) -> str:
    return "0:later" if job.startswith("0:") and job != "0:0" else job
