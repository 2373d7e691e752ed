"""Does something on a server just before a script is sent to it: what a race would do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from redis.asyncio import Redis

from bot.adapters import bullmq_guarded


def interfere(
    monkeypatch: pytest.MonkeyPatch, *, act: Callable[[], Any], before_call: int | None = None
) -> list[str]:
    """Act before the so-manieth guarded script is sent, or before each; scripts go one by one.

    The first call of a change only asks how the queue is. Returns the hashes of those sent.
    """
    sent: list[str] = []
    real: Any = Redis.execute_command

    async def execute(self: Any, *args: Any, **options: Any) -> Any:
        if args[0] == "EVALSHA" and options:
            sent.append(args[1])
            if before_call in (None, len(sent)):
                act()
        return await real(self, *args, **options)

    monkeypatch.setattr(bullmq_guarded, "AT_ONCE", 1)
    monkeypatch.setattr(Redis, "execute_command", execute)
    return sent
