"""Domain dataclasses to JSON and back, for Bullhorn's own keys."""

from __future__ import annotations

from typing import Generic, TypeVar

import structlog
from pydantic import TypeAdapter, ValidationError

T = TypeVar("T")
_log = structlog.get_logger(__name__)


class Codec(Generic[T]):
    """Writes and reads one type. Fields that a newer replica added are passed over."""

    def __init__(self, kind: type[T]) -> None:
        self._kind = kind
        self._adapter: TypeAdapter[T] = TypeAdapter(kind)

    def dump(self, value: T) -> str:
        """The value as JSON."""
        return self._adapter.dump_json(value).decode()

    def load(self, text: str) -> T:
        """The value that `dump` wrote.

        Raises:
            ValueError: the text is not such a value.
        """
        return self._adapter.validate_json(text)

    def load_or_drop(self, text: str, *, what: str) -> T | None:
        """As `load`; an unreadable record is dropped and logged, as it must not stop all."""
        try:
            return self.load(text)
        except ValidationError as error:
            _log.error(
                "unreadable record dropped",
                kind=self._kind.__name__,
                what=what,
                error=str(error)[:200],
            )
            return None
