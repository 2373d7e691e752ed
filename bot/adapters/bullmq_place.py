"""Where one job lies, and the edges of the finished sets: small looks without a script."""

from __future__ import annotations

from typing import Any, Final

from redis.asyncio import Redis

from bot.adapters.sources import Sources
from bot.domain.jobs import FailedRef, Placed
from bot.domain.queues import QueueId
from bot.domain.times import Ms

_SETS: Final = ("failed", "completed", "delayed", "prioritized", "waiting-children")
_LISTS: Final = ("active", "wait", "paused")


async def place(sources: Sources, queue: QueueId, job_id: str) -> Placed | None:
    """Where a job is now, None where it is in no set and no list.

    Raises:
        RedisUnavailableError: the source does not answer.
    """

    async def look(client: Redis) -> Any:
        async with client.pipeline(transaction=False) as pipe:
            for name in _SETS:
                pipe.zscore(queue.key(name), job_id)
            for name in _LISTS:
                pipe.lpos(queue.key(name), job_id)
            pipe.hget(queue.key(job_id), "parentKey")
            pipe.scard(queue.key(f"{job_id}:dependencies"))
            pipe.exists(queue.key(f"{job_id}:lock"))
            return await pipe.execute()

    *places, parent, children, locked = await sources.ask(queue, look)
    names = (*_SETS, *_LISTS)
    state = next((name for name, at in zip(names, places, strict=True) if at is not None), None)
    if state is None:
        return None
    score = places[names.index(state)] if state in _SETS else 0
    return Placed(
        ref=FailedRef(job_id, int(float(score))),
        state=state,
        parent_waits=bool(parent) and await _waits(sources, queue, str(parent), job_id),
        children=int(children),
        locked=bool(locked),
    )


async def _waits(sources: Sources, queue: QueueId, parent: str, job_id: str) -> bool:
    """Whether the parent still lists the job among those it waits for."""
    prefix, _, rest = parent.partition(":")
    name, _, _ = rest.partition(":")
    # In a cluster the parent's queue may be in another slot than the child's.
    home = QueueId(queue.source, prefix, name)
    key = f"{parent}:dependencies"
    return bool(await sources.ask(home, lambda client: client.sismember(key, queue.key(job_id))))


async def edges(
    sources: Sources, queue: QueueId, state: str, *, until: Ms | None
) -> tuple[Ms, Ms] | None:
    """The lowest and the highest score of a sorted set, up to `until`.

    Raises:
        RedisUnavailableError: the source does not answer.
    """
    key, highest = queue.key(state), "+inf" if until is None else until
    count = int(await sources.ask(queue, lambda client: client.zcount(key, "-inf", highest)))
    if not count:
        return None

    async def look(client: Redis) -> Any:
        async with client.pipeline(transaction=False) as pipe:
            pipe.zrange(key, 0, 0, withscores=True)
            pipe.zrange(key, count - 1, count - 1, withscores=True)
            return await pipe.execute()

    # They may leave between the two looks; by rank, as that needs no further permission.
    found = [score for rows in await sources.ask(queue, look) for _, score in rows]
    return (int(found[0]), int(found[-1])) if found else None
