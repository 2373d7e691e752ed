"""What may be done to a queue of which BullMQ.

The source is what was seen with real workers of each version: the official package speaks BullMQ
6, and loses jobs of paused queues before 6 (they keep waiting jobs in another list), and
prioritized jobs on 3 (which never reads the set they are put into). An unknown version may be any,
3 too: BullMQ writes `meta.version` only since 3.16.2, 4.18.2 and about 5.22.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bot.errors import PausedError, RefusedError


class Action(StrEnum):
    """A change to a queue, as the table names it."""

    RETRY = "retry"
    PROMOTE = "promote"
    FRESH = "fresh attempts"
    PAUSE = "pause"
    RESUME = "resume"
    UNSTICK = "unstick"
    REMOVE = "remove"
    CLEAN = "clean"
    DRAIN = "drain"
    OBLITERATE = "obliterate"


class Permission(StrEnum):
    """A cell of the table."""

    YES = "yes"
    NOT_PAUSED = "not paused"
    NOT_PRIORITIZED_NOT_PAUSED = "not prioritized, not paused"
    OUR_SCRIPT = "our script"
    PACKAGE_SCRIPT = "the package's"
    NO = "no"


UNKNOWN: Final = None
_P = Permission

_RETRY = {
    3: _P.NOT_PRIORITIZED_NOT_PAUSED,
    4: _P.NOT_PAUSED,
    5: _P.NOT_PAUSED,
    6: _P.YES,
    UNKNOWN: _P.NOT_PRIORITIZED_NOT_PAUSED,
}
_PAUSE = {
    3: _P.OUR_SCRIPT,
    4: _P.OUR_SCRIPT,
    5: _P.OUR_SCRIPT,
    6: _P.PACKAGE_SCRIPT,
    UNKNOWN: _P.NO,
}
_CLEAR = {3: _P.NOT_PAUSED, 4: _P.NOT_PAUSED, 5: _P.NOT_PAUSED, 6: _P.YES, UNKNOWN: _P.NOT_PAUSED}

TABLE: Final[dict[Action, dict[int | None, Permission]]] = {
    Action.RETRY: _RETRY,
    Action.PROMOTE: _RETRY,
    Action.FRESH: {3: _P.NO, 4: _P.NO, 5: _P.YES, 6: _P.YES, UNKNOWN: _P.NO},
    Action.PAUSE: _PAUSE,
    Action.RESUME: _PAUSE,
    Action.UNSTICK: _CLEAR,
    Action.REMOVE: _CLEAR,
    Action.CLEAN: _CLEAR,
    Action.DRAIN: _CLEAR,
    # The queue must be paused for it, and nothing of it is left to be lost.
    Action.OBLITERATE: {3: _P.YES, 4: _P.YES, 5: _P.YES, 6: _P.YES, UNKNOWN: _P.YES},
}

_VERSION = re.compile(r"bullmq:(\d+)(?:\.|$)")
_KNOWN = range(3, 7)


def major_version(meta_version: str | None, configured: int | None = None) -> int | None:
    """The BullMQ major a queue is taken for; None is unknown.

    `meta_version` is what the last Node `Queue` wrote ("bullmq:5.81.0"). `configured` fills in
    where it is missing; where both are known and differ the fleet is mixed, and the lower one,
    which allows less in every row of the table, counts.
    """
    match = _VERSION.match(meta_version or "")
    seen = int(match[1]) if match and int(match[1]) in _KNOWN else None
    if match and seen is None:
        return UNKNOWN
    if seen is None or configured is None:
        return seen if seen is not None else configured
    return min(seen, configured)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is allowed now: whether prioritized jobs must be left out of it."""

    leave_out_prioritized: bool = False


def allow(action: Action, *, major: int | None, paused: bool) -> Allowance:
    """Look the cell up.

    Raises:
        PausedError, RefusedError: with the reason and what to do.
    """
    permission = TABLE[action].get(major, TABLE[action][UNKNOWN])
    who = f"BullMQ {major}" if major is not None else "an unknown BullMQ version"
    if permission is Permission.NO:
        if action is Action.FRESH:
            raise RefusedError(
                f"Fresh attempts do nothing on {who}. Retry without --fresh: each job gets one try."
            )
        raise RefusedError(
            f"The queue runs {who}, and {action} is not safe there. "
            "Set `bullmq:` for this queue in the config when you know the version."
        )
    needs_running = permission in (_P.NOT_PAUSED, _P.NOT_PRIORITIZED_NOT_PAUSED)
    if needs_running and paused:
        raise PausedError(
            f"The queue is paused and runs {who}: {action} could lose jobs there. Resume it first."
        )
    return Allowance(leave_out_prioritized=permission is _P.NOT_PRIORITIZED_NOT_PAUSED)
