"""What a retry is called in the audit log and in threads, and how named jobs are grouped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from bot.domain.jobs import BatchOutcome, FailedJob, FailureGroup
from bot.domain.plans import Plan
from bot.domain.redaction import is_plain, shown_code


def what(plan: Plan, redact: Sequence[str]) -> str:
    """`retry 9 × WHMCS_ERROR`, `retry 14 failed jobs`; a code that is a message is masked."""
    about = _code(plan, redact) or ("named jobs" if plan.named else "failed jobs")
    sign = " × " if plan.filter.code else " "
    return f"retry {plan.count:,}{sign}{about}" + (" with fresh attempts" if plan.fresh else "")


def note_text(plan: Plan, outcome: BatchOutcome, redact: Sequence[str]) -> str:
    """`retried 8 WHMCS_ERROR jobs`, after the person's name."""
    about = f" {_code(plan, redact)}" if plan.filter.code else ""
    fresh = " with fresh attempts" if plan.fresh else ""
    plural = "s" if len(outcome.done) != 1 else ""
    return f"retried {len(outcome.done):,}{about} job{plural}{fresh}"


def _code(plan: Plan, redact: Sequence[str]) -> str:
    code = plan.filter.code or ""
    shown = shown_code(code, redact)
    return shown if is_plain(code) or not code else f'"{shown}"'


def grouped(jobs: Sequence[FailedJob]) -> tuple[FailureGroup, ...]:
    """Jobs that were named one by one, as groups by failure code, most frequent first."""
    counts = Counter(job.code for job in jobs)
    groups = []
    for code, count in counts.most_common():
        mine = [job for job in jobs if job.code == code]
        times = [job.failed_at for job in mine]
        groups.append(
            FailureGroup(
                code=code, count=count, first_at=min(times), last_at=max(times),
                example_id=mine[0].id, example_reason=mine[0].reason,
            )
        )  # fmt: skip
    return tuple(groups)
