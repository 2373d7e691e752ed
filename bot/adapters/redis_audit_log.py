"""The audit log: a capped Redis stream. The bot appends to it and reads it, nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from redis.asyncio import Redis

from bot.adapters import keys
from bot.adapters.codec import Codec
from bot.adapters.redis_errors import speaking_to
from bot.domain.audit import AuditEntry, Outcome

AUDIT_KEPT: Final = 10_000
"""How many entries are kept, about; the oldest go first."""
_PAGE: Final = 500


class RedisAuditLog:
    """Entries under `{bullhorn}:audit`, each a JSON text in the field `entry`."""

    def __init__(self, *, client: Redis, kept: int = AUDIT_KEPT) -> None:
        self._client: Any = client
        self._kept = kept
        self._codec = Codec(AuditEntry)

    async def record(self, entry: AuditEntry) -> None:
        """Append."""
        with speaking_to(None):
            await self._client.xadd(
                keys.AUDIT, {"entry": self._codec.dump(entry)}, maxlen=self._kept, approximate=True
            )

    async def recent(self, *, limit: int, queue: str | None = None) -> list[AuditEntry]:
        """The newest entries, newest first; only those of `queue` when given.

        That something was begun is told only while nothing tells how it ended.
        """
        found: list[AuditEntry] = []
        ended: set[str | None] = set()
        upper = "+"
        while len(found) < limit:
            with speaking_to(None):
                rows = await self._client.xrevrange(keys.AUDIT, max=upper, count=_PAGE)
            for entry_id, fields in rows:
                entry = self._codec.load_or_drop(fields.get("entry", ""), what=entry_id)
                if entry is None or queue not in (None, entry.queue):
                    continue
                if entry.outcome is not Outcome.STARTED:
                    ended.add(entry.plan)
                elif entry.plan in ended:
                    continue
                found.append(replace(entry, id=entry_id))
            if len(rows) < _PAGE:
                break
            upper = f"({rows[-1][0]}"
        return found[:limit]
