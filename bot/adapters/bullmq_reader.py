"""Reads BullMQ 3 to 6. Nothing here writes to a queue's keys, and no call holds a server long."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from functools import partial
from typing import Any, Final, cast

from redis.asyncio import Redis

from bot.adapters import bullmq_failures as failures
from bot.adapters import bullmq_plan_facts as plan_facts
from bot.adapters import bullmq_scripts as scripts
from bot.adapters import bullmq_subjects as subjects
from bot.adapters.bullmq_discovery import Discovery
from bot.adapters.bullmq_jobs import read_job
from bot.adapters.bullmq_sample import Seen, sample_source
from bot.adapters.bullmq_scripts import Call, Script
from bot.adapters.bullmq_stalled import active_jobs
from bot.adapters.bullmq_workers import Workers
from bot.adapters.redis_errors import node_problem, speaking_to
from bot.adapters.sources import Sources
from bot.domain.jobs import (
    ActiveJobs,
    FailedJob,
    FailedRef,
    FailureFilter,
    FailureReport,
    JobDetail,
)
from bot.domain.plan_facts import PlanFacts
from bot.domain.queues import QueueId
from bot.domain.sample import Discovered, SampleRequest, SampleRound
from bot.domain.subjects import JobsAbout
from bot.domain.times import Ms
from bot.errors import RedisUnavailableError

REST: Final = 60.0
"""Seconds between two passes of the discovery: a pass goes over all keys of a server."""

_SEARCH_STEPS: Final = 48
"""Steps back through an events stream: more than one of BullMQ's usual length holds."""


