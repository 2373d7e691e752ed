"""Redis' exceptions turned into ours, without addresses or secrets in the text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import redis.exceptions as problems

from bot.adapters.redis_sentinel import UnknownServiceError
from bot.errors import RedisUnavailableError

_NO_MULTI: Final = "EXEC without MULTI"
"""All that redis-py raises where MULTI was refused."""
_DENIALS: Final = ("NOPERM", "ACL failure in script", "The user executing the script can't")
"""What stands in other errors than NOPERM: in a transaction's; in a script's, since Redis 7.2 and
before.
"""
_COMMAND: Final = re.compile(r"the '([a-z_|-]{1,40})' command")


@contextmanager
def speaking_to(source: str | None) -> Iterator[None]:
    """Turn what redis-py raises into RedisUnavailableError, with a text that holds no secret.

    `source` names one of the config's; None is Bullhorn's own Redis.
    """
    name = "Bullhorn's own Redis" if source is None else f'Redis "{source}"'
    try:
        yield
    except (problems.RedisError, OSError, TimeoutError) as error:
        raise RedisUnavailableError(f"{name} {_what_is_wrong(error)}.") from error


def node_problem(source: str, error: BaseException) -> str:
    """What is wrong with one node of a cluster, as a sentence."""
    return f'A node of Redis "{source}" {_what_is_wrong(error)}.'


def denied(error: BaseException | None) -> str:
    """What Bullhorn's user may not do, as the rest of a sentence; "" where that is not the error.

    It names the command, unless the server does not: so Redis before 7.2 of those of scripts.
    """
    text = str(error)
    said = isinstance(error, problems.NoPermissionError) or any(one in text for one in _DENIALS)
    if not said and text != _NO_MULTI:
        return ""
    found = _COMMAND.search(text)
    name = found[1] if found else "multi" if text == _NO_MULTI else ""
    return f"does not permit this to Bullhorn's user{name and f' ({name})'}"


def _what_is_wrong(error: BaseException) -> str:
    """Why a Redis did not do what it was asked: the most telling kind first."""
    kinds: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], str], ...] = (
        ((problems.AuthenticationError, problems.AuthorizationError), "refuses the login"),
        (problems.BusyLoadingError, "is loading its data"),
        (problems.ReadOnlyError, "does not take writes: it is a replica"),
        (problems.OutOfMemoryError, "does not take writes: it is out of memory"),
        (problems.MaxConnectionsError, "has no free connection"),
        ((problems.TimeoutError, TimeoutError), "did not answer in time"),
        (UnknownServiceError, "is a service that its Sentinels do not know"),
        (problems.ClusterDownError, "is a cluster that is down: some of its slots have no node"),
        ((problems.AskError, problems.TryAgainError), "is moving these keys to another node"),
        ((problems.ConnectionError, OSError), "cannot be reached"),
    )
    of_kind = (text for kind, text in kinds if isinstance(error, kind))
    return denied(error) or next(of_kind, None) or _by_text(error)


def _by_text(error: BaseException) -> str:
    text = str(error)
    if text.startswith(("MISCONF", "NOREPLICAS")):
        return "does not take writes: it cannot save them"
    if "non local key" in text:  # what a script says of keys on their way in a cluster
        return "is moving these keys to another node"
    if text.startswith("BUSY"):
        return "is busy with a script"
    if "cluster support disabled" in text:
        return "is one server, not a cluster: its address should begin with redis://"
    return f"answered with an error ({_first_word(text)})"


def _first_word(text: str) -> str:
    word = text.split(" ", 1)[0]
    return word if word.isupper() else "ERR"
