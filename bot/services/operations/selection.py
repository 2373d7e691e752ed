"""Cuts what a plan is about into batches of the size that the pace of the moment allows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Generic, TypeVar

from bot.domain.plans import Plan
from bot.services.operations.base import Throttle

T = TypeVar("T")


class Upcoming(Generic[T]):
    """What pages bring, in order: some is taken at a time, and what comes next can be seen."""

    def __init__(self, pages: AsyncIterator[Sequence[T]]) -> None:
        self._pages = pages
        self._waiting: list[T] = []

    async def seen(self, count: int) -> list[T]:
        """The next ones, so many at most; they stay."""
        while len(self._waiting) < count:
            page = await anext(self._pages, None)
            if page is None:
                break
            self._waiting += page
        return self._waiting[:count]

    async def take(self, count: int) -> list[T]:
        """The next ones, so many at most; none when all were taken."""
        some = await self.seen(count)
        del self._waiting[: len(some)]
        return some


async def batches(pages: AsyncIterator[Sequence[T]], throttle: Throttle) -> AsyncIterator[list[T]]:
    """The same in order; each batch is as large as the throttle says when it is asked for."""
    upcoming = Upcoming(pages)
    while batch := await upcoming.take(throttle.batch):
        yield batch


async def frozen(plan: Plan) -> AsyncIterator[list[tuple[str, int]]]:
    """The jobs that the plan names one by one."""
    yield list(plan.ids)
