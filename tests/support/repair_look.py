"""One queue as it lies in Redis: each job once, with whatever hangs on it and nothing else."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from bot.domain.queues import QueueId

LISTS: Final = ("wait", "paused", "active")
SETS: Final = ("prioritized", "delayed", "waiting-children", "completed", "failed")
ORPHAN: Final = "orphan"
"""The state of a job whose id a bare command has taken out of its set: its hash is there still."""
_QUEUES_OWN: Final = frozenset(
    {*LISTS, *SETS, "meta", "id", "events", "marker", "pc", "stalled", "stalled-check", "repeat"}
)
_JOBS_OWN: Final = frozenset({"logs", "dependencies", "processed", "failed", "unsuccessful"})


@dataclass(frozen=True, slots=True)
class Seen:
    """A job in the queue: its state, hash, log lines, its score if any, and whether it holds its
    deduplication key."""

    state: str
    fields: Mapping[bytes, bytes]
    logs: tuple[bytes, ...]
    score: float | None
    holds_key: bool


def look(raw: Any, queue: QueueId, loose: Collection[str]) -> dict[str, Seen]:
    """The jobs of a queue; `loose` may be orphans. `raw` is a client that gives bytes."""
    key = queue.key
    with raw.pipeline() as pipe:
        for name in LISTS:
            pipe.lrange(key(name), 0, -1)
        for name in SETS:
            pipe.zrange(key(name), 0, -1, withscores=True)
        pipe.keys(f"{key('')}*")
        *members, keys = pipe.execute()
    here, scores = dict[str, str](), dict[str, float]()
    for name, ids in zip((*LISTS, *SETS), members, strict=True):
        for one in ids:
            id_ = (one[0] if name in SETS else one).decode()
            assert id_ not in here, f"{id_} is {here[id_]} and {name}"
            here[id_] = name
            if name in SETS:
                scores[id_] = one[1]
    if key("meta").encode() not in keys and not here:  # obliterated
        left = {one.decode()[len(key("")) :] for one in keys} & _QUEUES_OWN
        assert not left, f"{left} are left of the queue"
    suffixes = [one.decode()[len(key("")) :] for one in keys]
    here = {**{id_: ORPHAN for id_ in suffixes if id_ in loose}, **here}
    _check_keys(raw, queue, here, suffixes)
    return _read(raw, queue, here, scores)


def _read(
    raw: Any, queue: QueueId, here: Mapping[str, str], scores: Mapping[str, float]
) -> dict[str, Seen]:
    key = queue.key
    with raw.pipeline(transaction=False) as pipe:
        for id_ in here:
            pipe.hgetall(key(id_))
            pipe.lrange(key(f"{id_}:logs"), 0, -1)
        rows = pipe.execute()
        hashes = dict(zip(here, rows[::2], strict=True))
        for fields in hashes.values():
            pipe.get(key("de:" + fields.get(b"deid", b"").decode()))
        holders = pipe.execute()
    found = zip(hashes.items(), rows[1::2], holders, strict=True)
    return {
        id_: Seen(here[id_], fields, tuple(logs), scores.get(id_), holder == id_.encode())
        for (id_, fields), logs, holder in found
    }


def _check_keys(raw: Any, queue: QueueId, here: Mapping[str, str], suffixes: list[str]) -> None:
    """No hash without a state, no state without a hash, and nothing left of what is gone."""
    hashes = set()
    for suffix in suffixes:
        first, _, rest = suffix.partition(":")
        if suffix in _QUEUES_OWN:
            continue
        if first in ("bullhorn", "de"):
            assert raw.pttl(queue.key(suffix)) > 0, f"{suffix} stays for ever"
            holder = raw.get(queue.key(suffix)) if first == "de" else None
            assert holder is None or holder.decode() in here, f"{suffix} of {holder}"
            continue
        assert first in here, f"{suffix} is in no state"
        if rest == "lock":
            assert here[first] == "active"
        elif rest:
            assert rest in _JOBS_OWN, suffix
        else:
            hashes.add(first)
    missing = here.keys() - hashes
    assert not missing, f"{missing} have no hash"
