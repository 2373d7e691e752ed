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


def _viewers(value: Any) -> Any:
    if value == "everyone":
        return None
    if not isinstance(value, list):
        raise hint(f"should be everyone or a list of ids, not {shown(value)}.")
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
