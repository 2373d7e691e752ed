"""What a piece of work asked of Redis, and how long other clients had to wait meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from redis import Redis

_FLOOR: Final = 20
"""Microseconds from which a call is logged; the longest is hardly ever below."""
_KEPT: Final = 20_000
_PING: Final = "bullhorn-bench-ping"
_PING_SENT: Final = len(b"*1\r\n$4\r\nPING\r\n")
_PING_ANSWERED: Final = len(b"+PONG\r\n")
_PAUSE: Final = 0.001
MEGA: Final = 1e6


@dataclass(frozen=True, kw_only=True)
class Wire:
    """Commands run (those inside scripts too), bytes both ways, `longest` call in us.

    `busy` is the server's processor time, in ms.
    `waited` is the longest PING of another client, in ms: calls in one pipeline are run without a
    pause as far as the server has read them, so others may wait for longer than the longest call.
    """

    commands: int
    sent: int
    received: int
    longest: int
    waited: float
    busy: float

    def cells(self) -> tuple[str, ...]:
        """For the table, as `HEAD` names them."""
        longest = f"{self.longest / 1000:.2f} ms" if self.longest else f"< {_FLOOR / 1000} ms"
        sizes = _size(self.sent), _size(self.received)
        busy = f"{self.busy:,.0f} ms"
        return (f"{self.commands:,}", *sizes, busy, longest, f"{self.waited:.1f} ms")


HEAD: Final = (
    *("commands", "to Redis", "from Redis"),
    *("Redis busy", "longest call", "others waited"),
)


def quietest(wires: Sequence[Wire]) -> Wire:
    """That with the least longest call: what is longer in the others is the machine's doing."""
    return min(wires, key=lambda wire: wire.longest)


def _size(count: int) -> str:
    return f"{count / MEGA:.1f} MB" if count >= MEGA else f"{count / 1e3:.1f} kB"


class Pinger:
    """Another client, in a thread, that asks again and again how long an answer takes."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.count = 0
        self.longest = 0.0

    def __enter__(self) -> Self:
        self._redis.client_setname(_PING)
        self._thread.start()
        return self

    def __exit__(self, *_problem: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Ask no more."""
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._end.wait(_PAUSE):
            began = time.perf_counter()
            self._redis.ping()
            self.longest = max(self.longest, (time.perf_counter() - began) * 1000)
            self.count += 1


async def metered(redis: Redis, work: Callable[[], Awaitable[Any]], *, floor: int = _FLOOR) -> Wire:
    """Run the work once, apart from the timed rounds: to count takes time itself.

    Calls from `floor` microseconds on are looked at.
    Nothing else may speak to the server meanwhile. `redis` has to be of one connection.
    """
    redis.config_set("slowlog-max-len", _KEPT)
    redis.config_set("slowlog-log-slower-than", floor)
    redis.slowlog_reset()
    idle = _difference(_totals(redis), _totals(redis))
    other = Redis.from_pool(type(redis.connection_pool)(**redis.get_connection_kwargs()))
    with other, Pinger(other) as pinger:
        began, pings = _totals(redis), pinger.count
        await work()
        pinger.stop()
        spent, pings = _difference(began, _totals(redis)), pinger.count - pings
    redis.config_set("slowlog-log-slower-than", -1)
    calls = [one["duration"] for one in redis.slowlog_get(_KEPT) if not _is_ours(one)]
    return Wire(
        commands=max(0, spent["commands"] - idle["commands"]),
        sent=max(0, spent["sent"] - idle["sent"] - pings * _PING_SENT),
        received=max(0, spent["received"] - idle["received"] - pings * _PING_ANSWERED),
        longest=max(calls, default=0),
        waited=pinger.longest,
        busy=max(0.0, spent["busy"] - idle["busy"]),
    )


def _totals(redis: Redis) -> dict[str, Any]:
    clients: list[Any] = redis.client_list()
    stats: Any = redis.info("stats")
    cpu: Any = redis.info("cpu")
    return {
        "commands": sum(int(one.get("tot-cmds", 0)) for one in clients if one["name"] != _PING),
        "sent": stats["total_net_input_bytes"],
        "received": stats["total_net_output_bytes"],
        "busy": (cpu["used_cpu_user"] + cpu["used_cpu_sys"]) * 1000,
    }


def _difference(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    return {name: after[name] - before[name] for name in before}


def _is_ours(entry: Any) -> bool:
    text = entry["command"]
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return words.upper().startswith(("INFO", "SLOWLOG", "CONFIG", "CLIENT", "PING"))
