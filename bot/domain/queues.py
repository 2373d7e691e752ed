"""The identity of a queue: (source, prefix, name), everywhere."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class QueueId:
    """One BullMQ queue.

    `source` names a Redis of the config, `prefix` is BullMQ's key prefix, `name` the queue's name.
    """

    source: str
    prefix: str
    name: str

    def key(self, suffix: str) -> str:
        """The Redis key `prefix:name:suffix` of this queue."""
        return f"{self.prefix}:{self.name}:{suffix}"

    @property
    def qualified(self) -> str:
        """`source/name`: how people tell queues of the same name in several sources apart."""
        return f"{self.source}/{self.name}"

    def __str__(self) -> str:
        return f"{self.source}/{self.prefix}/{self.name}"

    @classmethod
    def parse(cls, text: str) -> QueueId:
        """Read what `str()` wrote; a name may itself hold slashes.

        Raises:
            ValueError: when there are not three parts.
        """
        source, prefix, name = text.split("/", 2)
        return cls(source, prefix, name)
