"""Scripts of Bullhorn's own Redis whose effect a replica has too, before anybody relies on it.

What a primary has taken but no replica has seen yet is gone after a failover. So where there are
replicas, WAIT is asked for one of them. Where the server may not be asked (managed Redis, an ACL
without INFO and WAIT), it is not known, and that does not stop anything.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import NoScriptError, ResponseError

from bot.adapters.bullmq_scripts import Script
from bot.errors import RedisUnavailableError

WAIT_MS: Final = 1500
"""How long a replica may take, in ms: one that has just come answers first after a second."""

LOOK_EVERY: Final = 10.0
"""Seconds for which it is believed that there is none."""

_ONLINE: Final = "online"


class Replicated:
    """Runs scripts on the server of one client."""

    def __init__(self, client: Redis, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._client: Any = client
        self._monotonic = monotonic
        self._alone_until = float("-inf")

    async def run(self, script: Script, names: Sequence[str], args: Sequence[Any]) -> Any:
        """Run a script, and wait for one replica where there is any.

        Raises:
            RedisUnavailableError: there is one, and it does not take it in time. The script ran.
            redis.RedisError: the server does not answer, or refuses.
        """
        if self._monotonic() >= self._alone_until and await self._replicas() != 0:
            return await self._and_wait(script, names, args)
        try:
            return await self._client.evalsha(script.sha, len(names), *names, *args)
        except NoScriptError:
            return await self._client.eval(script.text, len(names), *names, *args)

    async def _and_wait(self, script: Script, names: Sequence[str], args: Sequence[Any]) -> Any:
        answer, seen = await self._both("EVALSHA", script.sha, names, args)
        if isinstance(answer, NoScriptError):  # nothing ran
            answer, seen = await self._both("EVAL", script.text, names, args)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(seen, Exception) or not seen:
            if not isinstance(seen, Exception) and await self._replicas():
                raise RedisUnavailableError(
                    "Bullhorn's own Redis has a replica that does not keep up: what is archived "
                    "would not outlast a failover."
                )
            self._alone_until = self._monotonic() + LOOK_EVERY
        return answer

    async def _both(
        self, command: str, text: str, names: Sequence[str], args: Sequence[Any]
    ) -> list[Any]:
        """The script and WAIT, which is about what its own connection wrote: so in one pipeline.

        A refusal by a server that is not in charge is that of the script, before it ran: so the
        pipeline may be repeated (see `FollowRetry`).
        """
        async with self._client.pipeline(transaction=False) as pipe:
            pipe.execute_command(command, text, len(names), *names, *args)
            pipe.execute_command("WAIT", 1, WAIT_MS)
            answers: list[Any] = await pipe.execute(raise_on_error=False)
        return answers

    async def _replicas(self) -> int | None:
        """How many replicas follow now, None where that is not told."""
        try:
            told = await self._client.execute_command("INFO", "replication")
        except ResponseError:  # not permitted, or no such command
            return None
        count: int = sum(
            isinstance(one, dict) and one.get("state") == _ONLINE for one in told.values()
        )
        if not count:
            self._alone_until = self._monotonic() + LOOK_EVERY
        return count
