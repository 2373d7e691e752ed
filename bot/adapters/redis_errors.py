"""Redis' exceptions turned into ours, without addresses or secrets in the text."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from redis import exceptions as redis_errors

from bot.errors import RedisUnavailableError

_REASONS: Final[tuple[tuple[type[BaseException], str], ...]] = (
    (redis_errors.AuthenticationError, "Redis refused the login"),
    (redis_errors.BusyLoadingError, "Redis is still loading its data"),
    (redis_errors.ReadOnlyError, "Redis is a read-only replica"),
    (redis_errors.OutOfMemoryError, "Redis is out of memory and refuses writes"),
    (redis_errors.NoPermissionError, "Redis does not permit a command that is needed"),
    (redis_errors.TimeoutError, "Redis did not answer in time"),
    (TimeoutError, "Redis did not answer in time"),
    (redis_errors.ConnectionError, "Redis does not answer"),
    (OSError, "Redis does not answer"),
)


def reason_of(error: BaseException) -> str:
    """Why a Redis cannot be used, in a few words."""
    for kind, reason in _REASONS:
        if isinstance(error, kind):
            return reason
    if "OOM" in str(error)[:80]:
        return "Redis is out of memory and refuses writes"
    return f"Redis answered with an error ({str(error).split(' ', 1)[0][:30]})"


@contextmanager
def redis_errors_translated() -> Iterator[None]:
    """Raise RedisUnavailableError for whatever Redis or the way to it raises.

    Raises:
        RedisUnavailableError: with `reason_of` as its text.
    """
    try:
        yield
    except (redis_errors.RedisError, OSError, TimeoutError) as error:
        raise RedisUnavailableError(reason_of(error)) from error
