"""The watch's state in Bullhorn's Redis."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeVar

from redis.asyncio import Redis

from bot.adapters import keys
from bot.adapters.codec import Codec
from bot.adapters.redis_errors import speaking_to
from bot.domain.incidents import Incident, Mark, Silence
from bot.domain.memory import QueueMemory
from bot.domain.notices import Notice
from bot.domain.queues import QueueId
from bot.domain.state import Lease, WatchChanges, WatchState
from bot.errors import LostLeaseError

CLOSED_KEPT: Final = 500
"""How many resolved incidents are kept."""
INBOX_CAP: Final = 10_000
"""Marks beyond this are dropped, oldest first: without a leader nobody reads them."""

# Either all of it is written, or (another leads) nothing. ARGV: token, epoch, then operations of
# four: what to do, on which key, field, value.
_COMMIT = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] or redis.call('GET', KEYS[2]) ~= ARGV[2] then return 0 end
for i = 3, #ARGV, 4 do
  local what, key, field, value = ARGV[i], KEYS[tonumber(ARGV[i + 1])], ARGV[i + 2], ARGV[i + 3]
  if what == 'put' then redis.call('HSET', key, field, value)
  elseif what == 'drop' then redis.call('HDEL', key, field)
  elseif what == 'set' then redis.call('SET', key, value)
  elseif what == 'take' then redis.call('LTRIM', key, tonumber(value), -1)
  elseif what == 'push' then
    redis.call('LPUSH', key, value)
    redis.call('LTRIM', key, 0, tonumber(field) - 1)
  elseif what == 'clear' then redis.call('DEL', key)
  elseif what == 'add' then redis.call('SADD', key, value)
  end
end
return 1
"""
_KEYS: Final = [
    keys.LEASE, keys.EPOCH, keys.WATCH, keys.INCIDENTS, keys.NOTICES,
    keys.CLOSED, keys.NEXT, keys.QUEUES, keys.INBOX, keys.SILENCES, keys.TICKED,
]  # fmt: skip
_INDEX: Final = {key: str(number) for number, key in enumerate(_KEYS, start=1)}
T = TypeVar("T")


