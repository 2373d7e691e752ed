"""The composition root: settings and config -> adapters -> services -> fronts.

The only place that knows how the parts fit; each part gets what it needs and nothing more.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from aiohttp import web

from bot.adapters import process_log
from bot.adapters.bullmq_done import BullmqDoneSets
from bot.adapters.http_pulse import HttpPulse, NoPulse
from bot.adapters.redis_leadership import RedisLeadership
from bot.adapters.redis_operation_store import RedisOperationStore
from bot.adapters.redis_plan_store import RedisPlanStore
from bot.commands import emergencies
from bot.commands.base import Toolbox
from bot.config import Config
from bot.domain.policy import Catalog
from bot.domain.times import Ms
from bot.errors import BullhornError
from bot.render.alerts import AlertRenderer
from bot.schedule import Schedule
from bot.services.blindness import Blindness
from bot.services.heartbeat import Heartbeat
from bot.services.notifier import Notifier
from bot.services.put_backs import PutBacks
from bot.services.watch import Watch
from bot.settings import Settings
from bot.slack import bolt
from bot.slack.answers import Answers
from bot.slack.http import HttpFront
from bot.slack.listeners import Listeners
from bot.slack.preflight import check_tokens
from bot.slack.socket import SocketFront
from bot.web import health
from bot.wiring.outside import Outside, build_outside, secrets_of
from bot.wiring.toolbox import build_toolbox


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What `app` starts and stops. `closers` run at the end, in order."""

    schedule: Schedule
    front: SocketFront | HttpFront
    pages: web.Application
    host: str | None
    port: int
    preflight: Callable[[], Awaitable[None]]
    work: Callable[[], None]
    drain: Callable[[float], Awaitable[None]]
    closers: Sequence[Callable[[], Awaitable[None]]]


async def build(settings: Settings, config: Config, *, host: str | None = None) -> Parts:
    """Put the bot together; nothing is connected yet.

    `host` is the address to listen on, None for all of this machine's.

    Raises:
        ConfigError: an address cannot be used.
    """
    process_log.set_up(
        level=settings.log_level,
        console=settings.log_format == "console",
        secrets=secrets_of(settings, config),
    )
    catalog = config.catalog(
        default_attempts=settings.queue_default_attempts,
        backoff_delay=settings.queue_backoff_delay,
    )
    outside = build_outside(settings, config)
    leadership = RedisLeadership(client=outside.own)
    blindness, watch = _watching(catalog, outside, leadership)
    toolbox, operating = build_toolbox(
        settings.redis_url.get_secret_value(), config, catalog, outside, blindness
    )
    listeners = _listeners(outside, toolbox)
    front = _front(settings, outside, listeners)

    async def drain(seconds: float) -> None:
        await asyncio.gather(listeners.drain(seconds), operating.worker.stop(seconds))

    async def reconcile() -> None:
        await operating.reconciler.run_pass()
        await emergencies.put_aside_overdue(toolbox)

    return Parts(
        schedule=_schedule(config, catalog, outside, watch, blindness, reconcile),
        front=front,
        pages=_pages(outside, front, watch),
        host=host,
        port=settings.port,
        preflight=lambda: _preflight(settings, outside),
        work=operating.worker.start,
        drain=drain,
        closers=(_quietly(leadership.release), operating.queue.aclose, outside.aclose),
    )


def _watching(
    catalog: Catalog, outside: Outside, leadership: RedisLeadership
) -> tuple[Blindness, Watch]:
    blindness = Blindness(
        messenger=outside.messenger,
        writer=AlertRenderer(catalog),
        channel=catalog.channel,
        patience=2 * catalog.poll_interval,
        clock=_wall_clock,
    )
    watch = Watch(
        leadership=leadership,
        store=outside.store,
        reader=outside.reader,
        catalog=catalog,
        telemetry=outside.telemetry,
        saw=blindness.saw,
        put_backs=PutBacks(
            plans=RedisPlanStore(client=outside.own),
            operations=RedisOperationStore(client=outside.own),
            done=BullmqDoneSets(sources=outside.sources),
            interval=catalog.poll_interval,
        ),
    )
    return blindness, watch


def _listeners(outside: Outside, toolbox: Toolbox) -> Listeners:
    answers = Answers(
        client=outside.client, calls=outside.calls, session=outside.session, budget=outside.budget
    )
    return Listeners(toolbox=toolbox, answers=answers, telemetry=outside.telemetry)


async def _preflight(settings: Settings, outside: Outside) -> None:
    token = settings.slack_app_token
    app_token = token.get_secret_value() if token else None
    await check_tokens(outside.client, outside.calls, app_token=app_token)


def _schedule(
    config: Config,
    catalog: Catalog,
    outside: Outside,
    watch: Watch,
    blindness: Blindness,
    reconcile: Callable[[], Awaitable[None]],
) -> Schedule:
    beat = config.heartbeat
    pulse = (
        HttpPulse(url=beat.url.get_secret_value(), session=outside.session)
        if beat is not None
        else NoPulse()
    )
    return Schedule(
        watch=watch,
        notifier=Notifier(
            watch=watch,
            store=outside.store,
            reader=outside.reader,
            messenger=outside.messenger,
            writer=AlertRenderer(catalog),
            catalog=catalog,
        ),
        blindness=blindness,
        heartbeat=Heartbeat(pulse=pulse, every=beat.every if beat else 0, clock=_wall_clock),
        telemetry=outside.telemetry,
        poll_interval=catalog.poll_interval,
        give_back=outside.budget.withdraw,
        reconcile=reconcile,
    )


def _front(settings: Settings, outside: Outside, listeners: Listeners) -> SocketFront | HttpFront:
    """The way Slack reaches us: Socket Mode with an app token, else HTTP mode."""
    secret = settings.slack_signing_secret
    app = bolt.build(
        client=outside.client,
        token=settings.slack_bot_token.get_secret_value(),
        signing_secret=secret.get_secret_value() if secret else None,
        listeners=listeners,
    )
    if settings.slack_app_token is not None:
        return SocketFront(app=app, app_token=settings.slack_app_token.get_secret_value())
    return HttpFront(app=app, count=outside.telemetry.slack_request)


def _pages(outside: Outside, front: SocketFront | HttpFront, watch: Watch) -> web.Application:
    """What is served over HTTP: health and figures, and in HTTP mode Slack's own calls."""

    def ready() -> Mapping[str, bool]:
        return {"slack": front.connected, "redis": watch.connected, "first_tick": watch.ticked}

    pages = health.build(ready=ready, exposition=outside.telemetry.exposition)
    if isinstance(front, HttpFront):
        front.add_to(pages)
    return pages


def _wall_clock() -> Ms:
    return time.time_ns() // 1_000_000


def _quietly(close: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
    """For an end that may come while Redis is away: the lease then runs out by itself."""

    async def run() -> None:
        with suppress(BullhornError):
            await close()

    return run
