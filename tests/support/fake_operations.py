"""Bullhorn's own queue of operations in memory, and the ends of jobs that were moved."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from bot.domain.queues import QueueId
from bot.errors import RedisUnavailableError
from bot.ports import Ended


@dataclass
class FakeOperationQueue:
    """Keeps what is submitted, once an attempt; `run_all` hands it to a runner. `down`: refuses."""

    waiting: list[tuple[str, str]] = field(default_factory=list)
    taken: set[tuple[str, str]] = field(default_factory=set)
    down: str = ""

    async def submit(self, plan_id: str, attempt: str) -> None:
        """Put an operation in; the same attempt of a plan is taken once."""
        if self.down:
            raise RedisUnavailableError(self.down)
        if (plan_id, attempt) not in self.taken:
            self.taken.add((plan_id, attempt))
            self.waiting.append((plan_id, attempt))

    async def run_all(self, run: Callable[[str, asyncio.Event], Awaitable[None]]) -> None:
        """Run all that waits, one after the other."""
        while self.waiting:
            plan_id, _ = self.waiting.pop(0)
            await run(plan_id, asyncio.Event())


@dataclass
class FakeOutcomes:
    """How jobs have ended, as a test says; all have completed unless it says otherwise.

    `looks` holds what each further look finds, the last for good.
    """

    ended: dict[str, Ended] = field(default_factory=dict)
    looks: list[Mapping[str, Ended]] = field(default_factory=list)
    default: Ended = field(default_factory=lambda: Ended("completed"))

    async def outcomes(self, queue: QueueId, ids: Sequence[str]) -> Mapping[str, Ended]:
        """How each of them stands now."""
        if self.looks:
            self.ended.update(self.looks.pop(0))
        return {job_id: self.ended.get(job_id, self.default) for job_id in ids}

    async def finished_events(
        self, queue: QueueId, after: str, *, limit: int = 1000
    ) -> tuple[str, list[tuple[str, Ended]]]:
        """No stream here."""
        return after, []
