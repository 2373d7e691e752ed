"""A retry's plan: what came of it, and what the others are told. Its card is in plan_card.py."""

from __future__ import annotations

from typing import Final

from bot.domain.jobs import BatchOutcome
from bot.domain.message import Message
from bot.domain.plans import Plan
from bot.domain.policy import Catalog
from bot.domain.queues import QueueId
from bot.render.kit import (
    actions,
    button,
    finish,
    section,
    simple,
)
from bot.render.levels import WARNING_SIGN
from bot.render.plan_card import RETRIES, card, jobs
from bot.render.plan_commands import command
from bot.render.reasons import named
from bot.render.typed import typed
from bot.render.words import (
    code,
    escape,
    mention,
    number,
    trusted,
)

__all__ = [
    "UNRECORDED",
    "announcement",
    "cancelled",
    "card",
    "expired",
    "outcome",
    "outcome_words",
    "single_retried",
]

UNRECORDED: Final = f"{WARNING_SIGN} The audit log could not be written: `history` lacks this."


def outcome(
    plan: Plan,
    outcome: BatchOutcome,
    catalog: Catalog,
    *,
    stopped: str | None = None,
    recorded: bool = True,
) -> Message:
    """What came of it, for the one who confirmed it.

    `stopped` is why it ended early; `recorded` False says that the audit log was not written.
    """
    address = catalog.address(plan.queue)
    mark = "\u2705 " if outcome.done and not stopped else ""
    text = f"{mark}{outcome_words(outcome, address)}"
    early = f"{WARNING_SIGN} Stopped before the end: {trusted(stopped)}" if stopped else ""
    blocks = [
        section(text, early, "" if recorded else UNRECORDED),
        actions(
            button("Status", typed("status", address)),
            button("What still fails", typed("failed", address)),
        ),
    ]
    return finish(f"{text} {early}", blocks)


def outcome_words(outcome: BatchOutcome, address: str) -> str:
    """Moved, and what was not and why, each only when there is any."""
    moved = len(outcome.done)
    queue = f"*{escape(address, 80)}*"
    parts = [f"Moved {number(moved)} back to waiting in {queue}."]
    if not moved:
        parts = [f"Moved nothing in {queue}."]
    rest = [
        _some(outcome.changed, "no longer failed"),
        _some(outcome.vanished, "", verb="had vanished"),
        _some(outcome.left_out, "left out (a retry would lose them: prioritized, or damaged)"),
    ]
    said = ", ".join(one for one in rest if one)
    return " ".join([*parts, f"{said}."] if said else parts)


def announcement(plan: Plan, outcome: BatchOutcome, user: str, catalog: Catalog) -> Message:
    """Told where it was asked: who retried how many jobs of which queue."""
    moved = len(outcome.done)
    policy = catalog.policy(plan.queue)
    kind = f"{named(plan.groups[0].code, policy, 60)} " if len(plan.groups) == 1 else ""
    fresh = ", with fresh attempts" if plan.fresh else ""
    what = f"{number(moved)} {kind}{'job' if moved == 1 else 'jobs'}"
    text = f"{mention(user)} retried {what} of {escape(catalog.address(plan.queue), 80)}{fresh}."
    return simple(text)


def single_retried(
    queue: QueueId,
    job_id: str,
    user: str,
    fresh: bool,
    catalog: Catalog,
    *,
    recorded: bool = True,
) -> Message:
    """Told where it was asked: who retried which job; `recorded` as in `outcome`."""
    with_fresh = ", with fresh attempts" if fresh else ""
    address = escape(catalog.address(queue), 80)
    said = f"{mention(user)} retried job {code(job_id, 60)} of {address}{with_fresh}."
    return simple(said if recorded else f"{said}\n{UNRECORDED}")


def cancelled(plan: Plan) -> Message:
    """The card's place after Cancel."""
    stay = f": {jobs(plan)} stay failed" if plan.kind in RETRIES else ""
    return simple(f"Cancelled{stay}. Nothing was changed.")


def expired(plan: Plan, catalog: Catalog | None = None) -> Message:
    """Pressed too late: nothing happened, and how to ask again."""
    again = button("Ask again", command(plan, catalog))
    what = "failures" if plan.kind in RETRIES else "jobs"
    text = f"This plan has expired: the {what} may be others by now. Nothing was changed."
    return finish(text, [section(text), actions(again)])


def _some(count: int, what: str, *, verb: str | None = None) -> str:
    if not count:
        return ""
    be = verb or f"{'was' if count == 1 else 'were'} {what}"
    return f"{number(count)} {be}"
