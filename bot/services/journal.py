"""Writing the audit log: every mutation, refused ones too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import structlog

from bot.domain.access import Actor
from bot.domain.audit import AUDIT_JOBS, AuditEntry, Outcome
from bot.domain.policy import Catalog
from bot.domain.queues import QueueId
from bot.errors import RedisUnavailableError
from bot.ports import AuditLog, QueueReader

_log = structlog.get_logger(__name__)


class Journal:
    """Records who did what; also in the process' own log, which survives when Redis does not."""

    def __init__(self, *, audit: AuditLog, reader: QueueReader, catalog: Catalog) -> None:
        self._audit = audit
        self._reader = reader
        self._catalog = catalog

    async def record(
        self,
        actor: Actor,
        action: str,
        what: str,
        outcome: Outcome,
        *,
        queue: QueueId | str | None = None,
        jobs: Sequence[str] = (),
        job_count: int | None = None,
        detail: str = "",
        reason: str = "",
        plan: str | None = None,
        approver: str | None = None,
        filter: str = "",  # noqa: A002 - the entry's own word
        counts: Mapping[str, int] | None = None,
        word: str = "",
        asked_by: str | None = None,
        ended_by: str | None = None,
        once: str = "",
    ) -> bool:
        """Append an entry; False when Redis took it not (it is in the log then, and only there).

        `queue` may be a queue's address as people say it. `filter` says in words which jobs were
        chosen, `approver` is the second person's id, `counts` the outcome's numbers by name.
        `word`, `asked_by` and `ended_by` are as the entry has them.
        With `once`, only the first entry of that name is written, whoever else may try.
        """
        entry = AuditEntry(
            at=0, user=actor.user, channel=actor.channel, action=action, what=what,
            outcome=outcome, word=word, asked_by=asked_by, ended_by=ended_by,
            queue=self._catalog.address(queue) if isinstance(queue, QueueId) else queue,
            jobs=tuple(jobs[:AUDIT_JOBS]),
            job_count=len(jobs) if job_count is None else job_count,
            detail=detail, reason=reason, plan=plan, approver=approver, filter=filter,
            counts=tuple((counts or {}).items()),
        )  # fmt: skip
        return await self._store(entry, once, where=str(queue) if queue else None)

    async def _store(self, entry: AuditEntry, once: str, *, where: str | None) -> bool:
        """Append it with Redis' time, and log it, with the queue in full; each once."""
        new, lost = True, ""
        try:
            timed = replace(entry, at=await self._reader.now())
            new = await self._audit.record(timed, once=once)
        except RedisUnavailableError as error:
            lost = str(error)
        if new:
            _log.info(
                "audit", user=entry.user, channel=entry.channel, action=entry.action,
                what=entry.what, outcome=entry.outcome.value, queue=where, detail=entry.detail,
                plan=entry.plan, approver=entry.approver, filter=entry.filter,
                counts=dict(entry.counts), word=entry.word, asked_by=entry.asked_by,
                ended_by=entry.ended_by,
            )  # fmt: skip
        if lost:
            _log.error("audit entry could not be stored", reason=lost)
        return not lost
