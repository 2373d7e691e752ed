"""Puts `bullhorn check` together: beside `wiring`, for a process that looks once and ends."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from bot.adapters.bullmq_reader import BullmqReader
from bot.adapters.operations_probe import OperationsProbe
from bot.adapters.redis_probe import RedisProbe
from bot.adapters.slack_calls import SlackCalls
from bot.adapters.slack_probe import SlackProbe
from bot.adapters.sources import Sources, connect
from bot.config import Config
from bot.domain.checkup import Setup
from bot.domain.times import say_duration
from bot.services.checkup import LIMIT, Checkup
from bot.settings import Settings
from bot.wiring.salesforce import build_salesforce


@asynccontextmanager
async def build_checkup(settings: Settings, config: Config) -> AsyncIterator[Checkup]:
    """Everything that is tried; its connections are closed at the end of the block.

    Raises:
        ConfigError: an address cannot be used.
    """
    async with AsyncExitStack() as closing:
        own = connect("REDIS_URL", settings.redis_url.get_secret_value())
        closing.push_async_callback(own.aclose)
        queue = connect("REDIS_URL", settings.redis_url.get_secret_value())
        closing.push_async_callback(queue.aclose)
        sources = Sources(
            {name: (s.url.get_secret_value(), s.prefix) for name, s in config.sources.items()}
        )
        closing.push_async_callback(sources.aclose)
        session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=LIMIT))
        closing.push_async_callback(session.close)
        salesforce = build_salesforce(settings, config)
        if salesforce is not None:
            closing.push_async_callback(salesforce.aclose)
        yield Checkup(
            setup=_setup(settings, config),
            catalog=config.catalog(
                default_attempts=settings.queue_default_attempts,
                backoff_delay=settings.queue_backoff_delay,
            ),
            own=RedisProbe(client=own, source=None),
            operations=OperationsProbe(client=queue),
            sources={
                name: RedisProbe(client=sources.client(name), source=name, prefix=prefix)
                for name, prefix in sources.prefixes.items()
            },
            reader=BullmqReader(sources=sources, own=own),
            slack=_slack(settings, session),
            salesforce=salesforce.probe if salesforce is not None else None,
            orders=config.salesforce(),
        )


def _slack(settings: Settings, session: aiohttp.ClientSession) -> SlackProbe:
    client = AsyncWebClient(
        token=settings.slack_bot_token.get_secret_value(),
        base_url=settings.slack_api_url,
        session=session,
        retry_handlers=[],
    )
    token = settings.slack_app_token
    return SlackProbe(
        client=client,
        calls=SlackCalls(count=lambda _method, _result: None),
        app_token=token.get_secret_value() if token else None,
    )


def _setup(settings: Settings, config: Config) -> Setup:
    address = urlsplit(settings.slack_api_url)  # without user and password, should it hold them
    host = address.hostname or ""
    path = settings.bullhorn_config
    if path is None:
        file = "the packaged one"
    elif config.file.defaults:
        file = f"{path}, over the packaged one"
    else:
        file = f"{path}, alone"
    return Setup(
        slack_host=f"{host}:{address.port}" if address.port else host,
        port=settings.port,
        app_token=settings.socket_mode,
        config=file,
        heartbeat=say_duration(config.heartbeat.every) if config.heartbeat else None,
        groups=config.groups(),
        shared=frozenset(name for name, s in config.sources.items() if s.url == settings.redis_url),
        salesforce=settings.salesforce_login,
    )
