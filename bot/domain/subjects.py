"""What jobs are about: the value at a dotted path of their data, such as an order or a SIM."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from bot.domain.times import Ms


@dataclass(frozen=True, slots=True, kw_only=True)
class JobAbout:
    """A job that is about a value. `state` is the name of BullMQ's set that it is in."""

    id: str
    state: str
    created_at: Ms | None = None
    started_at: Ms | None = None
    finished_at: Ms | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobsAbout:
    """The jobs about each of the values that were asked for; values without any are left out.

    `complete` is False when there were more jobs than are looked at. `unread` counts jobs whose
    data was passed over: over 64 KB, or no JSON; `unread_ids` are the first of them.
    """

    found: Mapping[str, tuple[JobAbout, ...]] = field(default_factory=lambda: MappingProxyType({}))
    complete: bool = True
    unread: int = 0
    unread_ids: frozenset[str] = frozenset()

    @property
    def sure(self) -> bool:
        """Whether there is no job about a value that none was found for."""
        return self.complete and not self.unread


def value_at(data: Any, path: str) -> str | None:
    """What is at a dotted path of a job's decoded data, as text; None where nothing to compare is.

    Numbers count as their digits.
    """
    for step in path.split("."):
        if not isinstance(data, Mapping):
            return None
        data = data.get(step)
    if isinstance(data, bool) or not isinstance(data, str | int) or data == "":
        return None
    return str(data)
