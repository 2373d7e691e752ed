"""The archive in Bullhorn's own Redis: compressed batches that expire a week after the last one.

The books (sizes, counts, which batch is unsettled) are kept by the scripts lua/archive_*.lua, so
that what all archives take never goes over the cap, whoever puts something in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final

from redis.asyncio import Redis
from redis.client import NEVER_DECODE
from redis.exceptions import NoScriptError

from bot.adapters import archive_codec as codec
from bot.adapters import bullmq_scripts as scripts
from bot.adapters import keys
from bot.adapters.redis_errors import speaking_to
from bot.adapters.redis_replicated import Replicated
from bot.domain.archives import CAP, HELD, KEPT, ArchiveInfo, Kept, say_size
from bot.domain.jobs import ArchivedJob
from bot.domain.queues import QueueId
from bot.domain.times import Ms, say_duration
from bot.errors import ArchiveFullError, RedisUnavailableError, StaleError

TRIES: Final = 10
"""How often a batch that another one writes is looked at again."""

_GONE, _FULL, _SETTLED = -1, -2, -3
_LOOK_AGAIN, _DONE, _LOST = 0, 1, 3


class RedisArchive:
    """The port Archive. `cap` is the most bytes of all archives, `kept` how long each lasts."""

    def __init__(self, *, client: Redis, cap: int = CAP, kept: Ms = KEPT) -> None:
        self._client: Any = client
        self._replicated = Replicated(client)
        self._cap = cap
        self._kept = kept

    async def begin(
        self, archive_id: str, *, queue: QueueId, state: str, kind: str, by: str
    ) -> None:
        """Make it, unless it is there."""
        facts = ("queue", str(queue), "state", state, "kind", kind, "by", by)
        await self._run("archive_begin", archive_id, self._kept, *facts)

    async def put(
        self, archive_id: str, jobs: Sequence[ArchivedJob], *, replaces: int | None = None
    ) -> Kept | None:
        """Keep a batch, unsettled; None where the one it replaces is settled, or gone, by now.

        Raises:
            ArchiveFullError: there is no room; not where it replaces one.
            StaleError: the archive has expired or was dropped.
            RedisUnavailableError: also where no replica takes it in time; it may be kept then.
        """
        blob = await asyncio.to_thread(codec.pack, jobs)
        old = "" if replaces is None else replaces
        args = (self._cap, blob, len(jobs), old, self._kept)
        number, origin = map(int, await self._run("archive_put", archive_id, *args))
        if number == _GONE:
            raise StaleError("The archive of this operation is gone. Start it anew.")
        if number == _FULL:
            raise ArchiveFullError(
                f"The archive is full: it keeps {say_size(self._cap)}, "
                f"each job for {say_duration(self._kept)}. "
                "Undo or wait for what is in it, or raise its size in the config."
            )
        return None if number == _SETTLED else Kept(number, origin)

    async def settle(self, archive_id: str, batch: int, keep: Collection[str]) -> bool:
        """Only these of its jobs were removed: the others go; False where another has settled it.

        Raises:
            StaleError: there is no such batch (any more): Redis has lost it.
        """
        wanted = frozenset(keep)
        # where all of them were removed, it need not be read
        answer = await self._run("archive_rewrite", archive_id, batch, "", 1, len(wanted), "=", 0)
        if answer == _LOOK_AGAIN:
            return await self._rewrite(archive_id, batch, lambda job: job.id in wanted, settle=True)
        return _settled(answer)

    async def drop_jobs(self, archive_id: str, batch: int, ids: Collection[str]) -> None:
        """These were brought back: they go out of the batch, and the rest lasts a day at least."""
        unwanted = frozenset(ids)
        await self._rewrite(archive_id, batch, lambda job: job.id not in unwanted, settle=False)

    async def prolong(self, archive_id: str) -> None:
        """It lasts a day from now at least; nothing where there is none."""
        await self._run("archive_prolong", archive_id, HELD)

    async def leave_out(self, archive_id: str, count: int) -> None:
        """So many of its jobs an undo has left out until now; nothing where there is none."""
        await self._run("archive_leave_out", archive_id, count)

    async def unsettled(self, archive_id: str) -> list[int]:
        """The batches of which it is not known which jobs were removed, oldest first."""
        with speaking_to(None):
            numbers = await self._client.smembers(keys.archive(archive_id, "open"))
        return sorted(int(number) for number in numbers)

    async def batches(self, archive_id: str) -> list[int]:
        """All batches, the newest first."""
        with speaking_to(None):
            numbers = await self._client.hkeys(keys.archive(archive_id))
        return sorted((int(number) for number in numbers), reverse=True)

    async def batch(self, archive_id: str, batch: int) -> list[ArchivedJob]:
        """The jobs of a batch; none where it is gone."""
        blob = await self._read(archive_id, batch)
        return await asyncio.to_thread(codec.unpack, blob) if blob else []

    async def info(self, archive_id: str) -> ArchiveInfo | None:
        """What is kept, None when it has expired."""
        with speaking_to(None):
            async with self._client.pipeline(transaction=True) as pipe:
                pipe.hgetall(keys.archive(archive_id, "facts"))
                pipe.hget(keys.ARCHIVE_SIZES, archive_id)
                pipe.hkeys(keys.archive(archive_id))
                facts, size, there = await pipe.execute()
        if not facts:
            return None
        return ArchiveInfo(
            id=archive_id,
            queue=QueueId.parse(facts["queue"]),
            state=facts["state"],
            kind=facts["kind"],
            by=facts["by"],
            at=int(facts["at"]),
            expires_at=int(facts["expires_at"]),
            jobs=int(facts["jobs"]),
            bytes=int(size or 0),
            lost=sum(int(facts[one]) for one in facts if _batch_of(one) not in ("", *there)),
            left_out=int(facts.get("left_out", 0)),
        )

    async def recent(self, queue: QueueId | None = None) -> list[ArchiveInfo]:
        """The archives that hold jobs (of one queue), the newest first."""
        with speaking_to(None):
            ids = await self._client.zrevrange(keys.ARCHIVES, 0, -1)
        found = [info for id_ in ids if (info := await self.info(id_)) is not None]
        return [info for info in found if info.jobs and queue in (None, info.queue)]

    async def drop(self, archive_id: str) -> None:
        """Forget it."""
        await self._run("archive_books", archive_id)

    async def room(self) -> int:
        """How many bytes more may be kept."""
        return max(0, self._cap - int(await self._run("archive_books", "")))

    @property
    def cap(self) -> int:
        """The most bytes that all archives together take."""
        return self._cap

    @property
    def kept(self) -> Ms:
        """How long each is kept."""
        return self._kept

    async def weigh(self, jobs: Sequence[ArchivedJob]) -> int:
        """How many bytes these jobs would take; nothing is kept."""
        return len(await asyncio.to_thread(codec.pack, jobs))

    async def _read(self, archive_id: str, batch: int) -> bytes:
        """What a batch holds, packed; nothing where it is gone."""
        with speaking_to(None):
            blob = await self._client.execute_command(
                "HGET", keys.archive(archive_id), batch, **{NEVER_DECODE: True}
            )
        return blob or b""

    async def _rewrite(
        self, archive_id: str, batch: int, stays: Callable[[ArchivedJob], bool], *, settle: bool
    ) -> bool:
        for _ in range(TRIES):
            with speaking_to(None):  # first, so that it is never newer than what is read next
                facts = keys.archive(archive_id, "facts")
                written = await self._client.hget(facts, f"written:{batch}")
            old = await self._read(archive_id, batch)
            jobs = await asyncio.to_thread(codec.unpack, old) if old else []
            left = [job for job in jobs if stays(job)]
            blob: bytes | str = "="
            if len(left) < len(jobs):
                blob = await asyncio.to_thread(codec.pack, left) if left else ""
            seen = f"{written or 0}:{len(old)}"
            args = (batch, seen, int(settle), len(left), blob, 0 if settle else HELD)
            answer = await self._run("archive_rewrite", archive_id, *args)
            if answer != _LOOK_AGAIN:
                return _settled(answer)
        raise RedisUnavailableError("An archive changes too fast to be written now. Try again.")

    async def _run(self, name: str, archive_id: str, *args: Any) -> Any:
        script = scripts.load(name)
        of_one = (keys.archive(archive_id, part) for part in ("", "facts", "open"))
        names = (keys.ARCHIVES, keys.ARCHIVE_SIZES, keys.ARCHIVE_TOTAL, *of_one)
        with speaking_to(None):
            if name == "archive_put":  # its jobs go from the queue next
                return await self._replicated.run(script, names, (archive_id, *args))
            try:
                return await self._client.evalsha(script.sha, len(names), *names, archive_id, *args)
            except NoScriptError:
                return await self._client.eval(script.text, len(names), *names, archive_id, *args)


def _settled(answer: int) -> bool:
    """Whether a batch was written; raises StaleError where it is lost."""
    if answer == _LOST:
        raise StaleError("Bullhorn's own Redis has lost a batch of the archive.")
    return answer == _DONE


def _batch_of(fact: str) -> str:
    """The number of the batch that a fact counts the jobs of, "" for other facts."""
    what, _, number = fact.partition(":")
    return number if what == "count" else ""
