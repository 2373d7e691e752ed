"""A plan's card: what would be done, what to know before, and its buttons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bot.domain.listing import state_word
from bot.domain.message import Message
from bot.domain.plan_warnings import CANARY, is_safe, may_fail_again
from bot.domain.plans import GHOSTS, STUCK, Plan, PlanKind
from bot.domain.policy import Catalog, QueuePolicy
from bot.domain.times import MINUTE, Ms, say_duration
from bot.render import action_ids
from bot.render.kit import (
    Block,
    Element,
    Style,
    actions,
    confirm,
    context,
    finish,
    press,
    section,
)
from bot.render.levels import WARNING_SIGN
from bot.render.reasons import named
from bot.render.words import code, date, escape, length, number, plural, trusted

CANARY_OVER: Final = 50
"""Of more jobs than this, a few are offered to be tried first."""

RETRIES: Final = (PlanKind.RETRY, PlanKind.SALESFORCE)

_GROUPS: Final = 8
_WARNINGS: Final = 8
_IDS: Final = 3
_VERBS: Final = {
    PlanKind.RETRY: "Retry",
    PlanKind.SALESFORCE: "Retry through Salesforce:",
    PlanKind.PROMOTE: "Promote",
    PlanKind.UNSTICK: "Unstick",
    PlanKind.CLEAN: "Remove",
    PlanKind.SWEEP: "Remove",
    PlanKind.UNDO: "Bring back",
    PlanKind.DRAIN: "Remove",
    PlanKind.OBLITERATE: "Obliterate",
}
_LASTING: Final = (PlanKind.CLEAN, PlanKind.SWEEP, PlanKind.DRAIN, PlanKind.OBLITERATE)
"""What takes something away: its button is the dangerous one."""


def card(
    plan: Plan,
    policy: QueuePolicy,
    catalog: Catalog,
    now: Ms,
    *,
    allowed_fresh: bool = False,
    was: int | None = None,
    now_matching: int = 0,
    lines: Sequence[str] = (),
    asks: str = "",
    offers: Sequence[Element | None] = (),
) -> Message:
    """What would be done and what to know before; only its reader sees it.

    `allowed_fresh` offers fresh attempts as a second button. `was` is how many matched on the card
    that was pressed, when so many others match now that it is asked again. `lines` stand below the
    question, `asks` what is asked once more after the press, `offers` are buttons for what
    else was found.
    """
    queue = f"*{escape(catalog.address(plan.queue), 80)}*"
    verb = "Set right" if plan.state == STUCK else _VERBS[plan.kind]
    question = f"{verb} {_what(plan)} of {queue}{_with(plan, policy)}?"
    drift = ""
    if was is not None:
        matching = f"{number(was)} matched then, {number(now_matching)} now"
        drift = f"{WARNING_SIGN} Changed since you were asked: {matching}. Nothing was done yet."
    left = say_duration(plan.expires_at - now)
    frozen = _frozen(plan)
    blocks: list[Block | None] = [
        section(drift) if drift else None,
        section(f"*{question.replace('*', '')}*", *lines, *_groups(plan, policy)),
        section(*_warnings(plan)) if plan.warnings else None,
        context(
            f"Frozen at {date(plan.asked_at, now)}{': ' if frozen else ''}{frozen}",
            f"At most {plan.rate:g} a second" if plan.rate else "",
            f"Expires {date(plan.expires_at, now)}, in {left}. Only you see this",
        ),
        actions(
            *_buttons(plan, policy, catalog, now, allowed_fresh=allowed_fresh, asks=asks), *offers
        ),
    ]
    count = f" {plural(len(plan.warnings), 'warning')}." if plan.warnings else ""
    return finish(f"{drift} {question.replace('*', '')}{count}".strip(), blocks)


def _what(plan: Plan) -> str:
    """What is asked about: one that was named by its id."""
    if plan.named and len(plan.ids) == 1 and plan.state != STUCK:
        return f"{_kind(plan)} {code(plan.ids[0][0], 60)}"
    return jobs(plan)


def jobs(plan: Plan) -> str:
    """How many of what: `9 jobs`, `1,204 completed jobs`, `3 orphans`."""
    if plan.state == GHOSTS:
        return plural(plan.count, "id without a job", "ids without a job")
    if plan.kind is PlanKind.SWEEP:
        return plural(plan.count, "orphan hash", "orphan hashes")
    if plan.state == STUCK:
        return plural(plan.count, "order")
    return plural(plan.count, "job" if plan.kind in RETRIES else _kind(plan))


def _kind(plan: Plan) -> str:
    """One of its jobs: `delayed job`."""
    kinds = {
        PlanKind.PROMOTE: "delayed job",
        PlanKind.UNSTICK: "active job",
        PlanKind.CLEAN: f"{state_word(plan.state)} job".strip(),
        PlanKind.UNDO: f"{state_word(plan.state)} job".strip(),
        PlanKind.DRAIN: "pending job",
        **dict.fromkeys(RETRIES, "failed job"),
    }
    return kinds.get(plan.kind, "job")


def _frozen(plan: Plan) -> str:
    """What the plan leaves alone that comes later."""
    if plan.kind in RETRIES:
        return "jobs that fail after that are not touched"
    if plan.kind is PlanKind.PROMOTE and plan.ids and not plan.named:
        return "jobs that are delayed after that are not touched"
    return ""


def _with(plan: Plan, policy: QueuePolicy) -> str:
    """What selects the jobs, said after the queue: the error, or the ids of a few."""
    if plan.kind in RETRIES and len(plan.groups) == 1 and plan.filter.code is not None:
        return f" that failed with {named(plan.groups[0].code, policy, 60)}"
    if plan.named and 1 < len(plan.ids) <= _IDS:
        return f" ({', '.join(escape(one, 40) for one, _ in plan.ids)})"
    return ""


def _warnings(plan: Plan) -> list[str]:
    """The gravest, and how many more; the codes in them are masked already."""
    shown = [f"\u2022 {trusted(one, 400)}" for one in plan.warnings[:_WARNINGS]]
    more = len(plan.warnings) - len(shown)
    return [*shown, f"\u2022 and {number(more)} more, less grave"] if more else shown


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
    plan: Plan, policy: QueuePolicy, catalog: Catalog, now: Ms, *, allowed_fresh: bool, asks: str
) -> list[Element]:
    """The plain way, then the careful ones; what was asked for with `--canary` stands first."""
    style, doubtful = _judged(plan, policy)
    asked = None
    if doubtful:
        asked = confirm(
            f"Retry {jobs(plan)} now?",
            f"Some of these errors are not known to go away by themselves in "
            f"{catalog.address(plan.queue)[:80]}, or still happen: unless their cause is fixed, "
            "they fail again.",
            f"Retry {number(plan.count)}",
        )
    if asks:
        verb = f"{_VERBS[plan.kind]} {number(plan.count)}"
        style, asked = "danger", confirm(f"{verb} all the same?", asks, verb)
    fresh = " with fresh attempts" if plan.fresh else ""
    verb = _VERBS[plan.kind].partition(" through")[0]
    verb = "Set right" if plan.state == STUCK else verb
    label = f"{verb} {number(plan.count)} now{fresh}"
    confirming = press(label, action_ids.PLAN_CONFIRM, plan.id, style=style, confirm=asked)
    first = _first(plan)
    if plan.canary:
        # the plan itself begins with a few: pressing it is pressing its plain button
        confirming, first = press(first, action_ids.PLAN_CONFIRM, plan.id, style=style), ""
    made = [confirming]
    if allowed_fresh and not plan.fresh:
        label = "Retry with fresh attempts"
        made.append(press(label, action_ids.PLAN_CONFIRM_FRESH, plan.id, confirm=asked))
    if first:
        made.append(press(first, action_ids.PLAN_CANARY, plan.id))
    if plan.later_at is not None and plan.later_at > now:
        # rounded up: it begins when the gap is over, not before
        wait = -(-(plan.later_at - now) // MINUTE) * MINUTE
        made.append(press(f"{verb} in {length(wait)}", action_ids.PLAN_LATER, plan.id))
    return [*made, press("Cancel", action_ids.PLAN_CANCEL, plan.id)]


def _judged(plan: Plan, policy: QueuePolicy) -> tuple[Style | None, bool]:
    """Danger that asks first where jobs may fail again; primary only where all is known well."""
    if plan.kind not in RETRIES:
        return ("danger" if plan.kind in _LASTING else None), False
    if may_fail_again(plan.groups, policy, now=plan.asked_at):
        return "danger", True
    safe = is_safe(plan.groups, policy, now=plan.asked_at) and plan.later_at is None
    return ("primary" if safe else None), False


def _first(plan: Plan) -> str:
    """The button that tries a few first, "" where that is not offered."""
    if plan.kind not in RETRIES:
        return ""
    if plan.canary:
        return f"Try {number(plan.canary)} first"
    return f"Try {CANARY} first" if plan.count > CANARY_OVER else ""
