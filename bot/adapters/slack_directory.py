"""Who is in which Slack user group, cached: the call is limited to about 20 a minute."""

from __future__ import annotations

import time
from typing import Final

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from bot.adapters.slack_budget import RateLimitedError
from bot.adapters.slack_calls import SlackCalls
from bot.domain.access import Membership
from bot.errors import SlackRefusedError, SlackUnavailableError

_log = structlog.get_logger(__name__)
KEPT_FOR: Final = 300.0
"""Seconds a group's members are remembered, and that it cannot be read."""

_NO_GROUPS: Final = "this workspace's Slack plan has no user groups"
# The errors that Slack documents for usergroups.users.list, and the older name of the first.
_WHY: Final = {
    "plan_upgrade_required": _NO_GROUPS,
    "paid_teams_only": _NO_GROUPS,
    "missing_scope": "the bot token lacks the scope usergroups:read",
    "not_allowed_token_type": "Slack does not let this kind of token read them",
    "no_permission": "Slack does not let this token read them",
    "no_such_subteam": "there is no user group of that id",
}


WITHOUT_GROUPS: Final = frozenset({"plan_upgrade_required", "paid_teams_only"})
"""What Slack says where the workspace's plan has no user groups."""


def why_unread(code: str) -> str:
    """Why a user group cannot be read, from Slack's error name, as the end of a sentence."""
    return _WHY.get(code, f"Slack says {code}")


class SlackDirectory:
    """Satisfies `ports.Directory`."""

    def __init__(self, *, client: AsyncWebClient, calls: SlackCalls) -> None:
        self._client = client
        self._calls = calls
        self._members: dict[str, tuple[float, frozenset[str] | str]] = {}

    async def memberships(self, user: str, groups: frozenset[str]) -> Membership:
        """Those of `groups` that `user` is in, and those that cannot be told."""
        known = {group: await self._of(group) for group in sorted(groups)}
        return Membership(
            groups=frozenset(
                group
                for group, members in known.items()
                if isinstance(members, frozenset) and user in members
            ),
            unread={group: why for group, why in known.items() if isinstance(why, str)},
            away=frozenset(group for group, members in known.items() if members is None),
        )

    async def _of(self, group: str) -> frozenset[str] | str | None:
        """The members; why they cannot be read; None when Slack cannot tell now."""
        known = self._members.get(group)
        if known is not None and time.monotonic() - known[0] < KEPT_FOR:
            return known[1]
        found: frozenset[str] | str
        try:
            answer = await self._calls.call(
                "usergroups.users.list", lambda: self._client.usergroups_users_list(usergroup=group)
            )
            found = frozenset(str(user) for user in answer.get("users", []))
        except SlackRefusedError as error:
            _log.error("user group cannot be read", group=group, code=error.code)
            found = why_unread(error.code)
        except (SlackUnavailableError, RateLimitedError):
            return known[1] if known is not None else None
        self._members[group] = (time.monotonic(), found)
        return found
