"""From what goes wrong with Salesforce to the error tree. No text quotes an address or a token."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import requests
from simple_salesforce.exceptions import SalesforceError, SalesforceExpiredSession

from bot.domain.redaction import mask_text
from bot.errors import BullhornError, SalesforceRefusedError, SalesforceUnavailableError

AWAY: Final = "Salesforce did not answer. Try again in a minute; https://status.salesforce.com."
NOT_UNDERSTOOD: Final = "Salesforce answered something that I do not understand."
BUSY: Final = frozenset({"REQUEST_LIMIT_EXCEEDED", "SERVER_UNAVAILABLE", "UNABLE_TO_LOCK_ROW"})
"""Error codes of what passes by itself."""
_LONGEST: Final = 200
_NOT_FOUND, _TOO_MANY, _SERVER_ERROR = 404, 429, 500

CAUGHT: Final = (
    SalesforceError,
    requests.RequestException,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
)
"""What a call to the library may raise: its own errors, those of HTTP, and those over odd JSON."""


def is_expired(error: BaseException) -> bool:
    """Whether a new session would help."""
    return isinstance(error, SalesforceExpiredSession) and code_of(error) == "INVALID_SESSION_ID"


def code_of(error: SalesforceError) -> str:
    """Salesforce's error code, "" where the answer holds none."""
    return str(_first(error).get("errorCode") or "")


def translated(error: Exception, *, changes: bool) -> BullhornError:
    """The error for the person; `changes`: the call was to change something."""
    if isinstance(error, BullhornError):
        return error
    if isinstance(error, SalesforceError):
        return _answered(error, changes=changes)
    if isinstance(error, requests.exceptions.InvalidJSONError):
        return SalesforceUnavailableError(NOT_UNDERSTOOD, unclear=changes)
    if isinstance(error, requests.ConnectTimeout):
        return SalesforceUnavailableError(AWAY)
    if isinstance(error, requests.RequestException):
        return SalesforceUnavailableError(AWAY, unclear=changes)
    return SalesforceUnavailableError(NOT_UNDERSTOOD, unclear=changes)


def _answered(error: SalesforceError, *, changes: bool) -> BullhornError:
    code, status = code_of(error), int(error.status)
    if code == "REQUEST_LIMIT_EXCEEDED":
        return SalesforceUnavailableError(
            "The day's API requests of this Salesforce are used up, or too many run at once. "
            "Try again later."
        )
    if status == _TOO_MANY or code in BUSY:
        return SalesforceUnavailableError("Salesforce asks to wait. Try again in a minute.")
    if status >= _SERVER_ERROR:
        return SalesforceUnavailableError(AWAY, unclear=changes)
    if isinstance(error, SalesforceExpiredSession):
        text = "Salesforce does not accept the session that it gave at the login."
        return SalesforceRefusedError(f"{text} Check that the user may use the API.", code=code)
    if status == _NOT_FOUND:
        text = "Salesforce has no such object or version of the API, or its user may not see it."
        return SalesforceRefusedError(f"{text} Check `salesforce:` in the config.", code=code)
    said = reason(_first(error)) or f"HTTP {status}"
    return SalesforceRefusedError(f"Salesforce refuses: {said}.", code=code)


def reason(error: Mapping[str, Any]) -> str:
    """One of Salesforce's errors as "CODE: its message", masked, short and on one line."""
    code = str(error.get("statusCode") or error.get("errorCode") or "")
    said = " ".join(str(error.get("message") or "").split()).rstrip(".")
    text = mask_text(f"{code}: {said}" if code and said else code or said)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _first(error: SalesforceError) -> Mapping[str, Any]:
    content: Any = error.content
    first = content[0] if isinstance(content, list) and content else content
    return first if isinstance(first, Mapping) else {}
