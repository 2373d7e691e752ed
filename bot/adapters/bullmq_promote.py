"""Lets delayed jobs run now: lua/promote_jobs.lua, a chunk of them a call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bot.adapters import bullmq_scripts as scripts
from bot.adapters.bullmq_guarded import Guarded
from bot.domain.jobs import BatchOutcome

CHUNK: Final = 100
"""Jobs a call: it holds the server for about two milliseconds."""


async def promote(guarded: Guarded, ids: Sequence[str]) -> BatchOutcome:
    """Move delayed jobs to waiting; raises as `Guarded.change`."""
    return await guarded.change(
        scripts.load("promote_jobs"), ids, chunk=CHUNK, args=list, id_of=str
    )
