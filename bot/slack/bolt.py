"""The Bolt app, the same for Socket Mode and HTTP mode."""

from __future__ import annotations

import logging

from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.listeners import Listeners


def build(
    *, client: AsyncWebClient, token: str, signing_secret: str | None, listeners: Listeners
) -> AsyncApp:
    """Make the app and register the listeners; the signing secret is for HTTP mode only.

    There is one workspace and its token is known, so Bolt need not ask Slack (`auth.test`) before
    the first ack, which would be late or lost while Slack is slow.
    """

    async def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id, bot_token=token)

    # Bolt finds SLACK_BOT_TOKEN by itself too, and warns that it will not use it.
    logger = logging.getLogger("slack_bolt.app")
    logger.setLevel(logging.ERROR)
    app = AsyncApp(logger=logger, client=client, authorize=authorize, signing_secret=signing_secret)
    logger.setLevel(logging.NOTSET)
    listeners.register(app)
    return app