class RedisWatchStore:
    """Loads all, and commits changes under the lease."""

    def __init__(self, *, client: Redis) -> None:
        self._client: Any = client
        self._commit = self._client.register_script(_COMMIT)
        self._memories = Codec(QueueMemory)
        self._incidents = Codec(Incident)
        self._notices = Codec(Notice)
        self._silences = Codec(Silence)
        self._marks = Codec(Mark)

    async def load(self) -> WatchState:
        """All of it."""
        return await self._load(with_memories=True)

    async def load_open(self) -> WatchState:
        """Without the memories."""
        return await self._load(with_memories=False)

    async def load_one(self, number: int) -> tuple[Incident | None, Notice]:
        """One incident and what is shown of it."""
        with speaking_to(None):
            incident = await self._client.hget(keys.INCIDENTS, str(number))
            notice = await self._client.hget(keys.NOTICES, str(number))
        shown = self._notices.load_or_drop(notice, what=str(number)) if notice else None
        return (
            self._incidents.load_or_drop(incident, what=str(number)) if incident else None,
            shown or Notice(number=number),
        )

    async def cursors(self) -> Mapping[QueueId, QueueMemory]:
        """The memories alone."""
        with speaking_to(None):
            return self._read_memories(await self._client.hgetall(keys.WATCH))

    async def commit(self, lease: Lease, changes: WatchChanges) -> None:
        """Write under the lease.

        Raises:
            LostLeaseError: another leads now; nothing was written.
        """
        words = [word for operation in self._operations(changes) for word in operation]
        with speaking_to(None):
            written = await self._commit(keys=_KEYS, args=[lease.token, lease.epoch, *words])
        if not written:
            raise LostLeaseError("Another replica leads now; nothing was written.")

    async def queues(self) -> frozenset[QueueId]:
        """The queues the leader last knew."""
        with speaking_to(None):
            return frozenset(
                QueueId.parse(text) for text in await self._client.smembers(keys.QUEUES)
            )

    async def mark(self, mark: Mark) -> None:
        """Put a mark into the inbox."""
        with speaking_to(None):
            async with self._client.pipeline(transaction=True) as pipe:
                pipe.rpush(keys.INBOX, self._marks.dump(mark))
                pipe.ltrim(keys.INBOX, -INBOX_CAP, -1)
                await pipe.execute()

    async def add_silence(self, silence: Silence) -> None:
        """Store a silence."""
        with speaking_to(None):
            await self._client.hset(keys.SILENCES, silence.id, self._silences.dump(silence))

    async def end_silence(self, silence_id: str) -> Silence | None:
        """Remove a silence and return it, None when there is none of that id."""
        with speaking_to(None):
            text = await self._client.hget(keys.SILENCES, silence_id)
            if text is None or not await self._client.hdel(keys.SILENCES, silence_id):
                return None
        return self._silences.load_or_drop(text, what=silence_id)

    async def _load(self, *, with_memories: bool) -> WatchState:
        with speaking_to(None):
            async with self._client.pipeline(transaction=True) as pipe:
                pipe.hgetall(keys.INCIDENTS)
                pipe.hgetall(keys.NOTICES)
                pipe.hgetall(keys.SILENCES)
                pipe.lrange(keys.INBOX, 0, -1)
                pipe.get(keys.NEXT)
                pipe.get(keys.TICKED)
                if with_memories:
                    pipe.hgetall(keys.WATCH)
                (
                    incidents,
                    notices,
                    silences,
                    inbox,
                    next_number,
                    ticked,
                    *rest,
                ) = await pipe.execute()
        return WatchState(
            memories=self._read_memories(rest[0]) if rest else {},
            incidents={int(n): i for n, i in _read(self._incidents, incidents)},
            notices={int(n): i for n, i in _read(self._notices, notices)},
            silences=dict(_read(self._silences, silences)),
            # A mark that cannot be read still takes its place: the head is dropped by number.
            inbox=tuple(self._marks.load_or_drop(text, what="inbox") for text in inbox),
            next_number=int(next_number or 1),
            ticked_at=int(ticked) if ticked else None,
        )

    def _read_memories(self, rows: Mapping[str, str]) -> dict[QueueId, QueueMemory]:
        return {QueueId.parse(field): memory for field, memory in _read(self._memories, rows)}

    def _operations(self, changes: WatchChanges) -> Iterable[tuple[str, str, str, str]]:
        for queue, memory in changes.memories.items():
            if memory is None:
                yield "drop", _INDEX[keys.WATCH], str(queue), ""
            else:
                yield "put", _INDEX[keys.WATCH], str(queue), self._memories.dump(memory)
        for incident in changes.incidents:
            text = self._incidents.dump(incident)
            yield "put", _INDEX[keys.INCIDENTS], str(incident.number), text
        for notice in changes.notices:
            yield "put", _INDEX[keys.NOTICES], str(notice.number), self._notices.dump(notice)
        for incident in changes.retired:
            text = self._incidents.dump(incident)
            yield "push", _INDEX[keys.CLOSED], str(CLOSED_KEPT), text
            yield "drop", _INDEX[keys.INCIDENTS], str(incident.number), ""
            yield "drop", _INDEX[keys.NOTICES], str(incident.number), ""
        yield from _bookkeeping(changes)


def _bookkeeping(changes: WatchChanges) -> Iterable[tuple[str, str, str, str]]:
    for silence_id in changes.expired_silences:
        yield "drop", _INDEX[keys.SILENCES], silence_id, ""
    if changes.next_number is not None:
        yield "set", _INDEX[keys.NEXT], "", str(changes.next_number)
    if changes.ticked_at is not None:
        yield "set", _INDEX[keys.TICKED], "", str(changes.ticked_at)
    if changes.inbox_taken:
        yield "take", _INDEX[keys.INBOX], "", str(changes.inbox_taken)
    if changes.queues is not None:
        yield "clear", _INDEX[keys.QUEUES], "", ""
        for queue in changes.queues:
            yield "add", _INDEX[keys.QUEUES], "", str(queue)


def _read(codec: Codec[T], rows: Mapping[str, str]) -> Iterable[tuple[str, T]]:
    for field, text in rows.items():
        value = codec.load_or_drop(text, what=field)
        if value is not None:
            yield field, value
