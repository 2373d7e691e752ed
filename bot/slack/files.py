"""Files for one person: uploaded, and shared in their direct messages with the bot."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from bot.adapters.slack_budget import SlackBudget
from bot.adapters.slack_calls import SlackCalls
from bot.domain.message import File, Urgency
from bot.errors import SlackRefusedError, SlackUnavailableError

PATIENCE: Final = 60.0
"""Seconds the upload itself may take."""

_SCOPES: Final = "the scopes files:write and im:write, which manifest.yml names, are not granted"
_WHY: Final = {
    "missing_scope": _SCOPES,
    "not_allowed_token_type": _SCOPES,
    "file_upload_size_restricted": "the workspace does not take a file of that size",
    "storage_limit_reached": "the workspace has no room for files left",
    "user_disabled": "your account is not active",
}


class Files:
    """Gives people files, by the two calls and one upload that Slack asks for."""

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

    async def give(self, user: str, file: File) -> None:
        """Share the file with this person alone.

        Raises:
            SlackRefusedError: Slack's final no, with what to do about it.
            SlackUnavailableError: no clear answer; `unclear` when it may have arrived all the same.
        """
        try:
            channel, file_id = await self._prepared(user, file)
            await self._share(channel, file_id, file)
        except SlackRefusedError as error:
            why = _WHY.get(error.code, f"Slack says {error.code}")
            raise SlackRefusedError(
                f"I could not send you the file: {why}.", code=error.code
            ) from error
        except SlackUnavailableError as error:
            ask = (
                "It may have arrived all the same: look into your direct messages with me."
                if error.unclear
                else "Ask again in a while."
            )
            raise SlackUnavailableError(
                f"I could not send you the file: {str(error).rstrip('.')}. {ask}",
                unclear=error.unclear,
            ) from error

    async def _prepared(self, user: str, file: File) -> tuple[str, str]:
        """The person's direct messages, and the file handed over; nobody sees it yet."""
        try:
            return await self._direct_messages(user), await self._upload(file)
        except SlackUnavailableError as error:
            raise SlackUnavailableError(str(error)) from error

    async def _direct_messages(self, user: str) -> str:
        answer = await self._in_turn(
            "conversations.open",
            lambda: self._calls.call(
                "conversations.open", lambda: self._client.conversations_open(users=user)
            ),
        )
        return str(answer["channel"]["id"])

    async def _upload(self, file: File) -> str:
        answer = await self._in_turn(
            "files.getUploadURLExternal",
            lambda: self._calls.call(
                "files.getUploadURLExternal",
                lambda: self._client.files_getUploadURLExternal(
                    filename=file.name, length=len(file.content)
                ),
            ),
        )
        await self._send(str(answer["upload_url"]), file.content)
        return str(answer["file_id"])

    async def _send(self, url: str, content: bytes) -> None:
        try:
            async with self._session.post(
                url,
                data=content,
                headers={"Content-Type": "application/octet-stream"},
                timeout=aiohttp.ClientTimeout(total=PATIENCE),
                proxy=self._client.proxy,
            ) as response:
                status = response.status
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise SlackUnavailableError("Slack did not take the upload.") from error
        if status != 200:  # noqa: PLR2004 - OK
            raise SlackUnavailableError(f"Slack did not take the upload (HTTP {status}).")

    async def _share(self, channel: str, file_id: str, file: File) -> None:
        await self._in_turn(
            channel,
            lambda: self._calls.call(
                "files.completeUploadExternal",
                lambda: self._client.files_completeUploadExternal(
                    files=[{"id": file_id, "title": file.title}], channel_id=channel
                ),
            ),
        )

    async def _in_turn(
        self, lane: str, call: Callable[[], Awaitable[Mapping[str, Any]]]
    ) -> Mapping[str, Any]:
        """Through the one budget: behind what is urgent, and again after a 429."""
        answer: Mapping[str, Any] = await self._budget.post(lane, call, urgency=Urgency.ANSWER)
        return answer