class BullmqReader:
    """The port QueueReader over the sources of the config.

    `own` is Bullhorn's own Redis, whose clock `now` tells. `rest` is how many seconds lie between
    two passes of the discovery.
    """

    def __init__(self, *, sources: Sources, own: Redis, rest: float = REST) -> None:
        self._sources = sources
        self._own = own
        self._discoveries = {
            name: Discovery(name, prefix, gap=rest) for name, prefix in sources.prefixes.items()
        }
        self._workers = {name: Workers() for name in sources.names}

    async def discover(self) -> Discovered:
        """The queues found so far in all sources; one that does not answer keeps its own."""
        found = self._discoveries
        reasons = await asyncio.gather(*(self._go_on(name, one) for name, one in found.items()))
        return Discovered(
            queues=frozenset().union(*(one.known for one in found.values())),
            complete=frozenset(name for name, one in found.items() if one.complete),
            unreachable={
                name: why for name, why in zip(found, reasons, strict=True) if why is not None
            },
        )

    async def _go_on(self, source: str, discovery: Discovery) -> str | None:
        """Some steps more in one source; why it does not answer, None when it does."""
        try:
            await self._sources.ask(source, discovery.go_on)
        except RedisUnavailableError as error:
            return str(error)
        return None

    async def sample(self, requests: Sequence[SampleRequest]) -> SampleRound:
        """Look at each queue once; what could not be read is in the round, with the reason."""
        by_source: dict[str, list[SampleRequest]] = defaultdict(list)
        for request in requests:
            by_source[request.queue.source].append(request)
        seen = await asyncio.gather(
            *(self._sample_in(source, theirs) for source, theirs in by_source.items())
        )
        round_ = SampleRound(samples={})
        for source, one in zip(by_source, seen, strict=True):
            if isinstance(one, str):
                round_.unreachable[source] = one
            else:
                round_.samples.update(one.samples)
                round_.broken.update(one.broken)
                if one.gone is not None:
                    round_.unreachable[source] = node_problem(source, one.gone)
        return round_

    async def _sample_in(self, source: str, requests: list[SampleRequest]) -> Seen | str:
        """What was seen in one source, or why it could not be read."""

        async def look(client: Redis) -> Seen:
            counted = self._workers[source]
            anew = any(request.anew for request in requests)
            queues = [request.queue for request in requests]
            workers = await counted.count(client, queues, anew=anew)
            return await sample_source(client, requests, workers)

        try:
            return await self._sources.ask(source, look)
        except RedisUnavailableError as error:
            return str(error)

    async def failures(self, queue: QueueId, wanted: FailureFilter) -> FailureReport:
        """Group the failed jobs by code; memory does not grow with their number."""
        edge = await self._sources.ask(queue, partial(failures.edge, queue=queue))
        return await failures.report(self._asking(queue), queue, wanted, edge)

    async def failed_jobs(
        self, queue: QueueId, wanted: FailureFilter, *, limit: int, offset: int = 0
    ) -> list[FailedJob]:
        """The newest failed jobs that match, newest first; long reasons are cut at 2000 bytes."""
        return await failures.newest_jobs(
            self._asking(queue), queue, wanted, limit=limit, offset=offset
        )

    def select_failed(
        self, queue: QueueId, wanted: FailureFilter
    ) -> AsyncIterator[list[FailedRef]]:
        """All that match, oldest first; without name and code, those without a hash too."""
        return failures.select(self._asking(queue), queue, wanted)

    async def failed_refs(self, queue: QueueId, ids: Sequence[str]) -> dict[str, FailedJob | None]:
        """The failed job of each id, None where it is not failed or has no hash."""
        return await failures.look_up(self._asking(queue), queue, ids)

    async def jobs_about(
        self,
        queue: QueueId,
        path: str,
        values: Collection[str],
        *,
        since: Ms | None = None,
        thorough: bool = False,
    ) -> JobsAbout:
        """The jobs in any state that are about one of the values; the newest, or `thorough`ly."""
        return await subjects.jobs_about(
            self._asking(queue), queue, path, values, since=since, thorough=thorough
        )

    async def plan_facts(
        self,
        queue: QueueId,
        wanted: FailureFilter,
        *,
        ids: Sequence[str] = (),
        business: str | None = None,
        subject: str | None = None,
    ) -> PlanFacts:
        """Sums over the failed jobs that match, or that have one of `ids`."""
        ask, paths = self._asking(queue), (business or "", subject or "")
        if ids:
            return await plan_facts.named(ask, queue, ids, paths)
        return await plan_facts.matching(ask, queue, wanted, paths)

    async def job(self, queue: QueueId, job_id: str) -> JobDetail | None:
        """One job, None when it is not there (or when what is there is no job)."""
        raw = await self._asking(queue)(scripts.load("job"), Call((queue.key("meta"),), (job_id,)))
        return None if raw is None else read_job(queue, job_id, raw)

    async def job_logs(self, queue: QueueId, job_id: str, *, limit: int) -> list[str]:
        """The newest lines a job logged, oldest first."""
        if limit <= 0:
            return []

        async def lines(client: Redis) -> list[str]:
            key = queue.key(f"{job_id}:logs")
            return await cast("Awaitable[list[str]]", client.lrange(key, -limit, -1))

        return await self._sources.ask(queue, lines)

    async def last_failure(self, queue: QueueId, job_id: str) -> Ms | None:
        """When the events stream last saw this job fail for good, on the server's clock."""
        ask, upto = self._asking(queue), "+"
        for _ in range(_SEARCH_STEPS):
            call = Call((queue.key("events"),), (upto, job_id))
            failed_at, upto = await ask(scripts.load("last_failure"), call)
            if failed_at:
                return int(failed_at)
            if not upto:
                return None
        return None

    async def active(self, queue: QueueId) -> ActiveJobs:
        """The jobs that workers have taken, those that were taken first first."""
        return await active_jobs(self._asking(queue), queue)

    async def now(self) -> Ms:
        """Redis `TIME` of Bullhorn's own Redis.

        Raises:
            RedisUnavailableError: it does not answer.
        """
        with speaking_to(None):
            seconds, micros = await self._own.time()
        return seconds * 1000 + micros // 1000

    def _asking(self, queue: QueueId) -> Callable[[Script, Call], Awaitable[Any]]:
        """Scripts on a queue's source. Raises RedisUnavailableError."""

        async def ask(script: Script, call: Call) -> Any:
            return await self._sources.ask(queue, lambda client: scripts.run(client, script, call))

        return ask
