"""The outside dead-man's switch: told after good ticks, so that silence means trouble."""

from __future__ import annotations

from collections.abc import Callable

from bot.domain.times import Ms
from bot.ports import Pulse


class Heartbeat:
    """Beats after a good tick, no more often than `every` ms."""

    def __init__(self, *, pulse: Pulse, every: Ms, clock: Callable[[], Ms]) -> None:
        self._pulse = pulse
        self._every = every
        self._clock = clock
        self._last: Ms | None = None

    async def good_tick(self) -> None:
        """A tick went well."""
        now = self._clock()
        if self._last is None or now - self._last >= self._every:
            self._last = now
            await self._pulse.beat()
