"""How a queue's memory takes in one sample more."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from math import exp
from typing import Final

from bot.domain.memory import QueueMemory
from bot.domain.sample import EventsRead, Sample
from bot.domain.times import MINUTE, SECOND, Ms

CLOCK_SLACK: Final[Ms] = MINUTE
"""A sample older than the last evaluation by no more than this is dropped as late; by more, the
server's clock was set back (or another server has taken over)."""

BUCKET: Final[Ms] = 10 * SECOND
"""Failures are counted in buckets of this length, as the reader delivers them."""

TREND_OVER: Final[Ms] = 2 * MINUTE
"""The time constant of the backlog's smoothed trend."""

TREND_FORGOTTEN: Final[Ms] = 10 * MINUTE
"""After a longer time without an evaluation the trend begins anew."""


def remember(memory: QueueMemory | None, sample: Sample, *, window: Ms) -> QueueMemory:
    """The memory after this sample; `window` is how long failures are kept, in ms.

    `pending` and `firing` are carried over as they are. A late sample changes nothing: the very
    same memory is returned, and its events will be read again, as the cursor stays. When the clock
    was set back the memory's times move back with it: what has lasted 4 minutes still has.
    """
    now = sample.taken_at
    if memory is None:
        memory = QueueMemory()
    elif now < memory.evaluated_at:
        if memory.evaluated_at - now <= CLOCK_SLACK:
            return memory
        memory = _moved(memory, now - memory.evaluated_at)
    news = _news(memory, sample)
    backlog = sample.counts.backlog
    began = now if memory.backlog_since is None else memory.backlog_since
    return replace(
        memory,
        cursor=news.cursor,
        evaluated_at=now,
        backlog=backlog,
        last_progress=_latest(memory.last_progress, news.last_start, news.last_finish, now=now),
        backlog_since=began if backlog else None,
        held_back_at=now if sample.held_back else memory.held_back_at,
        failures=_failures(memory, news, now=now, window=window),
        gap_at=now if news.gap else memory.gap_at,
        trend=_trend(memory, backlog - memory.backlog, news, now),
    )


def _news(memory: QueueMemory, sample: Sample) -> EventsRead:
    """The sample's events, without their counts if this very sample was taken in before."""
    events = sample.events
    if sample.taken_at == memory.evaluated_at and events.cursor == memory.cursor:
        return replace(events, failures=())
    return events


def _latest(*times: Ms | None, now: Ms) -> Ms | None:
    """The latest of the known ones. A stream's ids may run ahead of a clock that was set back."""
    known = [min(at, now) for at in times if at is not None]
    return max(known, default=None)


def _failures(
    memory: QueueMemory, news: EventsRead, *, now: Ms, window: Ms
) -> tuple[tuple[Ms, int], ...]:
    """The failures of the window by bucket, oldest first."""
    buckets = Counter(dict(memory.failures))
    for start, count in news.failures:
        buckets[min(start, now - now % BUCKET)] += count
    return tuple(sorted(pair for pair in buckets.items() if pair[0] > now - window))


def _trend(memory: QueueMemory, change: int, news: EventsRead, now: Ms) -> float | None:
    """An exponentially weighted mean of the change a minute, by the time that has passed.

    A backlog falls by no more jobs than were started: the rest was drained, cleaned or removed.
    """
    passed = now - memory.evaluated_at
    if passed <= 0:
        return memory.trend
    if passed > TREND_FORGOTTEN:
        return None
    if not news.gap:
        change = max(change, -news.starts)
    rate = change * MINUTE / passed
    if memory.trend is None:
        return round(rate, 2)
    weight = 1 - exp(-passed / TREND_OVER)
    return round(memory.trend + weight * (rate - memory.trend), 2)


def _moved(memory: QueueMemory, by: Ms) -> QueueMemory:
    """The memory with all its times moved."""

    def move(at: Ms | None) -> Ms | None:
        return None if at is None else at + by

    return replace(
        memory,
        evaluated_at=memory.evaluated_at + by,
        last_progress=move(memory.last_progress),
        backlog_since=move(memory.backlog_since),
        held_back_at=move(memory.held_back_at),
        gap_at=move(memory.gap_at),
        failures=tuple((start + by, count) for start, count in memory.failures),
        pending={name: since + by for name, since in memory.pending.items()},
    )
