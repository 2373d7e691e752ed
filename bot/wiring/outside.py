"""The adapters: what the bot speaks to, connected when first used, and closed together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

import aiohttp
from pydantic import SecretStr
from redis.asyncio import Redis
from slack_sdk.web.async_client import AsyncWebClient

from bot.adapters.bullmq_reader import REST, BullmqReader
from bot.adapters.prometheus import PrometheusTelemetry
from bot.adapters.redis_watch_store import RedisWatchStore
from bot.adapters.slack_budget import SlackBudget
from bot.adapters.slack_calls import SlackCalls
from bot.adapters.slack_messenger import SlackMessenger
from bot.adapters.sources import Sources, connect
from bot.config import Config
from bot.settings import Settings
from bot.wiring.salesforce import SalesforceSide, build_salesforce

SLACK_TIMEOUT: Final = 10.0
"""Seconds a call to Slack may take."""


@dataclass(frozen=True, kw_only=True)
class Outside:
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
    salesforce: SalesforceSide | None

    async def aclose(self) -> None:
        """Close every connection."""
        if self.salesforce is not None:
            await self.salesforce.aclose()
        await self.budget.aclose()
        await self.session.close()
        await self.sources.aclose()
        await self.own.aclose()


def build_outside(settings: Settings, config: Config) -> Outside:
    """Make the adapters.

    Raises:
        ConfigError: an address cannot be used, or Salesforce's private key cannot be read.
    """
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
    return Outside(
        own=own,
        sources=sources,
        session=session,
        client=client,
        calls=calls,
        budget=budget,
        messenger=SlackMessenger(client=client, calls=calls, budget=budget),
        reader=BullmqReader(
            sources=sources, own=own, rest=min(REST, 4 * config.poll_interval / 1000)
        ),
        store=RedisWatchStore(client=own),
        telemetry=telemetry,
        salesforce=build_salesforce(settings, config),
    )


def secrets_of(settings: Settings, config: Config) -> list[str]:
    """Every secret that is known, and the password inside each address: none may reach the log."""
    found = [value for value in dict(settings).values() if isinstance(value, SecretStr)]
    found += [source.url for source in config.sources.values()]
    if config.heartbeat is not None:
        found.append(config.heartbeat.url)
    texts = [secret.get_secret_value() for secret in found]
    passwords = [password for text in texts for password in _passwords(text)]
    return [*texts, *passwords, *map(unquote, passwords)]


def _passwords(address: str) -> list[str]:
    """The password in front of the host, and those among the options."""
    try:
        parts = urlsplit(address)
        options = [value for name, value in parse_qsl(parts.query) if "password" in name]
    except ValueError:
        return []
    return [*options, *([parts.password] if parts.password else [])]
