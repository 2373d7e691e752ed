"""How large the next batch of a long operation is, so that a shared Redis never feels it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

MOST: Final = 500
"""Jobs in one batch, and in one call, at most."""
LEAST: Final = 10
SLOW: Final = 0.050
"""Seconds of a batch's latency over which the next one is half as large, unless configured."""
_STEADY: Final = 4
"""So many quick batches in a row before a larger one is tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """The size of the next batch, and what it is judged by.

    `slow` is in seconds; `rate` is a most of jobs a second, None for as fast as Redis takes it.
    """

    size: int = MOST
    slow: float = SLOW
    rate: float | None = None
    quick: int = 0

    def after(self, seconds: float) -> Pace:
        """The pace after a batch that took so long: half when it was slow, a little more if not."""
        if seconds > self.slow:
            return replace(self, size=max(LEAST, self.size // 2), quick=0)
        if self.quick + 1 < _STEADY:
            return replace(self, quick=self.quick + 1)
        return replace(self, size=min(MOST, self.size + max(1, self.size // 4)), quick=0)

    @property
    def batch(self) -> int:
        """Jobs in the next batch: with a rate, what it allows in half a second, at least one."""
        if self.rate is None:
            return self.size
        return max(1, min(self.size, int(self.rate / 2)))

    def rest(self, jobs: int, seconds: float) -> float:
        """How many seconds to wait after a batch of so many jobs that took so long."""
        return 0.0 if self.rate is None else max(0.0, jobs / self.rate - seconds)
