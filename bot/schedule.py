"""The APScheduler jobs: lead, tick, fold and notify, say what cannot be seen.

`misfire_grace_time` is None and runs are coalesced: a late tick is run, never dropped, and never
two at once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, datetime
from typing import Any, Final

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bot.domain.times import Ms
from bot.errors import BullhornError, RedisUnavailableError
from bot.ports import Telemetry
from bot.services.blindness import Blindness
from bot.services.heartbeat import Heartbeat
from bot.services.notifier import Notifier
from bot.services.watch import TickResult, Watch

_log = structlog.get_logger(__name__)
LEAD_EVERY: Final = 3.0
"""Seconds between extensions of the lease, which lasts 10 s."""
NOTIFY_EVERY: Final = 1.0
"""Seconds between the passes that fold marks in and make Slack match."""
BLIND_EVERY: Final = 2.0
RECONCILE_EVERY: Final = 10.0
TICK_LIMIT: Final = 60.0
"""Seconds a tick may take."""
STOP_LIMIT: Final = 12.0
"""Seconds that what was begun gets at the end: a little more than a call to Slack may take."""
OWN_REDIS: Final = "REDIS_URL"


class Schedule:
    """Runs the jobs until told to stop."""

    def __init__(
        self,
        *,
        watch: Watch,
        notifier: Notifier,
        blindness: Blindness,
        heartbeat: Heartbeat,
        telemetry: Telemetry,
        poll_interval: Ms,
        give_back: Callable[[], None],
        reconcile: Callable[[], Awaitable[None]],
    ) -> None:
        self._watch = watch
        self._notifier = notifier
        self._blindness = blindness
        self._heartbeat = heartbeat
        self._telemetry = telemetry
        self._every = poll_interval / 1000
        self._due = 0.0
        self._give_back = give_back
        self._reconcile_plans = reconcile
        self._guard: asyncio.Task[None] | None = None
        self._periods: dict[str, float] = {}
        self._began: dict[str, float] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._scheduler = AsyncIOScheduler(
            timezone="UTC",
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )

    def start(self) -> None:
        """Add the jobs and begin; the first tick is at once."""
        self._due = time.monotonic()
        self._add(self._tick, self._every)
        self._add(self._lead, LEAD_EVERY)
        self._add(self._notify, NOTIFY_EVERY)
        self._add(self._show_blindness, BLIND_EVERY)
        self._add(self._reconcile, RECONCILE_EVERY)
        self._scheduler.start()
        self._guard = asyncio.create_task(self._watch_the_clock(), name="schedule-guard")

    async def stop(self) -> None:
        """Let what runs finish (a shut-down scheduler would cancel it half-way), then end.

        What waits for its turn at Slack is given back, and the lease is extended to the end, so
        that no other replica begins while a post is still under way.
        """
        self._stopping = True
        for job in (self._tick, self._notify, self._show_blindness, self._reconcile):
            self._scheduler.pause_job(job.__name__)
        self._give_back()
        ending = asyncio.create_task(self._notifier.drain())
        await asyncio.wait({ending, *self._running}, timeout=STOP_LIMIT)
        self._scheduler.pause()
        if self._guard is not None:
            self._guard.cancel()
        self._scheduler.shutdown(wait=False)

    async def _watch_the_clock(self) -> None:
        """APScheduler goes by the wall clock: set back, it stops for as long. This does not."""
        while True:
            await asyncio.sleep(LEAD_EVERY)
            now = time.monotonic()
            for name, every in self._periods.items():
                if now - self._began.get(name, now) > 3 * every + LEAD_EVERY:
                    _log.warning("the schedule had stopped; the clock was set back?", job=name)
                    self._began[name] = now
                    self._scheduler.modify_job(name, next_run_time=datetime.now(UTC))

    def _add(self, job: Callable[[], Coroutine[Any, Any, None]], seconds: float) -> None:
        name = job.__name__

        async def run() -> None:
            self._began[name] = time.monotonic()
            if not self._stopping or name == self._lead.__name__:
                await self._spawn(job())

        self._periods[name] = seconds
        self._began[name] = time.monotonic()
        self._scheduler.add_job(
            run, "interval", seconds=seconds, id=name, next_run_time=datetime.now(UTC)
        )

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def _tick(self) -> None:
        began = time.monotonic()
        lag = max(0.0, began - self._due)
        self._due = began + self._every
        result = "failed"
        try:
            async with asyncio.timeout(TICK_LIMIT):
                result = await self._watch.tick()
        except RedisUnavailableError as error:
            self._blindness.saw({OWN_REDIS: str(error)})
        except TimeoutError:
            self._blindness.saw({OWN_REDIS: f"Looking at them took over {TICK_LIMIT:.0f} s"})
            _log.error("tick took too long", seconds=TICK_LIMIT)
        except BullhornError as error:
            _log.error("tick failed", reason=str(error))
        except Exception:  # noqa: BLE001 - a job must never end the schedule; the log has it all
            _log.exception("tick failed")
        self._telemetry.tick(seconds=time.monotonic() - began, lag=lag, result=result)
        if result == TickResult.GOOD:
            await self._heartbeat.good_tick()

    async def _lead(self) -> None:
        try:
            await self._watch.lead()
        except RedisUnavailableError as error:
            _log.debug("cannot hold the lease", reason=str(error))

    async def _notify(self) -> None:
        try:
            await self._watch.fold()
            await self._notifier.run_pass()
        except BullhornError as error:
            _log.debug("notify pass failed", reason=str(error))
        except Exception:  # noqa: BLE001 - a job must never end the schedule; the log has it all
            _log.exception("notify pass failed")

    async def _reconcile(self) -> None:
        if self._watch.led is False:
            return
        try:
            await self._reconcile_plans()
        except BullhornError as error:
            _log.debug("cannot look after begun plans", reason=str(error))

    async def _show_blindness(self) -> None:
        try:
            await self._blindness.show(speaks=self._watch.led is not False)
        except BullhornError as error:
            _log.warning("cannot say what is unseen", reason=str(error))
