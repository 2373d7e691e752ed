"""Adds jobs and works them off, one at a time, by the official Python package's own scripts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, Final

from bullmq import FlowProducer, Queue, Worker
from bullmq.custom_errors import UnrecoverableError
from redis.asyncio import Redis

from bot.domain.queues import QueueId

CODES: Final = ("WHMCS_ERROR: 502", "TIMEOUT: no answer")
OPTIONS: Final[dict[str, dict[str, Any]]] = {
    "plain": {},
    "last in, first out": {"lifo": True},
    "prioritized": {"priority": 3},
    "delayed": {"delay": 600_000},
    "tried twice": {"attempts": 2},
    "tried later": {"attempts": 3, "backoff": {"type": "fixed", "delay": 600_000}},
    "deduplicated": {"deduplication": {"ttl": 600_000}},
}
PARENTS: Final[dict[str, dict[str, Any]]] = {
    "waits": {},
    "fails too": {"failParentOnFailure": True},
    "goes on": {"ignoreDependencyOnFailure": True},
}
"""What a flow child's options say about its parent."""


class PretendWorker:
    """A producer and a worker of BullMQ 6. `client` is its own; whoever made it closes it.

    `told` is called with the order of each job that has one, and how the job has ended.
    """

    def __init__(self, client: Redis, queue: QueueId) -> None:
        options = {"connection": client, "prefix": queue.prefix}
        self._queue = Queue(queue.name, options)
        self._flows = FlowProducer(client, options)
        self._worker = Worker(queue.name, None, {**options, "autorun": False})
        self._numbers = count()
        self.held: list[Any] = []
        self.told: Callable[[str, str], None] = lambda order, end: None

    async def add(self, kind: str, how_many: int) -> list[str]:
        """Add jobs of a kind of `OPTIONS`; their ids."""
        jobs = []
        for _ in range(how_many):
            number, options = next(self._numbers), {"attempts": 1, **OPTIONS[kind]}
            if kind == "deduplicated":
                options["deduplication"] = {"id": f"d{number}", **options["deduplication"]}
            jobs.append(await self._queue.add("work", {"n": number}, options))
        return [str(job.id) for job in jobs]

    async def add_order(self, order: str, job_id: str) -> None:
        """Add the job of an order, the next that is taken."""
        options = {"attempts": 1, "jobId": job_id, "lifo": True}
        await self._queue.add("work", {"sfOrderId": order}, options)

    async def add_flow(self, on_failure: str, children: int) -> list[str]:
        """Add a parent with children; their ids, the parent's first."""

        def node(name: str, **options: Any) -> dict[str, Any]:
            options = {"jobId": f"flow-{next(self._numbers)}", "attempts": 1, **options}
            return {"name": name, "queueName": self._queue.name, "data": {}, "opts": options}

        some = [node("child", **PARENTS[on_failure]) for _ in range(children)]
        flow = await self._flows.add({**node("parent"), "children": some})
        jobs = [flow["job"], *(child["job"] for child in flow["children"])]
        return [str(job.id) for job in jobs]

    async def take(self) -> Any:
        """The next job, active and locked; None where there is none."""
        return await self._worker.moveToActive(f"t{next(self._numbers)}")

    async def work(self, ends: Sequence[str]) -> None:
        """Take as many jobs and end them: "completes", "hangs" or with that error."""
        for end in ends:
            job = await self.take()
            if job is None:
                return
            if end == "hangs":
                self.held.append(job)
            else:
                await self.finish(job, end)

    async def finish(self, job: Any, end: str) -> None:
        """End an active job."""
        await self._finish(job, end)
        if order := job.data.get("sfOrderId"):
            self.told(order, end)

    async def _finish(self, job: Any, end: str) -> None:
        try:
            if end == "completes":
                await job.moveToCompleted("ok", job.token)
                return
            await job.log(end)
            error = Exception(end)
        except (UnrecoverableError, TypeError) as refused:  # its children have failed, or wait
            error = refused
        await job.moveToFailed(error, job.token)
