"""The plan and the state of an operation that runs here, and where they are stored."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import replace
from typing import Any

from bot.domain.operations import Operation
from bot.domain.plans import Plan
from bot.ports import Ended, OperationStore


class OvertakenError(Exception):
    """Another replica has taken the operation: this process was away too long."""


class Record:
    """One running operation."""

    def __init__(self, *, plan: Plan, operation: Operation, store: OperationStore) -> None:
        self.plan = plan
        self.operation = operation
        self._store = store
        self.told: dict[str, Ended] = {}
        """How its jobs ended, by the events since it runs here; stored beside the queue too."""
        self.out: Container[str] | None = None
        """The jobs whose end is waited for, once all were moved."""

    def set(self, **changes: Any) -> None:
        """Change fields of the operation, here only."""
        self.operation = replace(self.operation, **changes)

    async def save(self, **changes: Any) -> None:
        """Change fields, and store all.

        Raises:
            RedisUnavailableError: it could not be stored.
            OvertakenError: another process runs it now.
        """
        self.set(**changes)
        if not await self._store.save(self.operation):
            raise OvertakenError

    async def is_ours(self) -> bool:
        """Whether no other process has taken it since."""
        run = await self._store.runs(self.operation.id)
        return run in (None, self.operation.run)
