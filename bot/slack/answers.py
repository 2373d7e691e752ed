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

from bot.adapters.slack_budget import RateLimitedError, SlackBudget
from bot.adapters.slack_calls import SlackCalls
from bot.adapters.slack_content import content_of, view_of
from bot.domain.access import Actor
from bot.domain.message import Message, MessageRef, Modal, Reply, Urgency
from bot.errors import BullhornError, SlackRefusedError
from bot.render import errors, problems
from bot.slack.files import Files

_log = structlog.get_logger(__name__)
TOO_LATE = (
    "I could not open the dialog: Slack allows three seconds for it, and they were over. "
    "Nothing was changed. Ask again."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a request came from. `ephemeral` says its button sits in a message only they see.

    `trigger` is what a dialog can be opened with, for 3 s; `message` is that of the button.
    """

    actor: Actor
    response_url: str
    ephemeral: bool = True
    trigger: str = ""
    message: MessageRef | None = None


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
        self._files = Files(client=client, calls=calls, session=session, budget=budget)

    async def send(self, origin: Origin, reply: Reply) -> None:
        """Send what the reply holds: the dialog, the file, the person's part, the announcement."""
        if reply.modal is not None and not await self._open(origin, reply.modal):
            await self._respond(origin, problems.notice(TOO_LATE), in_channel=False, replace=False)
        if reply.file is not None:
            try:
                await self._files.give(origin.actor.user, reply.file)
            except BullhornError as error:
                _log.error("a file could not be delivered", reason=str(error))
                reply = Reply(message=errors.told(error), announcement=reply.announcement)
        if reply.message is not None:
            replace = reply.replace and origin.ephemeral
            await self._respond(origin, reply.message, in_channel=False, replace=replace)
        if reply.announcement is not None:
            await self._respond(origin, reply.announcement, in_channel=True, replace=False)

    async def _open(self, origin: Origin, modal: Modal) -> bool:
        """Open a dialog, past the budget: it cannot wait for its turn. Whether it is open."""
        try:
            await self._calls.call(
                "views.open",
                lambda: self._client.views_open(trigger_id=origin.trigger, view=view_of(modal)),
            )
        except (BullhornError, RateLimitedError) as error:
            _log.warning("a dialog could not be opened", reason=str(error))
            return False
        return True

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
            await self._directly(origin.actor, message, in_channel=in_channel)
        except SlackRefusedError as error:
            # a dialog's answer has no response URL, and its channel may not have us in it
            if origin.response_url or in_channel:
                _log.error("an answer could not be delivered", reason=str(error), text=message.text)
                return
            await self._in_direct_messages(origin.actor, message)
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

    async def _directly(self, actor: Actor, message: Message, *, in_channel: bool) -> None:
        """By the Web API, in its turn, when the response URL is used up or out of order."""
        content = content_of(message)

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

    async def _in_direct_messages(self, actor: Actor, message: Message) -> None:
        dm = Actor(user=actor.user, channel=actor.user)
        try:
            await self._directly(dm, message, in_channel=True)
        except BullhornError as error:
            _log.error("an answer could not be delivered", reason=str(error), text=message.text)


def _is_refusal(body: str) -> bool:
    """Slack answers "ok" or JSON; a no may come with HTTP 200."""
    try:
        answer = json.loads(body)
    except ValueError:
        return False
    return isinstance(answer, dict) and answer.get("ok") is False


def _plain(body: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key not in ("blocks", "attachments")}
