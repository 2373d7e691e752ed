"""What a plan is called in the audit log and in threads, and how it and its jobs ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from bot.domain.jobs import FailedJob, FailureGroup
from bot.domain.listing import state_word
from bot.domain.operations import Operation, Receipt
from bot.domain.plans import GHOSTS, STUCK, Plan, PlanKind
from bot.domain.redaction import is_plain, shown_code
from bot.domain.times import say_duration

_PAST: Final = {
    PlanKind.RETRY: "retried",
    PlanKind.SALESFORCE: "retried",
    PlanKind.PROMOTE: "promoted",
    PlanKind.UNSTICK: "unstuck",
    PlanKind.CLEAN: "removed",
    PlanKind.SWEEP: "removed",
    PlanKind.UNDO: "brought back",
    PlanKind.DRAIN: "drained",
    PlanKind.OBLITERATE: "obliterated",
}

_RETRIES: Final = (PlanKind.RETRY, PlanKind.SALESFORCE)
"""Their note begins with why some were left out."""


def what(plan: Plan, redact: Sequence[str]) -> str:
    """`retry 9 × WHMCS_ERROR`, `clean 1,204 completed jobs`; a code that is a message is masked."""
    if plan.kind is PlanKind.CLEAN and plan.named:
        return f"remove {noun(plan)}"
    if plan.state == STUCK:
        return f"set right {plan.count:,} {noun(plan)} without a job"
    code = _code(plan, redact)
    about = f" × {code}" if code else f" {noun(plan)}"
    tried = f", {plan.canary:,} first" if plan.canary else ""
    most = "up to " if plan.at_most else ""
    return f"{plan.kind.verb} {most}{plan.count:,}{about}{_how(plan)}{tried}"


def note(plan: Plan, done: int, redact: Sequence[str]) -> str:
    """`retried 8 WHMCS_ERROR jobs`, after the person's name."""
    if plan.kind is PlanKind.CLEAN and plan.named:
        return f"removed {noun(plan)}"
    code = _code(plan, redact)
    plural = "s" if done != 1 else ""
    about = f" {code} job{plural}" if code else f" {noun(plan, done)}"
    return f"{_PAST[plan.kind]} {done:,}{about}{_how(plan)}"


def outcome(plan: Plan, operation: Operation) -> str:
    """How it ended, for the audit log: `8 of 9; 1 no longer as shown`."""
    tally = operation.tally
    of = f", {plan.count:,} when asked" if tally.done > plan.whole else f" of {plan.whole:,}"
    said = [f"{tally.done:,}{of}"]
    if tally.changed:
        said.append(f"{tally.changed:,} no longer as shown")
    if tally.vanished and plan.kind is not PlanKind.UNDO:  # told by why it ended
        ids = "without data removed too" if plan.kind is PlanKind.CLEAN else "had vanished"
        said.append(f"{tally.vanished:,} {ids}")
    if tally.left_out:
        why = operation.note.partition("\n")[0] if plan.kind in _RETRIES else ""
        said.append(f"{tally.left_out:,} left out{f': {why}' if why else ''}")
    if operation.stopped_by:
        said.append(f"stopped by {operation.stopped_by}")
    elif operation.stopped:
        said.append(operation.stopped)
    return "; ".join(said)


def receipt(ended: Receipt, redact: Sequence[str], kind: PlanKind = PlanKind.RETRY) -> str:
    """`1,950 completed, 30 failed again (28 WHMCS_ERROR, 2 TIMEOUT), 20 still waiting`.

    Only what was retried can fail "again".
    """
    said = [f"{ended.completed:,} completed"]
    if ended.failed_again:
        codes = [f"{count:,} {shown_code(code, redact)}" for code, count in ended.failed.items()]
        again = " again" if kind in _RETRIES else ""
        said.append(f"{ended.failed_again:,} failed{again} ({', '.join(codes[:5])})")
    if ended.waiting:
        said.append(f"{ended.waiting:,} still waiting")
    if ended.gone:
        said.append(f"{ended.gone:,} ended unseen")
    if ended.without_job:
        said.append(ended.jobless_said())
    return ", ".join(said)


def none_left(plan: Plan) -> str:
    """What is told where nothing of a plan is left to be done."""
    left = plan.count - plan.done
    if plan.kind is PlanKind.PROMOTE:
        which = "This job is not" if left == 1 else f"None of these {left:,} jobs is"
        return f"{which} delayed any more, as when it has come due: nothing to promote."
    return f"None of these {left:,} {noun(plan, left)} is there any more. Nothing was changed."


def noun(plan: Plan, count: int | None = None) -> str:
    """What a plan is about: `failed jobs`, `delayed jobs`, `orphans`; of so many."""
    plural = "" if (plan.count if count is None else count) == 1 else "s"
    if plan.kind is PlanKind.CLEAN and plan.named:
        return f"{state_word(plan.state)} job {plan.ids[0][0]}"
    if plan.state == STUCK:
        return f"order{plural}"
    if plan.state == GHOSTS:
        return f"failed job{plural} without data"
    if plan.kind is PlanKind.SWEEP:
        return f"orphaned job{plural}"
    kinds = {
        PlanKind.CLEAN: f"{plan.state} job",
        PlanKind.PROMOTE: "delayed job",
        PlanKind.UNSTICK: "active job",
        PlanKind.UNDO: f"{state_word(plan.state)} job".strip(),
    }
    retried = "named job" if plan.named else "failed job"
    return f"{kinds.get(plan.kind, retried if plan.kind in _RETRIES else 'job')}{plural}"


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


def _code(plan: Plan, redact: Sequence[str]) -> str:
    code = plan.filter.code or ""
    shown = shown_code(code, redact)
    return shown if is_plain(code) or not code else f'"{shown}"'


def _how(plan: Plan) -> str:
    if plan.kind is PlanKind.CLEAN and plan.filter.until is not None:
        return f" older than {say_duration(plan.asked_at - plan.filter.until)}"
    if plan.kind is PlanKind.UNDO:
        return f" from archive {plan.archive}"
    fresh = " with fresh attempts" if plan.fresh else ""
    return fresh + (" through Salesforce" if plan.kind is PlanKind.SALESFORCE else "")
