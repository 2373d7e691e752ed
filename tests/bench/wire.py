"""What a piece of work asked of Redis: commands, bytes, and the longest single call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from redis import Redis

_FLOOR: Final = 20
"""Microseconds from which a call is logged; the longest is hardly ever below."""
_KEPT: Final = 20_000


@dataclass(frozen=True, kw_only=True)
class Wire:
    """Commands a client sent (not those its scripts made), bytes both ways, `longest` in us."""

    commands: int
    sent: int
    received: int
    longest: int

    def cells(self) -> tuple[str, str, str, str]:
        """For the table."""
        longest = f"{self.longest / 1000:.2f} ms" if self.longest else f"< {_FLOOR / 1000} ms"
        return f"{self.commands:,}", _size(self.sent), _size(self.received), longest


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.1f} kB"


async def metered(redis: Redis, work: Callable[[], Awaitable[Any]]) -> Wire:
    """Run the work once, apart from the timed rounds: to count takes time itself.

    Nothing else may speak to the server meanwhile.
    """
    redis.config_set("slowlog-max-len", _KEPT)
    redis.config_set("slowlog-log-slower-than", _FLOOR)
    redis.slowlog_reset()
    idle = _difference(_totals(redis), _totals(redis))
    before = _totals(redis)
    await work()
    spent = _difference(before, _totals(redis))
    redis.config_set("slowlog-log-slower-than", -1)
    calls = [one["duration"] for one in redis.slowlog_get(_KEPT) if not _is_ours(one)]
    return Wire(
        commands=int(spent["commands"] - idle["commands"]),
        sent=int(spent["sent"] - idle["sent"]),
        received=int(spent["received"] - idle["received"]),
        longest=max(calls, default=0),
    )


def _totals(redis: Redis) -> dict[str, int]:
    clients: list[Any] = redis.client_list()
    stats: Any = redis.info("stats")
    return {
        "commands": sum(int(client.get("tot-cmds", 0)) for client in clients),
        "sent": stats["total_net_input_bytes"],
        "received": stats["total_net_output_bytes"],
    }


def _difference(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    return {name: after[name] - before[name] for name in before}


def _is_ours(entry: Any) -> bool:
    return bytes(entry["command"]).upper().startswith((b"INFO", b"SLOWLOG", b"CONFIG", b"CLIENT"))
