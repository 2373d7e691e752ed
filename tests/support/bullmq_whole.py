"""What a queue holds, byte for byte, so that it can be compared with what it held before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from redis import Redis

from bot.domain.queues import QueueId
from tests.support.valkey import Valkey

STATES: Final = ("failed", "completed", "delayed", "prioritized", "waiting-children")
LISTS: Final = ("wait", "paused", "active")
_TTL_SLACK: Final = 20_000
_PASSING: Final = ("events", "marker", "stalled-check", "stalled")


def raw_client(valkey: Valkey) -> Any:
    """A client that gives bytes; the caller closes it."""
    return Redis(host=valkey.host, port=valkey.port, protocol=2)


def whole(redis: Any, queue: QueueId, *, without: tuple[str, ...] = ()) -> dict[str, Any]:
    """All keys of a queue with their contents, but its events, its marker and Bullhorn's own.

    Hashes and sets are compared as such: the order in which a server keeps them is no part of what
    they hold. Of a time to live is told whether there is one, in steps of 20 s.
    """
    begin = queue.key("")
    found: dict[str, Any] = {}
    for key in redis.scan_iter(match=f"{begin}*", count=1000):
        suffix = key.decode()[len(begin) :]
        if suffix in (*_PASSING, *without) or suffix.startswith("bullhorn:"):
            continue
        ttl = redis.pttl(key)
        found[suffix] = (_content(redis, key), None if ttl < 0 else -(-ttl // _TTL_SLACK))
    return found


def _content(redis: Any, key: bytes) -> Any:
    kind = redis.type(key)
    if kind == b"hash":
        return redis.hgetall(key)
    if kind == b"set":
        return redis.smembers(key)
    if kind == b"zset":
        return redis.zrange(key, 0, -1, withscores=True)
    if kind == b"list":
        return redis.lrange(key, 0, -1)
    return kind, redis.dump(key)


def places(redis: Any, queue: QueueId) -> Mapping[str, list[str]]:
    """In which states each job id is."""
    found: dict[str, list[str]] = {}
    for state in STATES:
        for id_ in redis.zrange(queue.key(state), 0, -1):
            found.setdefault(id_.decode(), []).append(state)
    for state in LISTS:
        for id_ in redis.lrange(queue.key(state), 0, -1):
            if not id_.startswith(b"0:"):
                found.setdefault(id_.decode(), []).append(state)
    doubled = {id_: states for id_, states in found.items() if len(states) != 1}
    assert not doubled, f"in more than one state: {doubled}"
    return found
