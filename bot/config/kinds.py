"""The kinds of value a config file holds: durations, channels, ids, addresses."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from bot.config.texts import quoted, short, shown
from bot.domain.policy import Retryable
from bot.domain.times import SECOND, Ms, parse_duration
from bot.errors import UsageError

HINT: Final = "hint"
"""The type of an error whose text is already the sentence the user should read."""

LEAST_KEPT: Final = 100
MOST_KEPT: Final = 100_000
"""An entry takes about half a KB in Redis, and `history --csv` reads all of them."""

_RETRYABLE: Final[dict[bool | str, Retryable]] = {
    True: Retryable.YES,
    False: Retryable.AFTER_FIX,
    "after_min_gap": Retryable.AFTER_GAP,
    "unknown": Retryable.UNKNOWN,
}


def hint(text: str) -> PydanticCustomError:
    """An error that says `text`."""
    return PydanticCustomError(HINT, "{text}", {"text": text})


def _duration(value: Any) -> Ms:
    if isinstance(value, dict | list | None):
        raise hint(f"should be a duration such as 30s, 5m, 2h or 7d, not {shown(value)}.")
    try:
        return parse_duration(short(value) if isinstance(value, str) else shown(value))
    except UsageError as error:
        raise hint(str(error)) from None


def _some_time(value: Ms) -> Ms:
    if value < SECOND:
        raise hint("should be 1s or more.")
    return value


def _retryable(value: Any) -> Retryable:
    if isinstance(value, bool | str) and value in _RETRYABLE:
        return _RETRYABLE[value]
    raise hint(f"should be true, false or after_min_gap, not {shown(value)}.")


def _version(value: Any) -> Any:
    """Without quotes, YAML reads a version such as 62.0 as a number."""
    return str(value) if isinstance(value, float) else value


def _viewers(value: Any) -> Any:
    if value == "everyone":
        return None
    if not isinstance(value, list):
        raise hint(f"should be everyone or a list of ids, not {shown(value)}.")
    return value


def _channels(value: Any) -> Any:
    if value == "everywhere":
        return None
    if not isinstance(value, list):
        raise hint(f"should be everywhere or a list of channel ids, not {shown(value)}.")
    return value


def _kept(value: int) -> int:
    if not LEAST_KEPT <= value <= MOST_KEPT:
        raise hint(f"should be between {LEAST_KEPT} and {MOST_KEPT}, not {value}.")
    return value


def _matching(pattern: str, text: str) -> Callable[[str], str]:
    """A check that the whole value matches; `text` follows the quoted value in the error."""
    compiled = re.compile(pattern)

    def check(value: str) -> str:
        if compiled.fullmatch(value) is None:
            raise hint(f"{quoted(value)} {text}")
        return value

    return check


Duration = Annotated[Ms, BeforeValidator(_duration)]
"""`30s`, `5m`, `2h` or `7d`; nought is allowed."""

SomeTime = Annotated[Ms, BeforeValidator(_duration), AfterValidator(_some_time)]
"""A duration of at least a second."""

Count = Annotated[int, Field(ge=0, le=10**9)]
"""A whole number."""

SomeCount = Annotated[int, Field(ge=1, le=10**6)]
"""A whole number, one or more."""

CanRetry = Annotated[Retryable, BeforeValidator(_retryable)]
"""`true`, `false` (only after the cause is fixed), `after_min_gap` or `unknown`."""

Channel = Annotated[
    str,
    AfterValidator(
        _matching(
            r"[CGD][A-Z0-9]+|#[^\s#]{1,80}",
            'is not a channel. Give its id, as C0123ABCD, or its name, as "#incidents".',
        )
    ),
]
"""A channel's id or `#name`."""

SlackId = Annotated[
    str,
    AfterValidator(
        _matching(
            r"[UWS][A-Z0-9]+",
            "is not the id of a user or a user group. Ids begin with U, W or S, as U0123ABCD.",
        )
    ),
]
"""The id of a user or a user group."""

Viewers = Annotated[list[SlackId] | None, BeforeValidator(_viewers)]
"""A list of ids; None is `everyone`."""

ChannelId = Annotated[
    str,
    AfterValidator(
        _matching(
            r"[CGD][A-Z0-9]+",
            "is not the id of a channel. Ids begin with C, G or D, as C0123ABCD.",
        )
    ),
]
"""A channel's id: a name will not do where one is compared with where a person is."""

Channels = Annotated[list[ChannelId] | None, BeforeValidator(_channels)]
"""A list of channel ids; None is `everywhere`."""

Kept = Annotated[int, Field(ge=0), AfterValidator(_kept)]
"""How many entries of the audit log are kept."""

Word = Annotated[str, AfterValidator(_matching(r"(?s).*\S.*", "should not be empty."))]
"""Text that is not blank."""

KeyPart = Annotated[
    str, AfterValidator(_matching(r"[^/\s]+", 'should be a word without "/" and spaces.'))
]
"""A source's name or BullMQ's key prefix; they are joined by `/` in a queue's identity."""

Link = Annotated[
    str,
    AfterValidator(
        _matching(r"https?://[^\s<>|]+", "is not an address that begins with https://.")
    ),
]
"""An address that Slack can link to."""

ApiName = Annotated[
    str,
    AfterValidator(
        _matching(
            r"[A-Za-z][A-Za-z0-9_]{0,79}",
            "is not the API name of an object or a field, as Activation_Status__c.",
        )
    ),
]
"""The API name of an object or a field in Salesforce; it becomes part of queries."""

ApiVersion = Annotated[
    str,
    BeforeValidator(_version),
    AfterValidator(
        _matching(r"[1-9][0-9]{1,2}\.0", "is not a version of Salesforce's API, as 62.0.")
    ),
]
"""A version of Salesforce's API."""

DataPath = Annotated[
    str,
    AfterValidator(
        _matching(r"[^.\s]+(\.[^.\s]+)*", "is not a path in a job's data, as order.sfOrderId.")
    ),
]
"""Where a value is in a job's data: keys with dots between them."""
