"""Before the start: tokens that Slack refuses are told at once, as any other wrong variable."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Final

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from bot.adapters.slack_budget import RateLimitedError
from bot.adapters.slack_calls import SlackCalls
from bot.errors import ConfigError, SlackRefusedError, SlackUnavailableError

_WRONG: Final = frozenset(
    {"invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired",
     "not_allowed_token_type"}
)  # fmt: skip
LIMIT: Final = 5.0
"""Seconds the tokens may take: the watch must not wait for Slack."""
_log = structlog.get_logger(__name__)


async def check_tokens(client: AsyncWebClient, calls: SlackCalls, *, app_token: str | None) -> None:
    """Ask Slack whether it knows the tokens; while it does not answer, they are taken for right.

    Raises:
        ConfigError: Slack refuses one.
    """
    try:
        async with asyncio.timeout(LIMIT):
            await _check("SLACK_BOT_TOKEN", calls.call("auth.test", client.auth_test))
            if app_token is not None:
                opened = calls.call(
                    "apps.connections.open",
                    lambda: client.apps_connections_open(app_token=app_token),
                )
                await _check("SLACK_APP_TOKEN", opened)
    except (SlackUnavailableError, RateLimitedError, TimeoutError) as error:
        _log.warning("Slack does not answer yet", reason=str(error) or "it takes too long")


async def _check(variable: str, answer: Awaitable[object]) -> None:
    try:
        await answer
    except SlackRefusedError as error:
        if error.code not in _WRONG:
            raise SlackUnavailableError(str(error)) from error
        raise ConfigError(
            f"{variable} is refused by Slack ({error.code}). Copy it anew from the app's page."
        ) from error
