"""Figures, and the outside dead-man's switch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from bot.domain.incidents import Incident
from bot.domain.sample import SampleRound


class Pulse(Protocol):
    """The outside dead-man's switch."""

    async def beat(self) -> None:
        """Say that a tick went well; never raises."""
        ...


class Telemetry(Protocol):
    """Figures for `/metrics`."""

    def tick(self, *, seconds: float, lag: float, result: str) -> None:
        """One tick took so long, and began so much later than planned (both in seconds)."""
        ...

    def observe_round(self, round_: SampleRound) -> None:
        """Per queue and state counts."""
        ...

    def alerts(self, incidents: Sequence[Incident]) -> None:
        """Open alerts by rule, severity and state."""
        ...

    def leading(self, leads: bool) -> None:
        """Whether this replica leads."""
        ...

    def command(self, *, name: str, seconds: float, outcome: str) -> None:
        """A command or button was answered."""
        ...
