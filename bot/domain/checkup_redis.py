"""From what was seen of a Redis and its queues to lines of `bullhorn check`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from bot.domain.checkup import (
    Finding,
    QueuesFound,
    ServerFacts,
    Trouble,
    fail,
    ok,
    skip,
    warn,
)
from bot.domain.compatibility import TABLE, UNKNOWN, Action, Permission, major_version
from bot.domain.policy import Catalog
from bot.domain.queues import QueueId
from bot.domain.sample import Sample

OWN: Final = "own Redis"
NEARLY_FULL: Final = 0.9
"""The part of `maxmemory` from which on a person should look."""

_ASPECTS: Final = ("eviction policy", "memory", "CLIENT LIST")
_SAID: Final = (Action.RETRY, Action.FRESH, Action.PAUSE)
_UNLESS: Final = {
    Permission.NOT_PAUSED: " (unless paused)",
    Permission.NOT_PRIORITIZED_NOT_PAUSED: " (unless paused; not prioritized jobs)",
}
_UNITS: Final = ("B", "KB", "MB", "GB", "TB")
_STEP: Final = 1024
_LONGEST_VERSION: Final = 30


def of_source(name: str) -> str:
    """The check's name of a source of the config."""
    return f"source {name}"


def server(check: str, seen: ServerFacts | Trouble, *, queues_in_it: bool) -> list[Finding]:
    """The lines about one server; without an answer the rest is skipped."""
    if isinstance(seen, Trouble):
        gone = [skip(f"{check}: {aspect}", _no_answer(check)) for aspect in _ASPECTS]
        return [seen.about(check), *gone]
    return [
        _reached(check, seen),
        _eviction(f"{check}: eviction policy", seen.eviction),
        _memory(f"{check}: memory", seen),
        _client_list(f"{check}: CLIENT LIST", seen, needed=queues_in_it),
    ]


def shared(source: str, seen: ServerFacts | Trouble) -> list[Finding]:
    """The line about a source that is Bullhorn's own Redis, which has its own lines."""
    if isinstance(seen, Trouble):
        return [skip(of_source(source), _no_answer(OWN))]
    return [ok(of_source(source), f"the same server as {OWN}")]


def writes(seen: ServerFacts | Trouble, written: Trouble | None) -> Finding:
    """The line about writes to Bullhorn's own Redis."""
    check = f"{OWN}: writes"
    if isinstance(seen, Trouble):
        return skip(check, _no_answer(OWN))
    if written is not None:
        return written.about(check)
    return ok(check, "a key under {bullhorn}: was written and removed again")


def operations(
    seen: ServerFacts | Trouble, written: Trouble | None, tried: Trouble | None
) -> Finding:
    """The line about the queue of operations; `tried` is what jobs in its place came upon."""
    check = f"{OWN}: operations"
    if isinstance(seen, Trouble):
        return skip(check, _no_answer(OWN))
    if written is not None:
        return skip(check, f"{OWN} takes no writes")
    if tried is not None:
        return tried.about(check)
    return ok(check, "jobs went through a queue beside it, as repairs do")


def _no_answer(check: str) -> str:
    return f"{check} could not be asked"


def _reached(check: str, seen: ServerFacts) -> Finding:
    name = f"{seen.product} {seen.version}" if seen.product else "it does not tell what it is"
    detail = f"{name}, answers in {seen.latency:.1f} ms"
    if not seen.replica:
        return ok(check, detail)
    return warn(check, f"{detail}; a replica", "Point it at the primary: a replica takes no writes")


def _eviction(check: str, policy: str | None) -> Finding:
    if policy is None:
        return warn(check, "unknown: INFO is not permitted", "Allow INFO, or look at the server")
    if policy == "noeviction":
        return ok(check, policy)
    return warn(
        check,
        f"{policy}: keys may vanish when memory runs out",
        "Set maxmemory-policy to noeviction, as BullMQ needs it too",
    )


def _memory(check: str, seen: ServerFacts) -> Finding:
    if seen.memory_used is None:
        return warn(check, "unknown: INFO is not permitted", "Allow INFO, or look at the server")
    used = _bytes(seen.memory_used)
    if not seen.memory_limit:
        return ok(check, f"{used} used, no maxmemory set")
    part = seen.memory_used / seen.memory_limit
    detail = f"{used} used of {_bytes(seen.memory_limit)} ({part:.0%})"
    if part < NEARLY_FULL:
        return ok(check, detail)
    return warn(check, detail, "Give it more memory, or clean old jobs, before it refuses writes")


