"""The audit log's entries: who, where, what, on which jobs, with what outcome."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bot.domain.times import Ms


class Outcome(StrEnum):
    """How it ended."""

    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"
    STARTED = "started"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One mutation, or one refused attempt at it.

    `what` is a short verb phrase ("retry 9 × WHMCS_ERROR"), `jobs` the ids it was about (at most
    50, `job_count` says how many in all), `detail` the outcome in words, `reason` the person's own.
    `filter` says in words which jobs were chosen, `approver` is the second person where one was
    needed, `counts` are the outcome's numbers by name ("done", "failed again"). `word` is the
    outcome in a word where `outcome` is too coarse ("expired"): older versions know no other ones.
    `asked_by` is whose request it was about, `ended_by` who brought that end about, each where that
    is another than `user`. Fields are only ever added, with defaults: entries of older versions
    must load.
    """

    at: Ms
    user: str
    channel: str
    action: str
    what: str
    outcome: Outcome
    queue: str | None = None
    jobs: tuple[str, ...] = ()
    job_count: int = 0
    detail: str = ""
    reason: str = ""
    plan: str | None = None
    id: str = ""
    approver: str | None = None
    filter: str = ""
    counts: tuple[tuple[str, int], ...] = ()
    word: str = ""
    asked_by: str | None = None
    ended_by: str | None = None

    @property
    def ended(self) -> str:
        """How it ended, in a word."""
        return self.word or self.outcome.value


NOT_ALLOWED: Final = "not allowed"
"""The `word` where a person's role, or who asked, forbids it; a second admin's no is "refused"."""

AUDIT_JOBS = 50
"""How many job ids one entry holds."""
