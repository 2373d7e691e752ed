"""Redis behind Sentinels: they are asked who the primary is whenever a connection is made."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, RedisError
from redis.exceptions import ConnectionError as ConnectionLostError

from bot.adapters.redis_address import Host

_ALL_SECONDS: Final = 5.0
_ONE_SECONDS: Final = 1.5
"""How long all Sentinels, and one of them, may take to tell."""


class UnknownServiceError(ConnectionLostError):
    """Every Sentinel that answers knows no service of that name."""


_TELLING: Final = (AuthenticationError, UnknownServiceError)
"""What tells more than a Sentinel that is down, the most telling first."""


class SentinelGuide:
    """Leads to the primary of `service`, as the first of `sentinels` that knows it says."""

    def __init__(self, sentinels: Iterable[Redis], service: str) -> None:
        self._sentinels: list[Any] = list(sentinels)
        self._service = service

    async def find(self) -> Host:
        """The primary now.

        Raises:
            UnknownServiceError: no Sentinel knows the service.
            redis.RedisError, TimeoutError: no Sentinel answers; a refused login before others.
        """
        problems: list[Exception] = []
        async with asyncio.timeout(_ALL_SECONDS):
            for sentinel in tuple(self._sentinels):
                try:
                    async with asyncio.timeout(_ONE_SECONDS):
                        found = await sentinel.execute_command(
                            "SENTINEL", "GET-MASTER-ADDR-BY-NAME", self._service
                        )
                except (RedisError, OSError) as error:  # builtin TimeoutError is an OSError
                    problems.append(error)
                    continue
                if found:
                    self._prefer(sentinel)
                    return str(found[0]), int(found[1])
                problems.append(UnknownServiceError())
        telling = (e for kind in _TELLING for e in problems if isinstance(e, kind))
        raise next(telling, problems[0])

    def lost(self) -> None:
        """The primary is no longer; the Sentinels are asked each time anyway."""

    async def aclose(self) -> None:
        """Close the connections to the Sentinels."""
        await asyncio.gather(*(sentinel.aclose() for sentinel in self._sentinels))

    def _prefer(self, sentinel: Any) -> None:
        self._sentinels.remove(sentinel)
        self._sentinels.insert(0, sentinel)
