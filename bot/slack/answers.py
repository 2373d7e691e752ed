"""Sending a reply back to where it was asked, through the request's response URL."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import structlog
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.adapters.slack_budget import SlackBudget
from bot.adapters.slack_calls import SlackCalls
from bot.adapters.slack_content import content_of
from bot.domain.access import Actor
from bot.domain.message import Message, Reply, Urgency
from bot.errors import BullhornError

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a request came from. `ephemeral` says its button sits in a message only they see."""

    actor: Actor
    response_url: str
    ephemeral: bool = True


class Answers:
    """Answers through response URLs (5 uses, 30 minutes), else by an ephemeral message."""

    def __init__(
        self,
        *,
        client: AsyncWebClient,
        calls: SlackCalls,
        session: aiohttp.ClientSession,
        budget: SlackBudget,
    ) -> None:
        self._client = client
        self._calls = calls
        self._session = session
        self._budget = budget

    async def send(self, origin: Origin, reply: Reply) -> None:
        """Send what the reply holds: the person's part first, then the announcement."""
        if reply.message is not None:
            replace = reply.replace and origin.ephemeral
            await self._respond(origin, reply.message, in_channel=False, replace=replace)
        if reply.announcement is not None:
            await self._respond(origin, reply.announcement, in_channel=True, replace=False)

    async def _respond(
        self, origin: Origin, message: Message, *, in_channel: bool, replace: bool
    ) -> None:
        body = {
            "response_type": "in_channel" if in_channel else "ephemeral",
            "replace_original": replace,
            **content_of(message),
        }
        if origin.response_url and await self._post(origin.response_url, body):
            return
        try:
            await self._directly(origin, message, in_channel=in_channel)
        except BullhornError as error:
            _log.error("an answer could not be delivered", reason=str(error), text=message.text)

    async def _post(self, url: str, body: Mapping[str, Any]) -> bool:
        """Use the response URL; a refusal of the blocks is met with the bare text."""
        webhook = AsyncWebhookClient(url, session=self._session, timeout=10, retry_handlers=[])
        for content in (body, _plain(body)):
            try:
                answer = await webhook.send_dict(dict(content))
            except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
                _log.warning("response URL does not answer", reason=type(error).__name__)
                return False
            if answer.status_code == 200 and not _is_refusal(answer.body):  # noqa: PLR2004 - OK
                return True
            _log.warning("response URL refuses", status=answer.status_code, body=answer.body[:200])
            if answer.status_code != 400 and "invalid" not in answer.body:  # noqa: PLR2004
                return False
        return False

    async def _directly(self, origin: Origin, message: Message, *, in_channel: bool) -> None:
        """By the Web API, in its turn, when the response URL is used up or out of order."""
        content = content_of(message)
        actor = origin.actor

        async def call() -> Any:
            if in_channel:
                return await self._calls.call(
                    "chat.postMessage",
                    lambda: self._client.chat_postMessage(channel=actor.channel, **content),
                )
            return await self._calls.call(
                "chat.postEphemeral",
                lambda: self._client.chat_postEphemeral(
                    channel=actor.channel, user=actor.user, **content
                ),
            )

        await self._budget.post(actor.channel, call, urgency=Urgency.ANSWER)


def _is_refusal(body: str) -> bool:
    """Slack answers "ok" or JSON; a no may come with HTTP 200."""
    try:
        answer = json.loads(body)
    except ValueError:
        return False
    return isinstance(answer, dict) and answer.get("ok") is False


def _plain(body: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key not in ("blocks", "attachments")}
