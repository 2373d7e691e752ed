"""What Slack hands out for a short time: trigger ids and response URLs."""

import secrets
from dataclasses import dataclass, field

from bot.demo.localslack.errors import SlackError
from bot.demo.localslack.workspace import Workspace

RESPONSE_USES = 5
RESPONSE_LIFETIME = 30 * 60.0


@dataclass(kw_only=True)
class _Trigger:
    user: str
    expires: float
    used: bool = False


@dataclass(kw_only=True)
class ResponseTicket:
    """Where answers to one command or click go."""

    user: str
    channel: str
    expires: float
    message_ts: str = ""
    thread_ts: str = ""
    uses_left: int = RESPONSE_USES


@dataclass(kw_only=True)
class Tickets:
    """Issues and redeems trigger ids (3 s, once) and response URLs (30 min, 5 times)."""

    workspace: Workspace
    _triggers: dict[str, _Trigger] = field(default_factory=dict)
    _responses: dict[str, ResponseTicket] = field(default_factory=dict)

    def trigger(self, user: str) -> str:
        """A new trigger id for something this person just did."""
        now = self.workspace.clock()
        trigger_id = f"{int(now * 1000)}.{secrets.randbelow(10**12)}.{secrets.token_hex(16)}"
        expires = now + self.workspace.config.trigger_lifetime
        self._triggers[trigger_id] = _Trigger(user=user, expires=expires)
        return trigger_id

    def exchange(self, trigger_id: str) -> str:
        """Use a trigger id up; returns whose it was.

        Raises:
            SlackError: ``invalid_trigger_id``, ``expired_trigger_id`` or
                ``exchanged_trigger_id``.
        """
        trigger = self._triggers.get(trigger_id)
        if trigger is None:
            raise SlackError("invalid_trigger_id")
        if self.workspace.clock() > trigger.expires:
            raise SlackError("expired_trigger_id")
        if trigger.used:
            raise SlackError("exchanged_trigger_id")
        trigger.used = True
        return trigger.user

    def response(
        self, *, user: str, channel: str, message_ts: str = "", thread_ts: str = ""
    ) -> str:
        """A new response URL, as its path below the server's address."""
        key = secrets.token_hex(12)
        self._responses[key] = ResponseTicket(
            user=user,
            channel=channel,
            expires=self.workspace.clock() + RESPONSE_LIFETIME,
            message_ts=message_ts,
            thread_ts=thread_ts,
        )
        return f"response/{self.workspace.config.team_id}/{key}"

    def redeem(self, key: str) -> ResponseTicket:
        """Use a response URL once.

        Raises:
            SlackError: ``invalid_url``, ``expired_url`` or ``used_url``.
        """
        ticket = self._responses.get(key)
        if ticket is None:
            raise SlackError("invalid_url")
        if self.workspace.clock() > ticket.expires:
            raise SlackError("expired_url")
        if ticket.uses_left <= 0:
            raise SlackError("used_url")
        ticket.uses_left -= 1
        return ticket
