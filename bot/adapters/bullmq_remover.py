"""Takes jobs out of a queue whole, and puts them back.

Each job is removed by the official package's own script, restored by lua/restore.lua, both in
guarded calls of a few dozen jobs (bullmq_batches.py): no call holds the server for long.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final, cast

from redis.asyncio import Redis

from bot.adapters import bullmq_capture, bullmq_place, bullmq_restore
from bot.adapters import bullmq_scripts as scripts
from bot.adapters.bullmq_batches import Item, carry_through
from bot.adapters.bullmq_done import batch_kept
from bot.adapters.bullmq_guarded import Guarded
from bot.adapters.bullmq_orphans import Orphans
from bot.adapters.bullmq_scripts import Argument, Call
from bot.adapters.redis_errors import speaking_to
from bot.adapters.sources import Sources
from bot.domain.archives import KEPT, LISTS, back_set
from bot.domain.compatibility import Action, major_version
from bot.domain.jobs import ORPHAN, ArchivedJob, BatchOutcome, Captured, FailedRef, Placed
from bot.domain.queues import QueueId
from bot.domain.times import Ms
from bot.errors import RefusedError

PAGE: Final = 500
"""Jobs that `select` gives at a time."""

OBLITERATED: Final = 200
"""Jobs that one step of `obliterate_step`'s script removes: about 3 ms."""

_MARKER: Final = re.compile(r"0:\d+")
_TIMED: Final = ("failed", "completed")
_NOT_PAUSED, _ACTIVE = 1, 2


