"""How jobs that an operation moved have ended: by their state, and by the events stream."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final

from bot.adapters import bullmq_scripts as scripts
from bot.adapters.bullmq_scripts import Call
from bot.adapters.sources import Sources
from bot.domain.queues import QueueId
from bot.ports import Ended

_STATES: Final = {"c": "completed", "f": "failed", "g": "gone", "w": "waiting"}


class BullmqOutcomes:
    """Satisfies `ports.OutcomeReader`."""

    def __init__(self, *, sources: Sources) -> None:
        self._sources = sources

    async def outcomes(self, queue: QueueId, ids: Sequence[str]) -> Mapping[str, Ended]:
        """How each of them stands now; at most 500."""
        call = Call((queue.key("meta"),), tuple(ids))
        raw = await self._sources.ask(
            queue, lambda client: scripts.run(client, scripts.load("outcomes"), call)
        )
        return {id_: _ended(row) for id_, row in zip(ids, json.loads(raw) or [], strict=True)}

    async def finished_events(
        self, queue: QueueId, after: str, *, limit: int = 1000
    ) -> tuple[str, list[tuple[str, Ended]]]:
        """Ends that the events stream tells after an entry's id, and the last id it came to."""
        call = Call((queue.key("events"),), (after, limit))
        raw = await self._sources.ask(
            queue, lambda client: scripts.run(client, scripts.load("finished_events"), call)
        )
        last, *rows = json.loads(raw)
        found = [
            (str(job_id), Ended("completed") if code is False else Ended("failed", code))
            for job_id, code in rows
        ]
        return (last or after), found


def _ended(row: str | list[str]) -> Ended:
    if isinstance(row, list):
        return Ended(_STATES[row[0]], row[1])
    return Ended(_STATES[row])
