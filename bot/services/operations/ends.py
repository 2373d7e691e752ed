"""How the jobs of operations ended, beside their queue: who watches them next counts on from there.

A job that is removed when it ends leaves nothing but an event, and events do not stay long.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from itertools import islice
from typing import Final

from bot.domain.plans import Plan
from bot.ports import DoneSets, Ended

_AT_ONCE: Final = 500


def ended_set(operation: str) -> str:
    """The done set of the jobs that have ended, with how."""
    return f"{operation}.ended"


class Ends:
    """Stores and reads them; any method may raise RedisUnavailableError."""

    def __init__(self, done: DoneSets) -> None:
        self._done = done

    async def remember(self, plan: Plan, ended: Mapping[str, Ended]) -> None:
        """Store how jobs ended; which were stored already does not matter."""
        rows = iter([json.dumps((id_, one.state, one.code)) for id_, one in ended.items()])
        while part := list(islice(rows, _AT_ONCE)):
            await self._done.remember(plan.queue, ended_set(plan.id), part)

    async def known(self, plan: Plan, among: Collection[str]) -> dict[str, Ended]:
        """How those of these jobs ended that are known to have."""
        found: dict[str, Ended] = {}
        async for batch in self._done.ids(plan.queue, ended_set(plan.id)):
            for id_, state, code in map(json.loads, batch):
                if id_ in among and (id_ not in found or state != "gone"):
                    found[id_] = Ended(state, code)
        return found
