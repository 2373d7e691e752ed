"""Posts and edits for alerts and announcements, found again by their metadata."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from bot.adapters.slack_budget import RateLimitedError, SlackBudget
from bot.adapters.slack_calls import SlackCalls
from bot.adapters.slack_content import content_of
from bot.domain.message import Message, MessageRef, Tag, Urgency
from bot.domain.times import Ms
from bot.errors import SlackRefusedError, SlackUnavailableError
from bot.ports import Fresh

_log = structlog.get_logger(__name__)
_PAGE: Final = 200
_PAGES: Final = 10
_BAD_BLOCKS: Final = frozenset({"invalid_blocks", "invalid_blocks_format", "invalid_attachments"})


class SlackMessenger:
    """Satisfies `ports.Messenger`."""

    def __init__(self, *, client: AsyncWebClient, calls: SlackCalls, budget: SlackBudget) -> None:
        self._client = client
        self._calls = calls
        self._budget = budget
        self._ids: dict[str, str] = {}

    async def post(
        self,
        message: Message | Fresh,
        *,
        channel: str,
        tag: Tag,
        thread: str | None = None,
        broadcast: bool = False,
        urgency: Urgency = Urgency.ANSWER,
    ) -> MessageRef:
        """Post a message; never resent after an unclear failure."""

        async def send(content: dict[str, Any]) -> Mapping[str, Any]:
            return await self._calls.call(
                "chat.postMessage",
                lambda: self._client.chat_postMessage(
                    channel=channel,
                    thread_ts=thread,
                    reply_broadcast=broadcast or None,
                    metadata=_metadata(tag),
                    unfurl_links=False,
                    unfurl_media=False,
                    **content,
                ),
            )

        async def call() -> Mapping[str, Any]:
            return await _with_text_fallback(send, await _made(message))

        answer = await self._budget.post(channel, call, urgency=urgency)
        return MessageRef(str(answer["channel"]), str(answer["ts"]))

    async def update(
        self,
        message: Message | Fresh,
        ref: MessageRef,
        *,
        tag: Tag | None = None,
        urgency: Urgency = Urgency.ANSWER,
    ) -> None:
        """Replace a message; edits of the same message that still wait are coalesced."""

        async def send(content: dict[str, Any]) -> Mapping[str, Any]:
            return await self._calls.call(
                "chat.update",
                lambda: self._client.chat_update(
                    channel=ref.channel,
                    ts=ref.ts,
                    metadata=_metadata(tag) if tag else None,
                    **content,
                ),
            )

        async def call() -> Mapping[str, Any]:
            return await _with_text_fallback(send, await _made(message))

        await self._budget.edit(f"{ref.channel}:{ref.ts}", call, urgency=urgency)

    async def find(
        self, *, channel: str, tag: Tag, since: Ms, thread: str | None = None
    ) -> MessageRef | None:
        """Look for a message of ours by its metadata, posted at or after `since`; the oldest.

        A channel whose history may not be read answers None, and says so in the log.
        """
        try:
            channel_id = await self._channel_id(channel)
            return await self._search(channel_id, tag, since, thread)
        except SlackRefusedError as error:
            _log.error(
                "cannot look for an earlier message; invite Bullhorn to the channel",
                channel=channel, code=error.code,
            )  # fmt: skip
            return None
        except RateLimitedError as error:
            raise SlackUnavailableError(
                "Slack asks to wait.", unclear=True, retry_after=error.retry_after
            ) from error

    async def remove(self, ref: MessageRef) -> None:
        """Delete a message of ours."""

        async def call() -> Mapping[str, Any]:
            return await self._calls.call(
                "chat.delete", lambda: self._client.chat_delete(channel=ref.channel, ts=ref.ts)
            )

        await self._budget.edit(f"{ref.channel}:{ref.ts}", call, urgency=Urgency.DETAIL)

    async def _search(
        self, channel: str, tag: Tag, since: Ms, thread: str | None
    ) -> MessageRef | None:
        cursor, found = None, []
        for _ in range(_PAGES):
            page = await self._page(channel, since, thread, cursor)
            found += [str(one["ts"]) for one in page.get("messages", []) if _tag_of(one) == tag]
            cursor = (page.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                break
        return MessageRef(channel, min(found, key=float)) if found else None

    async def _page(
        self, channel: str, since: Ms, thread: str | None, cursor: str | None
    ) -> Mapping[str, Any]:
        oldest = f"{since / 1000:.6f}"
        if thread is None:
            return await self._calls.call(
                "conversations.history",
                lambda: self._client.conversations_history(
                    channel=channel, oldest=oldest, include_all_metadata=True,
                    limit=_PAGE, cursor=cursor,
                ),
            )  # fmt: skip
        return await self._calls.call(
            "conversations.replies",
            lambda: self._client.conversations_replies(
                channel=channel, ts=thread, oldest=oldest, include_all_metadata=True,
                limit=_PAGE, cursor=cursor,
            ),
        )  # fmt: skip

    async def _channel_id(self, channel: str) -> str:
        """The id of `#name`; history takes only ids."""
        if not channel.startswith("#"):
            return channel
        if channel in self._ids:
            return self._ids[channel]
        cursor = None
        for _ in range(_PAGES):
            page = await self._calls.call("conversations.list", partial(self._list, cursor))
            for found in page.get("channels", []):
                self._ids[f"#{found['name']}"] = str(found["id"])
            cursor = (page.get("response_metadata") or {}).get("next_cursor")
            if channel in self._ids or not cursor:
                break
        if channel not in self._ids:
            raise SlackRefusedError(f"There is no channel {channel}.", code="channel_not_found")
        return self._ids[channel]

    async def _list(self, cursor: str | None) -> Any:
        return await self._client.conversations_list(
            types="public_channel,private_channel", exclude_archived=True, limit=1000, cursor=cursor
        )


async def _made(message: Message | Fresh) -> Message:
    return message if isinstance(message, Message) else await message()


async def _with_text_fallback(send: Any, message: Message) -> Mapping[str, Any]:
    """Send; if Slack takes not our blocks, the plain text is better than nothing."""
    try:
        answer: Mapping[str, Any] = await send(content_of(message))
    except SlackRefusedError as error:
        if error.code not in _BAD_BLOCKS or not message.blocks:
            raise
        _log.error("Slack refuses the blocks of a message; sent as text", text=message.text[:200])
        answer = await send({"text": message.text, "blocks": [], "attachments": []})
    return answer


def _metadata(tag: Tag) -> dict[str, Any]:
    return {"event_type": tag.kind, "event_payload": {"key": tag.key}}


def _tag_of(found: Mapping[str, Any]) -> Tag | None:
    metadata = found.get("metadata") or {}
    key = (metadata.get("event_payload") or {}).get("key")
    return Tag(str(metadata.get("event_type")), str(key)) if key is not None else None
