"""The APScheduler jobs: lead, tick, fold and notify, say what cannot be seen.

`misfire_grace_time` is None and runs are coalesced: a late tick is run, never dropped, and never
two at once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
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
from bot.services.watch import Watch

_log = structlog.get_logger(__name__)
LEAD_EVERY: Final = 3.0
"""Seconds between extensions of the lease, which lasts 10 s."""
NOTIFY_EVERY: Final = 1.0
"""Seconds between the passes that fold marks in and make Slack match."""
BLIND_EVERY: Final = 2.0
TICK_LIMIT: Final = 60.0
"""Seconds a tick may take."""


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
    ) -> None:
        self._watch = watch
        self._notifier = notifier
        self._blindness = blindness
        self._heartbeat = heartbeat
        self._telemetry = telemetry
        self._every = poll_interval / 1000
        self._due = 0.0
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
        self._scheduler.start()

    async def stop(self) -> None:
        """Let what runs finish (a shut-down scheduler would cancel it half-way), then end."""
        self._stopping = True
        self._scheduler.pause()
        if self._running:
            await asyncio.wait(self._running, timeout=10)
        await self._notifier.drain()
        self._scheduler.shutdown(wait=False)

    def _add(self, job: Callable[[], Coroutine[Any, Any, None]], seconds: float) -> None:
        async def run() -> None:
            if not self._stopping:
                await self._spawn(job())

        first = datetime.now(UTC)
        self._scheduler.add_job(
            run, "interval", seconds=seconds, id=job.__name__, next_run_time=first
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
        good = False
        try:
            async with asyncio.timeout(TICK_LIMIT):
                good = await self._watch.tick()
        except RedisUnavailableError as error:
            self._blindness.saw({"Bullhorn's Redis": str(error)})
        except (BullhornError, TimeoutError) as error:
            _log.error("tick failed", reason=str(error) or "it took too long")
        except Exception:  # noqa: BLE001 - a job must never end the schedule; the log has it all
            _log.exception("tick failed")
        self._telemetry.tick(seconds=time.monotonic() - began, lag=lag, ok=good)
        if good:
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

    async def _show_blindness(self) -> None:
        try:
            await self._blindness.show(speaks=self._watch.led is not False)
        except BullhornError as error:
            _log.warning("cannot say what is unseen", reason=str(error))
