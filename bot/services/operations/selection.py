"""Cuts what a plan is about into batches of the size that the pace of the moment allows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import TypeVar

from bot.domain.plans import Plan
from bot.services.operations.base import Throttle

T = TypeVar("T")


async def batches(pages: AsyncIterator[Sequence[T]], throttle: Throttle) -> AsyncIterator[list[T]]:
    """The same in order; each batch is as large as the throttle says when it is asked for."""
    waiting: list[T] = []
    async for page in pages:
        waiting += page
        while len(waiting) >= throttle.batch:
            size = throttle.batch
            batch, waiting = waiting[:size], waiting[size:]
            yield batch
    while waiting:
        size = throttle.batch
        batch, waiting = waiting[:size], waiting[size:]
        yield batch


async def frozen(plan: Plan) -> AsyncIterator[list[tuple[str, int]]]:
    """The jobs that the plan names one by one."""
    yield list(plan.ids)
