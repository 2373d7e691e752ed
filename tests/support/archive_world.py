"""A queue whose failed jobs are archived and brought back, by a process that may be killed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from collections.abc import Set as AbstractSet
from typing import Any, Final

import pytest
from redis import Redis

from bot.adapters import bullmq_batches, bullmq_capture
from bot.adapters.bullmq_done import BullmqDoneSets
from bot.adapters.bullmq_guarded import Guarded
from bot.adapters.bullmq_remover import BullmqRemover
from bot.adapters.redis_archive import RedisArchive
from bot.adapters.sources import Sources
from bot.domain.jobs import ArchivedJob, BatchOutcome, FailedRef
from bot.services.archiving import Archiving
from bot.services.bringing_back import BringingBack
from tests.support.bullmq_whole import places, whole
from tests.support.valkey_bullmq import ORDERS, write_failed, write_meta

JOBS: Final = 18
TIED: Final = frozenset({"j03", "j11"})
"""A parent waits for them: they are archived and then left where they are."""
ALL: Final = frozenset(f"j{number:02}" for number in range(JOBS))
REMOVABLE: Final = ALL - TIED


class Killed(Exception):  # noqa: N818
    """The process ended here."""


class Points:
    """Every place just before and just after something is changed, by number.

    At `kill` the process ends. At `hold` it stands still until it is told to go on.
    """

    def __init__(self) -> None:
        self.passed = 0
        self.kill = self.hold = -1
        self.held, self.go_on = asyncio.Event(), asyncio.Event()

    def reset(self, *, kill: int = -1, hold: int = -1) -> None:
        """Count from the start."""
        self.passed, self.kill, self.hold = 0, kill, hold
        self.held, self.go_on = asyncio.Event(), asyncio.Event()

    async def one(self) -> None:
        """Come to the next one."""
        here, self.passed = self.passed, self.passed + 1
        if here == self.kill:
            raise Killed
        if here == self.hold:
            self.hold = -1
            self.held.set()
            await self.go_on.wait()

    def around(self, method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        """The method with a point before it and one after."""

        async def wrapped(*args: Any, **kwargs: Any) -> Any:
            await self.one()
            answer = await method(*args, **kwargs)
            await self.one()
            return answer

        return wrapped


def with_points(monkeypatch: pytest.MonkeyPatch) -> Points:
    """Points around all that the archive and the queue are changed by, in batches of a few jobs."""
    points = Points()
    monkeypatch.setattr(Guarded, "run", points.around(Guarded.run))
    monkeypatch.setattr(RedisArchive, "_run", points.around(RedisArchive._run))
    monkeypatch.setattr(bullmq_batches, "CHUNK", 4)
    monkeypatch.setattr(bullmq_capture, "GROUP", 8)
    return points


class World:
    """One queue with failed jobs, and what becomes of them."""

    def __init__(self, redis: Redis, raw: Any, sources: Sources) -> None:
        self.redis, self.raw = redis, raw
        self.remover = BullmqRemover(sources=sources)
        self.archive = RedisArchive(client=sources.client("main"))
        self.done = BullmqDoneSets(sources=sources)
        own: Any = {"remover": self.remover, "archive": self.archive, "done": self.done}
        self.archiving, self.bringing = Archiving(**own), BringingBack(**own)
        self.before: dict[str, Any] = {}
        self.jobs: dict[str, ArchivedJob] = {}

    async def fill(self) -> None:
        """Make the queue anew."""
        self.redis.flushall()
        write_meta(self.redis, ORDERS)
        ids = sorted(ALL)
        write_failed(self.redis, ORDERS, [(id_, 1000 + int(id_[1:]), "x", "n") for id_ in ids])
        for id_ in ids:
            self.redis.rpush(ORDERS.key(f"{id_}:logs"), "a line", id_)
        for id_ in TIED:
            self.redis.hset(ORDERS.key(id_), "parentKey", "bull:parents:1")
            self.redis.sadd("bull:parents:1:dependencies", ORDERS.key(id_))
        self.before = whole(self.raw, ORDERS)
        self.jobs = {job.id: job for job in await self.capture(await self.refs())}

    async def refs(self) -> list[FailedRef]:
        """The failed jobs."""
        return [r async for refs in self.remover.select(ORDERS, "failed", until=None) for r in refs]

    async def capture(self, refs: list[FailedRef]) -> list[ArchivedJob]:
        """They as they are."""
        return [j async for p in self.remover.capture(ORDERS, "failed", refs) for j in p.jobs]

    async def clean(self) -> BatchOutcome:
        """The whole operation, from its start, as whoever holds it runs it."""
        options: Any = {"archive_id": "op", "configured": None, "operation": "op"}
        await self.archive.begin("op", queue=ORDERS, state="failed", kind="clean", by="U1")
        outcome = await self.archiving.resume(ORDERS, **options)
        async for refs in self.remover.select(ORDERS, "failed", until=None):
            outcome += await self.archiving.take(ORDERS, "failed", refs, **options)
        outcome += await self.archiving.resume(ORDERS, **options)
        return outcome

    async def undo(self) -> BatchOutcome:
        """Bring all back."""
        outcome = BatchOutcome()
        for batch in await self.archive.batches("op"):
            parts = self.bringing.bring_back(
                ORDERS, archive_id="op", batch=batch, configured=None, operation="undo",
                size=lambda: 5,
            )  # fmt: skip
            async for part in parts:
                outcome += part
        return outcome

    async def archived(self) -> dict[str, ArchivedJob]:
        """Job by id, of all batches; an id that is in two of them fails."""
        numbers = await self.archive.batches("op")
        kept = [job for number in numbers for job in await self.archive.batch("op", number)]
        found = {job.id: job for job in kept}
        assert len(found) == len(kept), "archived twice"
        return found

    async def check_nothing_is_lost(self) -> None:
        """Each job is in its queue or in the archive, or in both while a batch is unsettled."""
        kept, here = await self.archived(), places(self.raw, ORDERS)
        assert set(kept) | set(here) == set(self.jobs)
        assert all(job == self.jobs[id_] for id_, job in kept.items())

    async def check(self, *, gone: AbstractSet[str]) -> None:
        """In the end those of `gone` are archived, the others are where they were."""
        assert await self.archive.unsettled("op") == []
        kept, here = await self.archived(), places(self.raw, ORDERS)
        assert (set(kept), set(here)) == (gone, set(self.jobs) - gone)
        assert all(kept[id_] == self.jobs[id_] for id_ in gone)
        now = whole(self.raw, ORDERS, without=("failed", "meta"))
        assert now == {
            key: value
            for key, value in self.before.items()
            if key not in ("failed", "meta") and key.split(":")[0] not in gone
        }
        info = await self.archive.info("op")
        assert info is not None
        assert info.jobs == len(gone)
