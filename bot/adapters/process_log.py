"""The process' own log: structlog, JSON or console, with every known secret masked."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping, Sequence
from typing import Any, Final

import structlog
from structlog.typing import Processor

_MASK: Final = "••••"
_TICKET: Final = re.compile(r"(ticket=)[^&\s'\"<>]+")
"""Part of the address of a Socket Mode connection: whoever has it can connect in our place."""
_LIBRARIES: Final = (
    "slack_bolt", "slack_sdk", "apscheduler", "aiohttp", "asyncio", "simple_salesforce", "urllib3"
)  # fmt: skip


class SecretMask:
    """A structlog processor that replaces known secrets wherever they stand in an event."""

    def __init__(self, *, secrets: Sequence[str]) -> None:
        # Longest first, so that a secret which holds another is masked whole.
        self._secrets = sorted({s for s in secrets if len(s) > 3}, key=len, reverse=True)  # noqa: PLR2004

    def __call__(
        self, _logger: Any, _method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        """Mask every text of the event."""
        for key, value in event.items():
            event[key] = self._masked(value)
        return event

    def _masked(self, value: Any) -> Any:
        if isinstance(value, str):
            for secret in self._secrets:
                value = value.replace(secret, _MASK)
            return _TICKET.sub(rf"\1{_MASK}", value)
        if isinstance(value, dict):
            return {key: self._masked(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._masked(item) for item in value]
        if value is None or isinstance(value, (bool, int, float)):
            return value
        return self._masked(str(value))


def set_up(*, level: str, console: bool, secrets: Sequence[str]) -> None:
    """Send structlog and the libraries' logging to stdout, one event a line."""
    mask = SecretMask(secrets=secrets)
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    rendered: Processor = (
        structlog.dev.ConsoleRenderer(
            colors=sys.stdout.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
        if console
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    last: list[Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        mask,
        rendered,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=last)
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _LIBRARIES:
        # The libraries' own chatter is for debugging only.
        quiet = logging.DEBUG if level.lower() == "debug" else logging.WARNING
        logging.getLogger(name).setLevel(quiet)
    # A pass that still runs when the next is due is nothing to worry about.
    logging.getLogger("apscheduler.executors").setLevel(logging.ERROR)
    logging.getLogger("apscheduler.scheduler").setLevel(logging.ERROR)
