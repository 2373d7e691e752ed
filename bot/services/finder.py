"""From the name a person typed to a queue."""

from __future__ import annotations

from rapidfuzz import fuzz, process

from bot.domain.policy import Catalog
from bot.domain.queues import QueueId
from bot.domain.standing import Standing
from bot.errors import HiddenQueueError, RedisUnavailableError, UnknownQueueError
from bot.ports import WatchStore

_NEAR = 60
"""How alike (of 100) a name must be to be offered."""


class QueueFinder:
    """The queues there are: those the leader discovered, and those the config names."""

    def __init__(self, *, store: WatchStore, catalog: Catalog) -> None:
        self._store = store
        self._catalog = catalog
        self._last: frozenset[QueueId] = frozenset()

    async def seen(self) -> frozenset[QueueId]:
        """The queues that are in Redis and watched; those last known while it does not answer.

        Raises:
            RedisUnavailableError: it does not answer, and none are known.
        """
        try:
            self._last = await self._store.queues()
        except RedisUnavailableError:
            if not self._last:
                raise
        return self._last

    async def not_seen(self) -> tuple[str, ...]:
        """Names in the config that are in no Redis yet, sorted."""
        names = {queue.name for queue in await self.seen()}
        return tuple(sorted(name for name in self._catalog.named() if name not in names))

    async def find(self, name: str, *, standing: Standing | None = None) -> QueueId:
        """The queue of this name; with several sources `source/name` tells apart.

        With `standing`, queues that this person may not know of are as good as not there.

        Raises:
            HiddenQueueError: there is one, and they may not know of it; told as an unknown one.
            UnknownQueueError: there is none, or more than one; with what was probably meant.
        """
        every = await self.seen()
        called = [q for q in every if name in (q.name, q.qualified)]
        matches = [q for q in called if standing is None or standing.sees(q)]
        if len(matches) == 1:
            return matches[0]
        if matches:
            addresses = ", ".join(sorted(q.qualified for q in matches))
            raise UnknownQueueError(f'"{name}" is in several sources. Say which: {addresses}.')
        seen = frozenset(q for q in every if standing is None or standing.sees(q))
        named = [n for n in self._catalog.named() if standing is None or standing.sees(n)]
        if called:
            raise HiddenQueueError(self._unknown(name, seen, named))
        if name in named:
            raise UnknownQueueError(
                f"{name} is in the config, but not in Redis yet. It appears with its first job."
            )
        raise UnknownQueueError(self._unknown(name, seen, named))

    def _unknown(self, name: str, seen: frozenset[QueueId], named: list[str]) -> str:
        known = sorted({self._catalog.address(q) for q in seen} | set(named))
        near = process.extractOne(name, known, scorer=fuzz.ratio, score_cutoff=_NEAR)
        if near:
            return f'No queue "{name}". Did you mean {near[0]}?'
        if not known:
            return f'No queue "{name}". I have not seen any queue yet.'
        if len(known) == 1:
            return f'No queue "{name}". There is {known[0]} only.'
        return f'No queue "{name}". Try `status` for all {len(known)} of them.'
