"""Carries a guarded script through many jobs, call by call, some of them more than once.

As `Guarded.change`, for scripts that take jobs of any size, or that may leave some of a call to the
next one: those are untouched, and asked for again. There is one call at a time, as jobs of a list
have an order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from redis.exceptions import ResponseError

from bot.adapters.bullmq_guarded import Guarded, read_verdicts
from bot.adapters.bullmq_scripts import Argument, Script
from bot.adapters.redis_errors import speaking_to
from bot.domain.jobs import BatchOutcome
from bot.errors import BullhornError

CHUNK: Final = 50
"""Jobs in one call: it holds the server for a millisecond or two."""

CHUNK_BYTES: Final = 256 * 1024
"""Arguments of one call, in bytes; a larger job goes alone."""

_UNTOUCHED: Final = ord("-")


@dataclass(frozen=True, slots=True)
class Item:
    """A job as a script takes it: some arguments."""

    id: str
    args: tuple[Argument | bytes, ...]

    @property
    def size(self) -> int:
        """About how many bytes it sends."""
        return sum(len(arg) if isinstance(arg, bytes | str) else 8 for arg in self.args)


async def carry_through(
    guarded: Guarded, script: Script, items: Sequence[Item], *, first: Sequence[Argument] = ()
) -> BatchOutcome:
    """Run the script for each job, no id twice; `first` precedes them in each call.

    The version table is asked even for no job at all.

    Raises:
        BullhornError: as `Guarded.change`.
    """
    outcome = BatchOutcome()
    waiting = deque({item.id: item for item in items}.values())
    try:
        with speaking_to(guarded.queue.source):
            if not waiting:
                await guarded.check(script)
            while waiting:
                chunk = list(_next_chunk(waiting))
                args = [*first, *(arg for item in chunk for arg in item.args)]
                verdicts, *problem = await guarded.run(script, args)
                outcome += read_verdicts(verdicts, [item.id for item in chunk])
                if problem:
                    raise ResponseError(problem[0].decode("utf-8", "replace"))
                pairs = zip(reversed(chunk), reversed(verdicts), strict=True)
                waiting.extendleft(item for item, verdict in pairs if verdict == _UNTOUCHED)
    except BullhornError as error:
        error.done = outcome
        raise
    return outcome


def _next_chunk(waiting: deque[Item]) -> Iterator[Item]:
    size = 0
    for place in range(CHUNK):
        if not waiting or (place and size + waiting[0].size > CHUNK_BYTES):
            return
        item = waiting.popleft()
        size += item.size
        yield item
