"""The composition root: settings and config -> adapters -> services -> fronts.

The only place that knows how the parts fit; each part gets what it needs and nothing more.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit

import aiohttp
from aiohttp import web
from pydantic import SecretStr
from redis.asyncio import Redis
from slack_sdk.web.async_client import AsyncWebClient

from bot.adapters import process_log
from bot.adapters.bullmq_operator import BullmqOperator
from bot.adapters.bullmq_reader import BullmqReader
from bot.adapters.http_pulse import HttpPulse, NoPulse
from bot.adapters.prometheus import PrometheusTelemetry
from bot.adapters.redis_audit_log import RedisAuditLog
from bot.adapters.redis_leadership import RedisLeadership
from bot.adapters.redis_plan_store import RedisPlanStore
from bot.adapters.redis_watch_store import RedisWatchStore
from bot.adapters.slack_budget import SlackBudget
from bot.adapters.slack_calls import SlackCalls
from bot.adapters.slack_directory import SlackDirectory
from bot.adapters.slack_messenger import SlackMessenger
from bot.adapters.sources import Sources, connect
from bot.commands.base import Toolbox
from bot.config import Config
from bot.domain.policy import Catalog
from bot.domain.times import Ms
from bot.errors import BullhornError
from bot.render.alerts import AlertRenderer
from bot.schedule import Schedule
from bot.services.access import Access
from bot.services.alerting import Alerting
from bot.services.blindness import Blindness
from bot.services.finder import QueueFinder
from bot.services.heartbeat import Heartbeat
from bot.services.journal import Journal
from bot.services.notifier import Notifier
from bot.services.pausing import Pausing
from bot.services.retry_plans import RetryPlanner
from bot.services.retrying import Retrying
from bot.services.watch import Watch
from bot.settings import Settings
from bot.slack import bolt
from bot.slack.answers import Answers
from bot.slack.http import HttpFront
from bot.slack.listeners import Listeners
from bot.slack.preflight import check_tokens
from bot.slack.socket import SocketFront
from bot.web import health

SLACK_TIMEOUT: Final = 10.0
"""Seconds a call to Slack may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What `app` starts and stops. `closers` run at the end, in order."""

    schedule: Schedule
    front: SocketFront | HttpFront
    pages: web.Application
    host: str | None
    port: int
    preflight: Callable[[], Awaitable[None]]
    drain: Callable[[float], Awaitable[None]]
    closers: Sequence[Callable[[], Awaitable[None]]]


@dataclass(frozen=True, kw_only=True)
class _Outside:
    """The adapters, and how to close them."""

    own: Redis
    sources: Sources
    session: aiohttp.ClientSession
    client: AsyncWebClient
    calls: SlackCalls
    budget: SlackBudget
    messenger: SlackMessenger
    reader: BullmqReader
    store: RedisWatchStore
    telemetry: PrometheusTelemetry

    async def aclose(self) -> None:
        """Close every connection."""
        await self.budget.aclose()
        await self.session.close()
        await self.sources.aclose()
        await self.own.aclose()


async def build(settings: Settings, config: Config) -> Parts:
    """Put the bot together; nothing is connected yet.

    Raises:
        ConfigError: an address cannot be used.
    """
    process_log.set_up(
        level=settings.log_level,
        console=settings.log_format == "console",
        secrets=_secrets(settings, config),
    )
    catalog = config.catalog(
        default_attempts=settings.queue_default_attempts,
        backoff_delay=settings.queue_backoff_delay,
    )
    outside = _outside(settings, config)
    leadership = RedisLeadership(client=outside.own)
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
    )
    schedule = _schedule(config, catalog, outside, watch, blindness)
    toolbox = _toolbox(config, catalog, outside, blindness)
    answers = Answers(
        client=outside.client, calls=outside.calls, session=outside.session, budget=outside.budget
    )
    listeners = Listeners(toolbox=toolbox, answers=answers, telemetry=outside.telemetry)
    front = _front(settings, outside, listeners)

    def ready() -> Mapping[str, bool]:
        return {
            "slack": front.connected,
            "redis": watch.connected,
            "first_tick": watch.ticked,
        }

    async def preflight() -> None:
        token = settings.slack_app_token
        await check_tokens(
            outside.client,
            outside.calls,
            app_token=token.get_secret_value() if token else None,
        )

    async def drain(seconds: float) -> None:
        toolbox.retrying.stop()
        await listeners.drain(seconds)

    pages = health.build(ready=ready, exposition=outside.telemetry.exposition)
    if isinstance(front, HttpFront):
        front.add_to(pages)
    return Parts(
        schedule=schedule,
        front=front,
        pages=pages,
        host=settings.bullhorn_host,
        port=settings.port,
        preflight=preflight,
        drain=drain,
        closers=(_quietly(leadership.release), outside.aclose),
    )


def _outside(settings: Settings, config: Config) -> _Outside:
    own = connect("REDIS_URL", settings.redis_url.get_secret_value())
    sources = Sources(
        {name: (s.url.get_secret_value(), s.prefix) for name, s in config.sources.items()}
    )
    telemetry = PrometheusTelemetry()
    # slack_sdk leaves the time limit to a session that is handed to it.
    session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=SLACK_TIMEOUT))
    client = AsyncWebClient(
        token=settings.slack_bot_token.get_secret_value(),
        base_url=settings.slack_api_url,
        session=session,
        retry_handlers=[],  # the default one sends a POST again after a lost connection
    )
    calls = SlackCalls(count=telemetry.slack_call)
    budget = SlackBudget()
    return _Outside(
        own=own,
        sources=sources,
        session=session,
        client=client,
        calls=calls,
        budget=budget,
        messenger=SlackMessenger(client=client, calls=calls, budget=budget),
        reader=BullmqReader(sources=sources, own=own),
        store=RedisWatchStore(client=own),
        telemetry=telemetry,
    )


def _schedule(
    config: Config, catalog: Catalog, outside: _Outside, watch: Watch, blindness: Blindness
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
    )


def _toolbox(config: Config, catalog: Catalog, outside: _Outside, blindness: Blindness) -> Toolbox:
    audit = RedisAuditLog(client=outside.own)
    journal = Journal(audit=audit, reader=outside.reader, catalog=catalog)
    directory = SlackDirectory(client=outside.client, calls=outside.calls)
    operator = BullmqOperator(sources=outside.sources)
    plans = RedisPlanStore(client=outside.own)
    return Toolbox(
        access=Access(policy=config.access(), directory=directory),
        finder=QueueFinder(store=outside.store, catalog=catalog),
        reader=outside.reader,
        store=outside.store,
        planner=RetryPlanner(reader=outside.reader, plans=plans, catalog=catalog),
        retrying=Retrying(
            reader=outside.reader,
            operator=operator,
            plans=plans,
            journal=journal,
            store=outside.store,
            catalog=catalog,
        ),
        pausing=Pausing(
            reader=outside.reader,
            operator=operator,
            journal=journal,
            store=outside.store,
            catalog=catalog,
        ),
        alerting=Alerting(
            store=outside.store, reader=outside.reader, journal=journal, catalog=catalog
        ),
        blindness=blindness,
        journal=journal,
        audit=audit,
        messenger=outside.messenger,
        catalog=catalog,
    )


def _front(settings: Settings, outside: _Outside, listeners: Listeners) -> SocketFront | HttpFront:
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


def _secrets(settings: Settings, config: Config) -> list[str]:
    """Every secret that is known, and the password inside each address: none may reach the log."""
    found = [value for value in dict(settings).values() if isinstance(value, SecretStr)]
    found += [source.url for source in config.sources.values()]
    if config.heartbeat is not None:
        found.append(config.heartbeat.url)
    texts = [secret.get_secret_value() for secret in found]
    passwords = [password for text in texts if (password := _password(text))]
    return [*texts, *passwords, *map(unquote, passwords)]


def _password(address: str) -> str | None:
    try:
        return urlsplit(address).password
    except ValueError:
        return None


def _wall_clock() -> Ms:
    return time.time_ns() // 1_000_000


def _quietly(close: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
    """For an end that may come while Redis is away: the lease then runs out by itself."""

    async def run() -> None:
        with suppress(BullhornError):
            await close()

    return run
