"""The state of long operations, under `{bullhorn}:operation:ID`."""

from __future__ import annotations

from typing import Any, Final

from redis.asyncio import Redis

from bot.adapters import keys
from bot.adapters.codec import Codec
from bot.adapters.redis_errors import speaking_to
from bot.domain.operations import Operation
from bot.domain.times import DAY, Ms

KEPT: Final[Ms] = 7 * DAY


class RedisOperationStore:
    """Satisfies `ports.OperationStore`."""

    def __init__(self, *, client: Redis) -> None:
        self._client: Any = client
        self._codec = Codec(Operation)

    async def load(self, operation_id: str) -> Operation | None:
        """What is known of it."""
        with speaking_to(None):
            text = await self._client.get(keys.operation(operation_id))
        return self._codec.load_or_drop(text, what=operation_id) if text else None

    async def save(self, operation: Operation) -> None:
        """Replace what is known."""
        with speaking_to(None):
            text = self._codec.dump(operation)
            await self._client.set(keys.operation(operation.id), text, px=KEPT)

    async def ask_stop(self, operation_id: str, user: str) -> None:
        """Tell whoever runs it to stop; the first who asks is remembered."""
        with speaking_to(None):
            await self._client.set(keys.operation_stop(operation_id), user, px=KEPT, nx=True)

    async def stop_asked(self, operation_id: str) -> str | None:
        """Who asked it to stop."""
        with speaking_to(None):
            who = await self._client.get(keys.operation_stop(operation_id))
        return str(who) if who else None
