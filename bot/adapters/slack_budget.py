"""The one scheduler for Slack writes: alerts first, within Slack's rates, obeying every 429.

Slack takes about 1 post a second a channel and 50 edits a minute a workspace. Whatever waits is
ordered by urgency, then by age; edits of one message that still wait are coalesced to the newest.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

from bot.domain.message import Urgency
from bot.errors import SlackUnavailableError

EDIT_LANE: Final = "edit"
STOPPING: Final = "Bullhorn is stopping; nothing was sent."


class RateLimitedError(Exception):
    """Slack said 429: not before `retry_after` seconds."""

    def __init__(self, retry_after: float) -> None:
        super().__init__(f"rate limited for {retry_after} s")
        self.retry_after = retry_after


@dataclass(slots=True)
class _Lane:
    """A bucket of tokens: `burst` at most, one more every `gap` seconds."""

    gap: float
    burst: float
    tokens: float
    filled_at: float
    closed_until: float = 0.0

    def ready_at(self, now: float) -> float:
        """The moment the next call may go."""
        self.tokens = min(self.burst, self.tokens + (now - self.filled_at) / self.gap)
        self.filled_at = now
        wait = 0.0 if self.tokens >= 1 else (1 - self.tokens) * self.gap
        return max(now + wait, self.closed_until)


@dataclass(order=True, slots=True)
class _Waiting:
    urgency: int
    age: int
    lane: str = field(compare=False)
    call: Callable[[], Awaitable[Any]] = field(compare=False)
    done: asyncio.Future[Any] = field(compare=False)
    key: str | None = field(compare=False, default=None)


class SlackBudget:
    """Runs calls when their lane may. Lanes: one a channel for posts, one for all edits."""

    def __init__(
        self, *, post_gap: float = 1.0, edit_gap: float = 1.2, edit_burst: float = 10
    ) -> None:
        self._post_gap = post_gap
        self._edit_gap = edit_gap
        self._edit_burst = edit_burst
        self._lanes: dict[str, _Lane] = {}
        self._heap: list[_Waiting] = []
        self._by_key: dict[str, _Waiting] = {}
        self._age = 0
        self._wake = asyncio.Event()
        self._runner: asyncio.Task[None] | None = None
        self._calls: set[asyncio.Task[None]] = set()
        self._closed = False

    @property
    def waiting(self) -> int:
        """How many calls wait for their turn."""
        return len(self._heap)

    async def post(
        self, channel: str, call: Callable[[], Awaitable[Any]], *, urgency: Urgency
    ) -> Any:
        """Run a post to a channel in its turn; returns what it returns."""
        return await self._enqueue(f"post:{channel}", call, urgency)

    async def edit(self, key: str, call: Callable[[], Awaitable[Any]], *, urgency: Urgency) -> Any:
        """Run an edit in its turn; it replaces a waiting edit of the same `key`, both end alike."""
        waiting = self._by_key.get(key)
        if waiting is not None:
            waiting.call = call
            if urgency < waiting.urgency:  # the newer one is more urgent: so is its turn
                waiting.urgency = urgency
                heapq.heapify(self._heap)
            return await asyncio.shield(waiting.done)
        return await self._enqueue(EDIT_LANE, call, urgency, key=key)

    def withdraw(self) -> None:
        """Take nothing new, and give back what still waits: it was surely not sent."""
        self._closed = True
        for waiting in self._heap:
            _refuse(waiting.done)
        self._heap.clear()
        self._by_key.clear()

    async def aclose(self) -> None:
        """Stop; what still waits is given back, what was begun is waited for."""
        self.withdraw()
        if self._runner is not None:
            self._runner.cancel()
            await asyncio.gather(self._runner, return_exceptions=True)
        await asyncio.gather(*self._calls, return_exceptions=True)

    async def _enqueue(
        self,
        lane: str,
        call: Callable[[], Awaitable[Any]],
        urgency: Urgency,
        *,
        key: str | None = None,
    ) -> Any:
        loop = asyncio.get_running_loop()
        if self._closed:
            raise SlackUnavailableError(STOPPING)
        self._age += 1
        waiting = _Waiting(
            urgency=urgency, age=self._age, lane=lane, call=call, done=loop.create_future(), key=key
        )
        self._put(waiting)
        if self._runner is None or self._runner.done():
            self._runner = asyncio.create_task(self._run(), name="slack-budget")
        return await asyncio.shield(waiting.done)

    def _put(self, waiting: _Waiting) -> None:
        heapq.heappush(self._heap, waiting)
        if waiting.key is not None:
            self._by_key[waiting.key] = waiting
        self._wake.set()

    async def _run(self) -> None:
        """Start each waiting call as soon as its lane is ready, most urgent first."""
        loop = asyncio.get_running_loop()
        while self._heap:
            self._wake.clear()
            now = loop.time()
            ready, soonest = self._pick(now)
            if ready is None:
                timeout = max(soonest - now, 0.001)
                try:
                    async with asyncio.timeout(timeout):
                        await self._wake.wait()
                except TimeoutError:
                    pass
                continue
            task = asyncio.create_task(self._call(ready))
            self._calls.add(task)
            task.add_done_callback(self._calls.discard)

    def _pick(self, now: float) -> tuple[_Waiting | None, float]:
        """The most urgent call whose lane is ready (taken out), or when the first will be."""
        soonest = float("inf")
        for waiting in sorted(self._heap):
            lane = self._lane(waiting.lane, now)
            ready_at = lane.ready_at(now)
            if ready_at <= now:
                lane.tokens -= 1
                self._heap.remove(waiting)
                heapq.heapify(self._heap)
                if waiting.key is not None:
                    self._by_key.pop(waiting.key, None)
                return waiting, now
            soonest = min(soonest, ready_at)
        return None, soonest

    def _lane(self, name: str, now: float) -> _Lane:
        lane = self._lanes.get(name)
        if lane is None:
            edits = name == EDIT_LANE
            burst = self._edit_burst if edits else 1.0
            gap = self._edit_gap if edits else self._post_gap
            lane = self._lanes[name] = _Lane(gap=gap, burst=burst, tokens=burst, filled_at=now)
        return lane

    async def _call(self, waiting: _Waiting) -> None:
        loop = asyncio.get_running_loop()
        try:
            result = await waiting.call()
        except RateLimitedError as error:
            lane = self._lane(waiting.lane, loop.time())
            lane.closed_until = loop.time() + error.retry_after
            self._again(waiting)
        except asyncio.CancelledError:
            waiting.done.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - handed to whoever waits for the call
            if not waiting.done.done():
                waiting.done.set_exception(error)
        else:
            if not waiting.done.done():
                waiting.done.set_result(result)

    def _again(self, waiting: _Waiting) -> None:
        """Put a refused call back, unless a newer edit of the same message waits already."""
        if self._closed:
            _refuse(waiting.done)
            return
        newer = self._by_key.get(waiting.key) if waiting.key is not None else None
        if newer is not None:
            _share(newer.done, waiting.done)
            return
        self._put(waiting)
        if self._runner is None or self._runner.done():
            self._runner = asyncio.create_task(self._run(), name="slack-budget")


def _refuse(waiting: asyncio.Future[Any]) -> None:
    if not waiting.done():
        waiting.set_exception(SlackUnavailableError(STOPPING))
        waiting.exception()  # looked at here: whoever asked may have gone


def _share(source: asyncio.Future[Any], target: asyncio.Future[Any]) -> None:
    """Let `target` end as `source` does."""

    def copy(ended: asyncio.Future[Any]) -> None:
        if target.done():
            return
        if ended.cancelled():
            target.cancel()
        elif (error := ended.exception()) is not None:
            target.set_exception(error)
        else:
            target.set_result(ended.result())

    source.add_done_callback(copy)
