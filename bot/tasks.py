"""Ending a task that runs beside others."""

from __future__ import annotations

import asyncio
from typing import Any, Final

_AGAIN: Final = 0.1


async def cancelled(task: asyncio.Future[Any]) -> Any:
    """Cancel a task until it has ended; what it returned, or the exception that it ended in.

    One cancellation may get lost: `asyncio.wait_for` of Python 3.11 swallows one that comes just
    when what it waits for ends, and redis-py sends each command in one.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=_AGAIN)
    return (await asyncio.gather(task, return_exceptions=True))[0]
