"""One Slack Web API call: its failures told apart, counted, and turned into ours.

What matters is whether a failed call may have taken effect: chat.postMessage has no idempotency
key, so only a clear "no" may be sent again without looking first.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import aiohttp
from slack_sdk.errors import SlackApiError

from bot.adapters.slack_budget import RateLimitedError
from bot.errors import SlackRefusedError, SlackUnavailableError

# Slack answered, but its own doing failed: it may have taken effect.
_UNCLEAR: Final = frozenset(
    {"fatal_error", "internal_error", "request_timeout", "service_unavailable"}
)
_NEVER_SENT: Final = (aiohttp.ClientConnectorError,)
Count = Callable[[str, str], None]
"""Takes the method and the result ("ok", an error name, "timeout", ...)."""


class SlackCalls:
    """Makes calls through an AsyncWebClient that has no retry handlers of its own."""

    def __init__(self, *, count: Count) -> None:
        self._count = count

    async def call(self, method: str, call: Callable[[], Awaitable[Any]]) -> Mapping[str, Any]:
        """Make the call.

        Raises:
            RateLimitedError: 429; it had no effect.
            SlackUnavailableError: no clear answer; `unclear` when it may have taken effect.
            SlackRefusedError: Slack's final no.
        """
        try:
            response = await call()
        except SlackApiError as error:
            raise self._refusal(method, error) from error
        except _NEVER_SENT as error:
            self._count(method, "unreachable")
            raise SlackUnavailableError("Slack does not answer.") from error
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            self._count(method, "timeout" if isinstance(error, TimeoutError) else "broken")
            raise SlackUnavailableError("Slack did not answer clearly.", unclear=True) from error
        self._count(method, "ok")
        data: Mapping[str, Any] = response.data if isinstance(response.data, dict) else {}
        return data

    def _refusal(self, method: str, error: SlackApiError) -> Exception:
        status = error.response.status_code
        data = error.response.data if isinstance(error.response.data, dict) else {}
        code = str(data.get("error", "")) or f"http_{status}"
        self._count(method, code)
        if status == 429 or code == "ratelimited":  # noqa: PLR2004 - HTTP's Too Many Requests
            return RateLimitedError(_retry_after(error.response.headers))
        if status >= 500 or code in _UNCLEAR or not data:  # noqa: PLR2004 - HTTP's server errors
            return SlackUnavailableError(f"Slack failed ({code}).", unclear=True)
        return SlackRefusedError(f"Slack refuses {method}: {code}.", code=code)


def _retry_after(headers: Mapping[str, Any]) -> float:
    for name, value in headers.items():
        if name.lower() == "retry-after":
            text = value[0] if isinstance(value, list) else value
            try:
                return max(0.1, float(text))
            except ValueError:
                break
    return 1.0
