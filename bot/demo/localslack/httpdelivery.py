"""HTTP mode: events posted to the app's request URL, signed as Slack signs them."""

import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from urllib.parse import urlencode

import aiohttp

from bot.demo.localslack.errors import DeliveryError, Json
from bot.demo.localslack.fixtures import WorkspaceConfig


@dataclass(kw_only=True)
class HttpDelivery:
    """Delivers each event by one POST to `url`; see `socketmode.Delivery`."""

    config: WorkspaceConfig
    url: str

    async def deliver(self, kind: str, payload: Json, *, accepts_response: bool) -> Json | None:
        """Post an event and wait for the acknowledgement, which is the answer with HTTP 200."""
        form = payload if kind == "slash_commands" else {"payload": json.dumps(payload)}
        text = json.dumps(payload) if kind == "events_api" else urlencode(form)
        headers = {
            **signed(text, self.config.signing_secret),
            "Content-Type": "application/json"
            if kind == "events_api"
            else "application/x-www-form-urlencoded",
        }
        limit = aiohttp.ClientTimeout(total=self.config.ack_timeout)
        try:
            async with (
                aiohttp.ClientSession(timeout=limit) as session,
                session.post(self.url, data=text, headers=headers) as response,
            ):
                body = await response.text()
        except TimeoutError:
            raise DeliveryError("operation_timeout") from None
        except aiohttp.ClientError:
            raise DeliveryError("dispatch_failed") from None
        if response.status != 200:  # noqa: PLR2004 - HTTP's OK
            raise DeliveryError(f"http_status_{response.status}")
        return _answer(body) if accepts_response else None


def signed(text: str, secret: str, at: int | None = None) -> dict[str, str]:
    """The two headers that prove that a request is Slack's; `at` is a time in seconds."""
    stamp = str(int(time.time()) if at is None else at)
    base = f"v0:{stamp}:{text}".encode()
    digest = hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={digest}"}


def _answer(body: str) -> Json | None:
    try:
        answer = json.loads(body)
    except ValueError:
        return {"text": body} if body else None
    return answer if isinstance(answer, dict) and answer else None
