"""A retry's plan: the card with its consequences, what came of it, and what the others are told."""

from __future__ import annotations

from typing import Final

from bot.domain.jobs import BatchOutcome
from bot.domain.message import Message
from bot.domain.plan_warnings import is_safe, may_fail_again
from bot.domain.plans import Plan
from bot.domain.policy import Catalog, QueuePolicy
from bot.domain.queues import QueueId
from bot.domain.times import Ms, say_duration
from bot.render import action_ids
from bot.render.kit import (
    Block,
    Element,
    Style,
    actions,
    button,
    confirm,
    context,
    finish,
    press,
    section,
    simple,
)
from bot.render.levels import WARNING_SIGN
from bot.render.reasons import about, named
from bot.render.typed import typed
from bot.render.words import (
    code,
    date,
    escape,
    mention,
    number,
    plural,
    trusted,
)

_GROUPS: Final = 8
_WARNINGS: Final = 10
_IDS: Final = 3
UNRECORDED: Final = f"{WARNING_SIGN} The audit log could not be written: `history` lacks this."


def card(
    plan: Plan, policy: QueuePolicy, catalog: Catalog, now: Ms, *, allowed_fresh: bool = False
) -> Message:
    """What would be retried and what to know before; only its reader sees it.

    `allowed_fresh` offers fresh attempts as a second button.
    """
    queue = f"*{escape(catalog.address(plan.queue), 80)}*"
    question = f"Retry {_jobs(plan)} of {queue}{_with(plan, policy)}?"
    warnings = plan.warnings[:_WARNINGS]  # the codes in them are masked already
    left = say_duration(plan.expires_at - now)
    blocks: list[Block | None] = [
        section(f"*{question.replace('*', '')}*", *_groups(plan, policy)),
        section(*(f"\u2022 {trusted(one, 400)}" for one in warnings)) if warnings else None,
        context(
            f"Frozen at {date(plan.asked_at, now)}: jobs that fail after that are not touched",
            "" if plan.fresh else "A job that used all its attempts gets one more try",
            f"Expires {date(plan.expires_at, now)}, in {left}. Only you see this",
        ),
        actions(*_buttons(plan, policy, catalog, allowed_fresh=allowed_fresh)),
    ]
    count = f" {plural(len(plan.warnings), 'warning')}." if plan.warnings else ""
    return finish(f"{question.replace('*', '')}{count}", blocks)


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
    return simple(f"Cancelled: {_jobs(plan)} stay failed. Nothing was changed.")


def expired(plan: Plan, catalog: Catalog | None = None) -> Message:
    """Pressed too late: nothing happened, and how to ask again."""
    again = button("Ask again", _command(plan, catalog))
    text = "This plan has expired: the failures may be others by now. Nothing was changed."
    return finish(text, [section(text), actions(again)])


def _command(plan: Plan, catalog: Catalog | None) -> str | None:
    queue = catalog.address(plan.queue) if catalog else plan.queue.name
    wanted = plan.filter
    flags = ["--fresh"] if plan.fresh else []
    if plan.named:
        return typed("retry", queue, *(one for one, _ in plan.ids), flags=flags)
    if wanted.since is not None:
        return None  # "--since 2h" meant other jobs then than it would now
    policy = catalog.policy(plan.queue) if catalog else QueuePolicy()
    whole = () if wanted.code is not None else ("--all",)
    return about("retry", queue, wanted.code, policy, flags=(*whole, *flags), name=wanted.name)


def _jobs(plan: Plan) -> str:
    return plural(plan.count, "job")


def _with(plan: Plan, policy: QueuePolicy) -> str:
    """What selects the jobs, said after the queue: the error, or the ids of a few."""
    if len(plan.groups) == 1 and plan.filter.code is not None:
        return f" that failed with {named(plan.groups[0].code, policy, 60)}"
    if plan.named and len(plan.ids) <= _IDS:
        return f" ({', '.join(escape(one, 40) for one, _ in plan.ids)})"
    return ""


def _groups(plan: Plan, policy: QueuePolicy) -> list[str]:
    """Each error with what to do about it, unless a warning says that already."""
    said = "\n".join(plan.warnings)
    lines = []
    for one in plan.groups[:_GROUPS]:
        todo = policy.error(one.code).resolution
        todo = "" if todo.rstrip(".") in said else f" \u2192 {trusted(todo, 160)}"
        lines.append(f"{number(one.count)} × {named(one.code, policy, 60)}{todo}")
    if len(plan.groups) <= 1 and plan.filter.code is not None and "\u2192" not in "".join(lines):
        return []
    others = plan.groups[_GROUPS:]
    if others:
        count = sum(one.count for one in others)
        lines.append(f"and {number(count)} in {plural(len(others), 'more kind')} of error")
    return lines


def _buttons(
    plan: Plan, policy: QueuePolicy, catalog: Catalog, *, allowed_fresh: bool
) -> list[Element]:
    """Danger that asks first where jobs may fail again; primary only where all is known well."""
    doubtful = may_fail_again(plan.groups, policy, now=plan.asked_at)
    style: Style | None = "danger" if doubtful else None
    if is_safe(plan.groups, policy, now=plan.asked_at):
        style = "primary"
    asked = None
    if doubtful:
        asked = confirm(
            f"Retry {_jobs(plan)} now?",
            f"Some of these errors are not known to go away by themselves in "
            f"{catalog.address(plan.queue)[:80]}, or still happen: unless their cause is fixed, "
            "they fail again.",
            f"Retry {number(plan.count)}",
        )
    fresh = " with fresh attempts" if plan.fresh else ""
    made = [
        press(
            f"Retry {number(plan.count)} now{fresh}",
            action_ids.PLAN_CONFIRM,
            plan.id,
            style=style,
            confirm=asked,
        )
    ]
    if allowed_fresh and not plan.fresh:
        made.append(
            press(
                "Retry with fresh attempts", action_ids.PLAN_CONFIRM_FRESH, plan.id, confirm=asked
            )
        )
    return [*made, press("Cancel", action_ids.PLAN_CANCEL, plan.id)]


def _some(count: int, what: str, *, verb: str | None = None) -> str:
    if not count:
        return ""
    be = verb or f"{'was' if count == 1 else 'were'} {what}"
    return f"{number(count)} {be}"
