"""What a queue is like now, and what the version table allows there: asked before any change."""

from __future__ import annotations

from bot.domain.commandline import join
from bot.domain.compatibility import Action, allow, major_version
from bot.domain.policy import Catalog
from bot.domain.queues import QueueId
from bot.domain.sample import Sample, SampleRequest
from bot.errors import PausedError, RedisUnavailableError, RefusedError
from bot.ports import QueueReader


class QueueFacts:
    """Looks at one queue."""

    def __init__(self, *, reader: QueueReader, catalog: Catalog) -> None:
        self._reader = reader
        self._catalog = catalog

    async def sample(self, queue: QueueId, *, anew: bool = False) -> Sample:
        """The queue now; `anew` as in `SampleRequest`, for a card.

        Raises:
            RedisUnavailableError: it cannot be read.
        """
        round_ = await self._reader.sample([SampleRequest(queue=queue, anew=anew)])
        if queue in round_.samples:
            return round_.samples[queue]
        reason = round_.unreachable.get(queue.source) or round_.broken.get(queue) or "no answer"
        raise RedisUnavailableError(f"{reason}. Nothing was changed.")

    def check(self, queue: QueueId, sample: Sample, *actions: Action) -> int | None:
        """The queue's BullMQ major (None: unknown), if these are allowed there now.

        Raises:
            RefusedError: with the reason and what to do.
        """
        major = major_version(sample.version, self._catalog.policy(queue).bullmq)
        try:
            for action in actions:
                allow(action, major=major, paused=sample.paused)
        except PausedError as error:
            error.offer = join(["resume", self._catalog.address(queue)])
            raise
        return major

    def check_retry(self, queue: QueueId, sample: Sample, *, fresh: bool) -> int | None:
        """The queue's BullMQ major (None: unknown), if a retry is allowed there now.

        Raises:
            RefusedError: with the reason and what to do.
        """
        wanted = (Action.RETRY, Action.FRESH) if fresh else (Action.RETRY,)
        return self.check(queue, sample, *wanted)


def allows_fresh(major: int | None) -> bool:
    """Whether fresh attempts do anything on this BullMQ."""
    try:
        allow(Action.FRESH, major=major, paused=False)
    except RefusedError:
        return False
    return True
