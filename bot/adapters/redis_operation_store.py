"""The state of long operations, under `{bullhorn}:operation:ID`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from redis.asyncio import Redis

from bot.adapters import keys
from bot.adapters.codec import Codec
from bot.adapters.redis_errors import speaking_to
from bot.domain.operations import Operation
from bot.domain.times import DAY, Ms

KEPT: Final[Ms] = 7 * DAY


_TAKE = """
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
return redis.call('GET', KEYS[1])
"""
_SAVE = """
local run = redis.call('GET', KEYS[2])
if run and run ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[3])
return 1
"""


class RedisOperationStore:
    """Satisfies `ports.OperationStore`."""

    def __init__(self, *, client: Redis) -> None:
        self._client: Any = client
        self._codec = Codec(Operation)
        self._save = self._client.register_script(_SAVE)
        self._take = self._client.register_script(_TAKE)

    async def load(self, operation_id: str) -> Operation | None:
        """What is known of it."""
        with speaking_to(None):
            text = await self._client.get(keys.operation(operation_id))
        return self._codec.load_or_drop(text, what=operation_id) if text else None

    async def take(self, operation_id: str, run: str) -> Operation | None:
        """What is known of it, for `run`, which has it from now on; None when nothing is known."""
        with speaking_to(None):
            text = await self._take(keys=_places(operation_id), args=[run, KEPT])
        known = self._codec.load_or_drop(text, what=operation_id) if text else None
        return replace(known, run=run) if known is not None else None

    async def save(self, operation: Operation) -> bool:
        """Replace what is known, if its `run` has it still; False when another has taken it."""
        with speaking_to(None):
            args: list[str | int] = [operation.run, self._codec.dump(operation), KEPT]
            return bool(await self._save(keys=_places(operation.id), args=args))

    async def runs(self, operation_id: str) -> str | None:
        """Whose it is now: the last `run` that took it."""
        with speaking_to(None):
            run = await self._client.get(keys.operation_run(operation_id))
        return str(run) if run else None

    async def ask_stop(self, operation_id: str, attempt: str, user: str) -> None:
        """Tell whoever runs this attempt to stop; the first who asks is remembered."""
        key = keys.operation_stop(operation_id, attempt)
        with speaking_to(None):
            await self._client.set(key, user, px=KEPT, nx=True)

    async def stop_asked(self, operation_id: str, attempt: str) -> str | None:
        """Who asked this attempt to stop."""
        with speaking_to(None):
            who = await self._client.get(keys.operation_stop(operation_id, attempt))
        return str(who) if who else None


def _places(operation_id: str) -> list[str]:
    return [keys.operation(operation_id), keys.operation_run(operation_id)]
