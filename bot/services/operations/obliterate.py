"""Obliterate: everything of a paused queue goes, a few hundred jobs at a time, for good.

There is no done set: it would be one more key of the queue, and each job goes whole. How much was
done before a crash is what was counted when it was asked, less what is left.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from bot.domain.emergencies import going, total
from bot.domain.plans import Plan
from bot.domain.policy import Catalog
from bot.domain.sample import Sample
from bot.errors import RefusedError
from bot.ports import QueueReader, QueueRemover
from bot.services.operations.base import Step, Throttle
from bot.services.queue_facts import QueueFacts

_IDLE = 20
"""Steps in a row that remove nothing, after which something is taken to be in the way."""
_GONE = "Nothing is left of the queue. With its next job it begins anew, and runs at once."


class ObliterateExecutor:
    """Carries out obliterates."""

    def __init__(self, *, reader: QueueReader, remover: QueueRemover, catalog: Catalog) -> None:
        self._remover = remover
        self._catalog = catalog
        self._facts = QueueFacts(reader=reader, catalog=catalog)

    async def steps(self, plan: Plan, throttle: Throttle) -> AsyncIterator[Step]:
        """A step at a time, until nothing of the queue is left.

        Raises:
            RefusedError: it is not paused (any more), or a job is active; or it does not get empty.
            RedisUnavailableError: the source does not answer.
        """
        del throttle  # a step's size is the script's own
        sample = await self._facts.sample(plan.queue)
        left = _left(plan, sample)
        done = max(0, plan.count - left)
        # it may be gone already: by this operation, before it was taken up again
        gone = not left and _is_gone(sample)
        yield Step(total=done, note=_GONE if gone else "")
        if gone:
            return
        idle = 0
        while True:
            removed, finished = await self._remover.obliterate_step(
                plan.queue, configured=self._catalog.policy(plan.queue).bullmq
            )
            done += removed
            yield Step(total=done, note=_GONE if finished else "")
            if finished:
                return
            idle = 0 if removed else idle + 1
            if idle > _IDLE:
                raise RefusedError(
                    "Nothing more goes, and the queue is not empty. Look at it with `status`."
                )

    async def counted(self, plan: Plan) -> int:
        """What is not there any more of what was counted when it was asked; raises as the port."""
        return max(0, plan.count - _left(plan, await self._facts.sample(plan.queue)))


def _left(plan: Plan, sample: Sample) -> int:
    return total(going(plan.kind, sample.counts))


def _is_gone(sample: Sample) -> bool:
    """Whether its `meta` is gone: it is not paused, and no version is known any more."""
    return not sample.paused and sample.version is None
