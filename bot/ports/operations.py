"""Long operations: their queue, their state, how the jobs they moved ended, what they look like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.domain.message import Message
from bot.domain.operations import Operation
from bot.domain.plans import Plan
from bot.domain.queues import QueueId
from bot.domain.times import Ms


class OperationQueue(Protocol):
    """Bullhorn's own BullMQ queue of operations."""

    async def submit(self, plan_id: str, attempt: str) -> None:
        """Put an operation in; the same attempt of a plan is taken once.

        Raises:
            RedisUnavailableError: it may have been taken all the same.
        """
        ...


class OperationStore(Protocol):
    """The state of operations, kept for a week. Any method may raise RedisUnavailableError."""

    async def load(self, operation_id: str) -> Operation | None:
        """What is known of it."""
        ...

    async def take(self, operation_id: str, run: str) -> Operation | None:
        """What is known of it, for `run`, which has it from now on; None when nothing is known."""
        ...

    async def save(self, operation: Operation) -> bool:
        """Replace what is known, if its `run` has it still; False when another has taken it."""
        ...

    async def runs(self, operation_id: str) -> str | None:
        """Whose it is now: the last `run` that took it."""
        ...

    async def ask_stop(self, operation_id: str, attempt: str, user: str) -> None:
        """Tell whoever runs this attempt to stop; the first who asks is remembered.

        What a canary has left is another attempt: a Stop that comes late does not meet it.
        """
        ...

    async def stop_asked(self, operation_id: str, attempt: str) -> str | None:
        """Who asked this attempt to stop."""
        ...


@dataclass(frozen=True, slots=True)
class Ended:
    """How one job stands: `completed`, `failed` (with its `code`), `gone` or `waiting`."""

    state: str
    code: str = ""


class OutcomeReader(Protocol):
    """How jobs that were moved have ended."""

    async def outcomes(self, queue: QueueId, ids: Sequence[str]) -> Mapping[str, Ended]:
        """How each of them stands now; at most 500."""
        ...

    async def finished_events(
        self, queue: QueueId, after: str, *, limit: int = 1000
    ) -> tuple[str, list[tuple[str, Ended]]]:
        """Ends that the events stream tells after an entry's id, and the last id it came to."""
        ...


class OperationWriter(Protocol):
    """Renders operations; `render/` provides it, wiring passes it in."""

    def progress(self, plan: Plan, operation: Operation, *, now: Ms) -> Message:
        """The operation's one message, at any stage."""
        ...

    def receipt(self, plan: Plan, operation: Operation) -> Message:
        """How its jobs ended, for its thread."""
        ...
