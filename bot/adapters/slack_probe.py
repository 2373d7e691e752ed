"""Tries Slack: tokens, scopes, channels, user groups. Nothing is posted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Final, TypeVar

from slack_sdk.web.async_client import AsyncWebClient

from bot.adapters.slack_budget import RateLimitedError
from bot.adapters.slack_calls import SlackCalls
from bot.adapters.slack_directory import WITHOUT_GROUPS, why_unread
from bot.domain.checkup import ChannelFacts, Identity, Status, Trouble
from bot.errors import SlackRefusedError, SlackUnavailableError

_PAGES: Final = 10
_BOT_TOKEN: Final = "Set SLACK_BOT_TOKEN to the Bot User OAuth Token of the installed app"  # noqa: S105
_APP_TOKEN: Final = "Set SLACK_APP_TOKEN to an app-level token with connections:write"  # noqa: S105
_CHANNEL: Final = "Check it; into a private channel Bullhorn must be invited first"
_GROUP: Final = "Check the id in `access:`"
_BY_ID: Final = "Name people by user id in `access:`"

T = TypeVar("T")


class SlackProbe:
    """Satisfies `ports_checkup.SlackProbe`."""

    def __init__(self, *, client: AsyncWebClient, calls: SlackCalls, app_token: str | None) -> None:
        self._client = client
        self._calls = calls
        self._app_token = app_token
        self._names: Mapping[str, ChannelFacts] | None = None
        self._naming = asyncio.Lock()

    async def identity(self) -> Identity | Trouble:
        """auth.test; what the token may do stands in a header of the answer."""
        headers: dict[str, str] = {}

        async def asked() -> Any:
            response = await self._client.auth_test()
            headers.update({name.lower(): value for name, value in response.headers.items()})
            return response

        async def ask() -> Identity:
            answer = await self._calls.call("auth.test", asked)
            scopes = headers.get("x-oauth-scopes")
            return Identity(
                workspace=str(answer.get("team", "")),
                bot=str(answer.get("user", "")),
                scopes=None if scopes is None else _listed(scopes),
            )

        return await _tried(ask, _BOT_TOKEN)

    async def app_token(self) -> Trouble | None:
        """apps.connections.open gives an address; no socket is opened."""
        token = self._app_token
        if token is None:
            return None

        async def ask() -> None:
            await self._calls.call(
                "apps.connections.open",
                lambda: self._client.apps_connections_open(app_token=token),
            )

        return await _tried(ask, _APP_TOKEN)

    async def channel(self, channel: str) -> ChannelFacts | Trouble:
        """conversations.info by id; by name, conversations.list, once for all names."""

        async def by_id() -> ChannelFacts:
            answer = await self._calls.call(
                "conversations.info", lambda: self._client.conversations_info(channel=channel)
            )
            return _facts(answer["channel"])

        async def by_name() -> ChannelFacts | Trouble:
            found = (await self._all_names()).get(channel.removeprefix("#"))
            return found or Trouble(why="Bullhorn sees no channel of this name", fix=_CHANNEL)

        return await _tried(by_name if channel.startswith("#") else by_id, _CHANNEL)

    async def _all_names(self) -> Mapping[str, ChannelFacts]:
        async with self._naming:
            if self._names is None:
                self._names = await self._listed_names()
            return self._names

    async def _listed_names(self) -> Mapping[str, ChannelFacts]:
        names: dict[str, ChannelFacts] = {}
        cursor = None
        for _ in range(_PAGES):
            page = await self._calls.call("conversations.list", partial(self._list, cursor))
            for raw in page.get("channels", []):
                names[str(raw["name"])] = _facts(raw)
            cursor = (page.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                break
        return names

    async def _list(self, cursor: str | None) -> Any:
        return await self._client.conversations_list(
            types="public_channel,private_channel", exclude_archived=True, limit=1000, cursor=cursor
        )

    async def group(self, group: str) -> int | Trouble:
        """usergroups.users.list, as when a person's role is looked up."""

        async def ask() -> int | Trouble:
            try:
                answer = await self._calls.call(
                    "usergroups.users.list",
                    lambda: self._client.usergroups_users_list(usergroup=group),
                )
            except SlackRefusedError as error:
                if error.code not in WITHOUT_GROUPS:
                    raise
                return Trouble(why=why_unread(error.code), fix=_BY_ID)
            return len(answer.get("users", []))

        return await _tried(ask, _GROUP)


def _listed(scopes: str) -> frozenset[str]:
    return frozenset(scope for word in scopes.split(",") if (scope := word.strip()))


def _facts(raw: Mapping[str, Any]) -> ChannelFacts:
    direct = bool(raw.get("is_im"))
    return ChannelFacts(
        name=str(raw.get("name", "")),
        private=direct or bool(raw.get("is_private")),
        member=direct or bool(raw.get("is_member")),
        archived=bool(raw.get("is_archived")),
    )


async def _tried(ask: Callable[[], Awaitable[T | Trouble]], fix: str) -> T | Trouble:
    """The answer, or why there is none; `fix` is for Slack's final no."""
    try:
        return await ask()
    except RateLimitedError:
        why = "not known: Slack asks to wait"
        return Trouble(why=why, fix="Run this again in a minute", status=Status.WARN)
    except SlackUnavailableError as error:
        fix = "Check SLACK_API_URL, the network and its proxy, and https://status.slack.com"
        return Trouble(why=str(error).rstrip("."), fix=fix, absent=True)
    except SlackRefusedError as error:
        if error.code == "missing_scope":
            return Trouble(why="the scope for it is missing", status=Status.SKIP)
        return Trouble(why=str(error).rstrip("."), fix=fix)
