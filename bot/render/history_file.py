"""`history --csv`: the audit log as a file for a spreadsheet."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from bot.domain.audit import AuditEntry
from bot.domain.message import File
from bot.domain.policy import Catalog
from bot.domain.redaction import mask_text
from bot.domain.times import Ms
from bot.render.history import policy_of

COLUMNS: Final = (
    "time",
    "user",
    "channel",
    "action",
    "what",
    "filter",
    "queue",
    "outcome",
    "detail",
    "counts",
    "approver",
    "reason",
    "job_count",
    "jobs",
    "plan",
    "id",
    "asked_by",
    "ended_by",
)
"""The first line. New columns come at the end: people's own sheets count on the order."""

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a spreadsheet takes for a formula's begin (OWASP, CSV injection)."""

_NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9._-]+")


def table(entries: Sequence[AuditEntry], queue: str | None, now: Ms, *, catalog: Catalog) -> File:
    """The entries as they come; `queue` is the one asked for, None for all.

    UTF-8 with a byte order mark, without which Excel guesses another encoding. Times are ISO 8601,
    UTC. What was typed or came from a job is masked as in the message, and cannot be a formula.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows(_row(entry, catalog) for entry in entries)
    stamp = datetime.fromtimestamp(now // 1000, UTC).strftime("%Y%m%dT%H%M%SZ")
    place = _NOT_IN_NAMES.sub("_", queue)[:80] if queue is not None else "all"
    return File(
        name=f"bullhorn-history-{place}-{stamp}.csv",
        title=f"Who did what: {queue[:80] if queue is not None else 'all queues'}",
        content=text.getvalue().encode("utf-8-sig", "replace"),
    )


def _row(entry: AuditEntry, catalog: Catalog) -> list[str]:
    redact = policy_of(entry, catalog).redact
    cells = (
        _iso(entry.at),
        entry.user,
        entry.channel,
        entry.action,
        mask_text(entry.what, redact),
        mask_text(entry.filter, redact),
        entry.queue or "",
        entry.ended,
        mask_text(entry.detail, redact),
        "; ".join(f"{name} {count}" for name, count in entry.counts),
        entry.approver or "",
        mask_text(entry.reason, redact),
        str(entry.job_count),
        " ".join(entry.jobs),
        entry.plan or "",
        entry.id,
        entry.asked_by or "",
        entry.ended_by or "",
    )
    return [_harmless(cell) for cell in cells]


def _harmless(cell: str) -> str:
    """Text that a spreadsheet would run as a formula begins with an apostrophe, and is text."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _iso(at: Ms) -> str:
    whole = datetime.fromtimestamp(at // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{whole}.{at % 1000:03d}Z"