class BullmqRemover:
    """The port QueueRemover over the sources of the config; archives last `archives_kept`."""

    def __init__(self, *, sources: Sources, archives_kept: Ms = KEPT) -> None:
        self._sources = sources
        self._batch_kept = batch_kept(archives_kept)

    def capture(
        self, queue: QueueId, state: str, jobs: Sequence[FailedRef]
    ) -> AsyncIterator[Captured]:
        """Whole jobs as they lie in Redis now, about a megabyte (or one job) at a time.

        Raises:
            RedisUnavailableError: the source does not answer.
        """
        return bullmq_capture.capture(self._sources.client(queue), queue, state, jobs)

    async def remove(
        self,
        queue: QueueId,
        state: str,
        jobs: Sequence[FailedRef],
        *,
        configured: int | None,
        operation: str,
        batch: str = "",
    ) -> BatchOutcome:
        """Remove them, each only while it is in `state` with that score; see the port.

        Raises:
            RefusedError, RedisUnavailableError: `done` is what was removed before.
        """
        items = [Item(job.id, (job.id, job.failed_at)) for job in jobs]
        guarded = self._guarded(queue, configured, operation)
        first = (state, f"bullhorn:{batch}" if batch else "", self._batch_kept)
        script = scripts.load("orphan_remove" if state == ORPHAN else "remove")
        return await carry_through(guarded, script, items, first=first)

    async def drop_ids(
        self,
        queue: QueueId,
        state: str,
        jobs: Sequence[FailedRef],
        *,
        configured: int | None,
        operation: str = "",
        most: int | None = None,
    ) -> BatchOutcome:
        """Take ids out of `failed` or `completed` whose hash is gone; see the port.

        Raises:
            RefusedError, RedisUnavailableError: `done` is what was taken out before.
        """
        items = [Item(job.id, (job.id, job.failed_at)) for job in jobs]
        guarded = self._guarded(queue, configured, operation)
        first = (state, "" if most is None else most)
        return await carry_through(guarded, scripts.load("drop_ids"), items, first=first)

    async def restore(
        self,
        queue: QueueId,
        jobs: Sequence[ArchivedJob],
        *,
        configured: int | None,
        operation: str,
        archive: str = "",
    ) -> BatchOutcome:
        """Put archived jobs back exactly as they were; `changed` are those whose id is in use.

        With `archive`, also those that were brought back from it before.

        Raises:
            RefusedError, RedisUnavailableError: `done` is what was restored before.
        """
        client = self._sources.client(queue)
        with speaking_to(queue.source):
            version: Any = await client.hget(queue.key("meta"), "version")
        guarded = self._guarded(queue, configured, operation)
        back = f"bullhorn:{back_set(archive)}" if archive else ""
        first = (major_version(version, configured) or 0, back, self._batch_kept)
        items = bullmq_restore.items(jobs)
        return await carry_through(guarded, scripts.load("restore"), items, first=first)

    async def select(
        self, queue: QueueId, state: str, *, until: Ms | None
    ) -> AsyncIterator[list[FailedRef]]:
        """The jobs of a state in batches of at most 500; see the port.

        Raises:
            RedisUnavailableError: the source does not answer.
        """
        in_list = state in LISTS
        highest: Argument = until if until is not None and state in _TIMED else ""
        after: tuple[Argument, ...] = (highest, "", "")
        while True:
            kind = "list" if in_list else "set"
            page, score = await self._page(queue, state, (kind, *after))
            if not page:
                return
            last = page[-1]
            refs = [ref for ref in page if not (in_list and _MARKER.fullmatch(ref.id))]
            if refs:
                yield refs
            if in_list and last.failed_at == 0:
                return
            if in_list:
                after = (last.failed_at - 1, "", "")
            else:
                after = (highest, score, last.id.encode().hex())

    async def in_state(self, queue: QueueId, state: str, *, until: Ms | None) -> int:
        """How many `select` would give now; markers in lists of BullMQ 3 and 4 are not counted."""
        key = queue.key(state)
        if state not in LISTS:
            highest = until if until is not None and state in _TIMED else "+inf"
            return int(
                await self._sources.ask(queue, lambda client: client.zcount(key, "-inf", highest))
            )

        async def look(client: Redis) -> Any:
            async with client.pipeline(transaction=False) as pipe:
                pipe.llen(key)
                pipe.lindex(key, 0)
                pipe.lindex(key, -1)
                return await pipe.execute()

        length, *ends = await self._sources.ask(queue, look)
        markers = sum(bool(end and _MARKER.fullmatch(end)) for end in ends)
        return max(0, int(length) - (min(markers, 1)))

    async def without_job(self, queue: QueueId, jobs: Sequence[FailedRef]) -> int:
        """How many of these, at most 500, have no hash: one EXISTS of them all.

        Raises:
            RedisUnavailableError: the source does not answer.
        """
        held = [queue.key(job.id) for job in jobs]
        if not held:
            return 0
        there = await self._sources.ask(queue, lambda client: client.exists(*held))
        return len(held) - int(there)

    async def edges(self, queue: QueueId, state: str, *, until: Ms | None) -> tuple[Ms, Ms] | None:
        """The lowest and the highest score of finished jobs, up to `until`."""
        return await bullmq_place.edges(self._sources, queue, state, until=until)

    async def place(self, queue: QueueId, job_id: str) -> Placed | None:
        """Where a job is now, None where it is in no set and no list."""
        return await bullmq_place.place(self._sources, queue, job_id)

    def orphans(self, queue: QueueId, *, steps: int | None = None) -> AsyncIterator[list[str]]:
        """Ids of job hashes that are in no set of the queue; see the port."""
        return Orphans(self._sources.client(queue), queue).find(steps=steps)

    async def unlisted(self, queue: QueueId, ids: Sequence[str]) -> list[str]:
        """Those that are in no list of the queue still; see the port."""
        return await Orphans(self._sources.client(queue), queue).unlisted(ids)

    async def obliterate_step(self, queue: QueueId, *, configured: int | None) -> tuple[int, bool]:
        """Remove up to 500 jobs of a paused queue that has no active job, whatever their state.

        Raises:
            RefusedError: the queue is not paused, or jobs are active.
            RedisUnavailableError: the source does not answer; some may have been removed.
        """
        guarded = self._guarded(queue, configured, "", actions=(Action.OBLITERATE,))
        removed = 0
        script = scripts.load("obliterate")
        for _ in range(PAGE // OBLITERATED):
            with speaking_to(queue.source):
                what, *rest = await guarded.run(script, (OBLITERATED,))
            count = int(rest[0]) if rest else 0
            if what == _NOT_PAUSED:
                raise RefusedError("The queue is not paused. Pause it, then try again.")
            if what == _ACTIVE:
                jobs = "1 job is" if count == 1 else f"{count} jobs are"
                raise RefusedError(f"{jobs} active. Wait until they end, then try again.")
            removed += count
            if rest[1] == 0:
                return removed, True
        return removed, False

    async def _page(
        self, queue: QueueId, state: str, args: tuple[Argument, ...]
    ) -> tuple[list[FailedRef], str]:
        """The next of them, and the last one's score as Redis has it: it may have a fraction."""
        call = Call((queue.key(state),), (*args, PAGE))
        flat = await self._sources.ask(
            queue, lambda client: scripts.run(client, scripts.load("select"), call)
        )
        pairs = zip(flat[::2], flat[1::2], strict=True)
        page = [FailedRef(cast("str", id_), int(float(score))) for id_, score in pairs]
        return page, str(flat[-1]) if flat else ""

    def _guarded(
        self,
        queue: QueueId,
        configured: int | None,
        operation: str,
        *,
        actions: tuple[Action, ...] = (Action.CLEAN,),
    ) -> Guarded:
        return Guarded(
            client=self._sources.client(queue),
            queue=queue,
            actions=actions,
            configured=configured,
            operation=operation,
        )
