"""What came of a pause or a resume."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseOutcome:
    """`changed` False: the queue was so already, and nothing was switched.

    `gathered` counts jobs that lay in the list which the queue's BullMQ does not look at in that
    state (another BullMQ had put them there) and were taken in, so that none of them is lost.
    """

    changed: bool
    gathered: int = 0