def _bytes(count: int) -> str:
    size, unit = float(count), 0
    while size >= _STEP and unit < len(_UNITS) - 1:
        size, unit = size / _STEP, unit + 1
    return f"{size:.1f} {_UNITS[unit]}" if unit else f"{count} B"


def _client_list(check: str, seen: ServerFacts, *, needed: bool) -> Finding:
    if seen.client_list:
        return ok(check, "allowed: workers can be counted" if needed else "allowed")
    if not needed:
        return ok(check, "not allowed, and not needed here")
    return warn(
        check,
        "not allowed: the number of workers stays unknown",
        "Allow it, with the ACL rule +client|list",
    )


def queues(
    source: str, found: QueuesFound | Trouble | None, unread: Trouble | None, catalog: Catalog
) -> Finding:
    """The line about a source's queues.

    `found` None: the source was not reached. `unread`: they were found, and none can be read.
    """
    check = f"{of_source(source)}: queues"
    if found is None:
        return skip(check, _no_answer(of_source(source)))
    if isinstance(found, Trouble):
        return found.about(check)
    prefix = catalog.prefixes[source]
    detail = f"{len(found.queues)} found under {prefix}:"
    if unwatched := sum(not catalog.watches(queue) for queue in found.queues):
        detail += f", {unwatched} of them not watched (discover is off)"
    if unread is not None:
        return fail(check, f"{detail}, none can be read: {unread.why}", unread.fix)
    if not found.complete:
        return warn(
            check,
            f"{detail} so far: time ran out before all keys were seen",
            "Nothing: Bullhorn goes on looking, in small steps, while it runs",
        )
    if not found.queues:
        return warn(check, detail, "Check the source's prefix, and the database in its address")
    return ok(check, detail)


def queue(queue_: QueueId, seen: Sample | Trouble, catalog: Catalog) -> Finding:
    """The line about one queue."""
    check = f"queue {catalog.address(queue_)}"
    if isinstance(seen, Trouble):
        return seen.about(check)
    configured = catalog.policy(queue_).bullmq
    major = major_version(seen.version, configured)
    says = (
        f"Redis: {_short(seen.version) if seen.version else 'none'}, config: {configured or 'none'}"
    )
    version = f"BullMQ {major}" if major is not UNKNOWN else "BullMQ of unknown version"
    paused = "; paused now" if seen.paused else ""
    detail = f"{version} ({says}): {_allowed(major)}{paused}"
    if major is not UNKNOWN:
        return ok(check, detail)
    return warn(check, detail, f"Set `bullmq:` for {queue_.name} in the config if you know it")


def _short(version: str) -> str:
    """What stands in Redis may have been written by anyone."""
    return version if len(version) <= _LONGEST_VERSION else f"{version[:_LONGEST_VERSION]}..."


def _allowed(major: int | None) -> str:
    """What the version table says of the changes that people ask for most."""
    cells = {action: TABLE[action].get(major, TABLE[action][UNKNOWN]) for action in _SAID}
    may = [f"{a}{_UNLESS.get(p, '')}" for a, p in cells.items() if p is not Permission.NO]
    not_ = [action.value for action, permission in cells.items() if permission is Permission.NO]
    return ", ".join(may) + (f"; no {', no '.join(not_)}" if not_ else "")


def unseen(
    found: Mapping[str, QueuesFound | Trouble | None], catalog: Catalog
) -> Sequence[Finding]:
    """The queues that the config names and no source holds."""
    seen = {q.name for one in found.values() if isinstance(one, QueuesFound) for q in one.queues}
    whole = all(isinstance(one, QueuesFound) and one.complete for one in found.values())
    return [
        warn(
            f"queue {name}",
            "in the config, not in Redis",
            "Check the name, unless its first job is still to come",
        )
        if whole
        else skip(f"queue {name}", "in the config; not all queues in Redis could be seen")
        for name in sorted(catalog.named())
        if name not in seen
    ]
