"""The heartbeat: a GET to an outside dead-man's switch."""

from __future__ import annotations

import aiohttp
import structlog

_log = structlog.get_logger(__name__)
_TIMEOUT = aiohttp.ClientTimeout(total=10)


class HttpPulse:
    """Satisfies `ports.Pulse`. The address may hold a secret and is never logged."""

    def __init__(self, *, url: str, session: aiohttp.ClientSession) -> None:
        self._url = url
        self._session = session

    async def beat(self) -> None:
        """Call the address; a failure is logged and no more: the switch itself will tell."""
        try:
            async with self._session.get(self._url, timeout=_TIMEOUT) as response:
                if response.status >= 400:  # noqa: PLR2004 - HTTP's errors
                    _log.warning("heartbeat was not taken", status=response.status)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            _log.warning("heartbeat failed", reason=type(error).__name__)


class NoPulse:
    """When no heartbeat is configured."""

    async def beat(self) -> None:
        """Do nothing."""
