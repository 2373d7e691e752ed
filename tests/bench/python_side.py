"""Bullhorn's side of the bench, in a process of its own. JSON lines in, JSON lines out."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from bot.adapters.bullmq_reader import BullmqReader
from bot.adapters.prometheus import PrometheusTelemetry
from bot.adapters.redis_audit_log import RedisAuditLog
from bot.adapters.redis_leadership import RedisLeadership
from bot.adapters.redis_watch_store import RedisWatchStore
from bot.adapters.sources import Sources, connect
from bot.config import load_config
from bot.domain.jobs import FailureFilter
from bot.domain.queues import QueueId
from bot.domain.sample import SampleRequest
from bot.services.alerting import Alerting
from bot.services.finder import QueueFinder
from bot.services.journal import Journal
from bot.services.looking import Looking
from bot.services.watch import Watch
from tests.bench.filling import PREFIX, lua
from tests.bench.repairs import Repairs

_SOURCE: Final = "main"
_OPERATIONS: Final = (
    *("pid", "prepare", "looks", "status", "tick", "counts", "group", "close"),
    *("retry", "clean", "undo"),
)


class Side:
    """The operations."""

    def __init__(self, url: str) -> None:
        self._sources = Sources({_SOURCE: (url, PREFIX)})
        self._own = connect("REDIS_URL", url)
        self._reader = BullmqReader(sources=self._sources, own=self._own)
        self._leadership = RedisLeadership(client=self._own)
        config = load_config(None, environ={"REDIS_URL": url})
        self._catalog = config.catalog(default_attempts=3, backoff_delay=5000)
        self._store = RedisWatchStore(client=self._own)
        audit = RedisAuditLog(client=self._own)
        self._alerting = Alerting(
            store=self._store,
            reader=self._reader,
            journal=Journal(audit=audit, reader=self._reader, catalog=self._catalog),
            catalog=self._catalog,
        )
        self._watch = Watch(
            leadership=self._leadership,
            store=self._store,
            reader=self._reader,
            catalog=self._catalog,
            telemetry=PrometheusTelemetry(),
            saw=lambda _unreachable: None,
        )
        self._repairs = Repairs(
            sources=self._sources, own=self._own, reader=self._reader, catalog=self._catalog
        )
        self._queues: list[QueueId] = []
        self._cursors: dict[QueueId, str] = {}
        self._count = self._own.register_script(lua("count"))

    async def pid(self) -> int:
        """This process' number."""
        return os.getpid()

    async def prepare(self, names: list[str]) -> None:
        """Say which queues there are."""
        self._queues = [QueueId(_SOURCE, PREFIX, name) for name in names]

    async def looks(self) -> float:
        """One round of samples, on from where the last one ended."""
        began = time.perf_counter()
        round_ = await self._reader.sample(
            [SampleRequest(queue=queue, cursor=self._cursors.get(queue)) for queue in self._queues]
        )
        took = _since(began)
        assert len(round_.samples) == len(self._queues), round_.broken or round_.unreachable
        self._cursors = {queue: one.events.cursor for queue, one in round_.samples.items()}
        return took

    async def status(self) -> float:
        """What is read for `/queue status`, when nobody else has just asked."""
        looking = Looking(
            reader=self._reader,
            store=self._store,
            finder=QueueFinder(store=self._store, catalog=self._catalog),
            alerting=self._alerting,
            catalog=self._catalog,
        )
        began = time.perf_counter()
        look = await looking.overview()
        await looking.board()
        took = _since(began)
        # Before the first tick no queue is known.
        assert len(look.healths) in {0, len(self._queues)}, look.broken or look.unreachable
        return took

    async def tick(self) -> float:
        """A whole tick, as the leader."""
        began = time.perf_counter()
        result = await self._watch.tick()
        took = _since(began)
        assert result == "good", result
        return took

    async def counts(self) -> float:
        """The one raw call."""
        keys = [queue.key("") for queue in self._queues]
        began = time.perf_counter()
        counted = json.loads(await self._count(keys=keys))
        took = _since(began)
        assert len(counted) == len(keys)
        return took

    async def group(self, name: str) -> dict[str, Any]:
        """The failed jobs of a queue by error."""
        queue = QueueId(_SOURCE, PREFIX, name)
        began = time.perf_counter()
        report = await self._reader.failures(queue, FailureFilter())
        return {"ms": _since(began), "groups": len(report.groups), "jobs": report.total}

    async def retry(self, name: str, **args: Any) -> dict[str, Any]:
        """Failed jobs of a queue by error."""
        return await self._repairs.retry(QueueId(_SOURCE, PREFIX, name), **args)

    async def clean(self, name: str, **args: Any) -> dict[str, Any]:
        """Failed jobs of a queue into the archive."""
        return await self._repairs.clean(QueueId(_SOURCE, PREFIX, name), **args)

    async def undo(self, name: str, **args: Any) -> dict[str, Any]:
        """An archive's jobs back into their queue."""
        return await self._repairs.undo(QueueId(_SOURCE, PREFIX, name), **args)

    async def close(self) -> None:
        """Give the lease back: a bot that starts now is to lead."""
        await self._leadership.release()


def _since(began: float) -> float:
    return (time.perf_counter() - began) * 1000


async def _serve(url: str) -> None:
    side = Side(url)
    operations: dict[str, Callable[..., Awaitable[Any]]] = {
        name: getattr(side, name) for name in _OPERATIONS
    }
    while line := await asyncio.to_thread(sys.stdin.readline):
        args = json.loads(line)
        try:
            answer: dict[str, Any] = {"result": await operations[args.pop("op")](**args)}
        except Exception as error:  # noqa: BLE001 - told to whoever asked
            answer = {"error": repr(error)}
        sys.stdout.write(f"{json.dumps(answer)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1]))
