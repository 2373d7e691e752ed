"""The audit log: a capped Redis stream. The bot appends to it and reads it, nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from redis.asyncio import Redis

from bot.adapters import keys
from bot.adapters.codec import Codec
from bot.adapters.redis_errors import speaking_to
from bot.domain.audit import AuditEntry, Outcome
from bot.domain.times import DAY, Ms

AUDIT_KEPT: Final = 10_000
"""How many entries are kept unless the config says otherwise; the oldest go first."""
_PAGE: Final = 500
REMEMBERED: Final[Ms] = 7 * DAY
"""How long an entry that is written once is known."""

_APPEND = """
if ARGV[3] ~= '' and not redis.call('SET', KEYS[2], '1', 'NX', 'PX', ARGV[3]) then return 0 end
redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[2], '*', 'entry', ARGV[1])
return 1
"""


class RedisAuditLog:
    """Entries under `{bullhorn}:audit`, each a JSON text in the field `entry`."""

    def __init__(self, *, client: Redis, kept: int = AUDIT_KEPT) -> None:
        self._client: Any = client
        self._kept = kept
        self._codec = Codec(AuditEntry)
        self._append = self._client.register_script(_APPEND)

    @property
    def kept(self) -> int:
        """How many entries are kept, at least: Redis trims whole blocks of some hundred."""
        return self._kept

    async def record(self, entry: AuditEntry, *, once: str = "") -> bool:
        """Append; with `once`, only the first entry of that name. Whether it was appended."""
        with speaking_to(None):
            return bool(
                await self._append(
                    keys=[keys.AUDIT, keys.once(once)],
                    args=[self._codec.dump(entry), self._kept, once and REMEMBERED],
                )
            )

    async def recent(
        self,
        *,
        limit: int,
        queue: str | None = None,
        since: Ms | None = None,
        sees: Callable[[str | None], bool] | None = None,
        begun: bool = False,
    ) -> list[AuditEntry]:
        """The newest entries, newest first; see the port."""
        found: list[AuditEntry] = []
        ended: set[str | None] = set()
        upper = "+"
        while len(found) < limit:
            with speaking_to(None):
                rows = await self._client.xrevrange(keys.AUDIT, max=upper, count=_PAGE)
            page = [(entry_id, entry) for entry_id, entry in map(self._read, rows) if entry]
            for entry_id, entry in page:
                if queue not in (None, entry.queue) or (sees and not sees(entry.queue)):
                    continue
                if since is not None and entry.at < since:
                    continue
                if entry.outcome in (Outcome.DONE, Outcome.FAILED):
                    ended.add(entry.plan)
                elif entry.outcome is Outcome.STARTED and not begun and entry.plan in ended:
                    continue
                found.append(replace(entry, id=entry_id))
            # Entries are in the order they were written: a whole page from before ends it.
            before = since is not None and page and all(entry.at < since for _, entry in page)
            if len(rows) < _PAGE or before:
                break
            upper = f"({rows[-1][0]}"
        return found[:limit]

    def _read(self, row: tuple[str, dict[str, str]]) -> tuple[str, AuditEntry | None]:
        entry_id, fields = row
        return entry_id, self._codec.load_or_drop(fields.get("entry", ""), what=entry_id)
