"""Asks a done set about any number of ids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bot.domain.queues import QueueId
from bot.ports import DoneSets

_AT_ONCE: Final = 500


async def done_among(
    done: DoneSets, queue: QueueId, operation: str, ids: Sequence[str]
) -> frozenset[str]:
    """Which of these ids are in it; raises RedisUnavailableError."""
    found: frozenset[str] = frozenset()
    for start in range(0, len(ids), _AT_ONCE):
        found |= await done.contains(queue, operation, ids[start : start + _AT_ONCE])
    return found
