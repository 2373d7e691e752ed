"""Who is in which Slack user group, cached: the call is limited to about 20 a minute."""

from __future__ import annotations

import time
from typing import Final

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from bot.adapters.slack_budget import RateLimitedError
from bot.adapters.slack_calls import SlackCalls
from bot.errors import SlackRefusedError, SlackUnavailableError

_log = structlog.get_logger(__name__)
KEPT_FOR: Final = 300.0
"""Seconds a group's members are remembered."""


class SlackDirectory:
    """Satisfies `ports.Directory`."""

    def __init__(self, *, client: AsyncWebClient, calls: SlackCalls) -> None:
        self._client = client
        self._calls = calls
        self._members: dict[str, tuple[float, frozenset[str]]] = {}

    async def memberships(self, user: str, groups: frozenset[str]) -> frozenset[str]:
        """Those of `groups` that `user` is in."""
        return frozenset([group for group in groups if user in await self._of(group)])

    async def _of(self, group: str) -> frozenset[str]:
        known = self._members.get(group)
        if known is not None and time.monotonic() - known[0] < KEPT_FOR:
            return known[1]
        try:
            answer = await self._calls.call(
                "usergroups.users.list", lambda: self._client.usergroups_users_list(usergroup=group)
            )
            members = frozenset(str(user) for user in answer.get("users", []))
        except SlackRefusedError as error:
            # A group that cannot be read (no such group, or a plan without groups) has no members.
            _log.error("user group cannot be read", group=group, code=error.code)
            members = frozenset()
        except (SlackUnavailableError, RateLimitedError) as error:
            if known is not None:
                return known[1]
            raise SlackUnavailableError("Slack cannot tell now who is in which group.") from error
        self._members[group] = (time.monotonic(), members)
        return members
