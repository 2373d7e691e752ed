"""The bare Bolt app that commands are compared with: Socket Mode, and nothing but the ack."""

from __future__ import annotations

import asyncio
import os

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient


async def _run() -> None:
    token = os.environ["SLACK_BOT_TOKEN"]
    app = AsyncApp(client=AsyncWebClient(token=token, base_url=os.environ["SLACK_API_URL"]))

    @app.command("/queue")
    async def take(ack) -> None:
        await ack()

    handler = AsyncSocketModeHandler(app, os.environ["SLACK_APP_TOKEN"], web_client=app.client)
    await handler.connect_async()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_run())
