"""A plan's card: what would be done, what to know before, and its buttons."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from bot.domain.listing import state_word
from bot.domain.message import Message
from bot.domain.plan_warnings import CANARY, doubts, is_safe
from bot.domain.plans import GHOSTS, PLAN_LIFETIME, STUCK, Change, Plan, PlanKind
from bot.domain.policy import Catalog, QueuePolicy
from bot.domain.times import MINUTE, SECOND, Ms, say_duration, say_rate
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
from bot.render.words import bare, code, date, escape, length, mention, number, plural, trusted

CANARY_OVER: Final = 50
"""Of more jobs than this, a few are offered to be tried first."""

RETRIES: Final = (PlanKind.RETRY, PlanKind.SALESFORCE)

_GROUPS: Final = 8
_WARNINGS: Final = 8
_DOUBTS: Final = 2
_IDS: Final = 3
_PERSON: Final = re.compile(r"\A&lt;@([UW][A-Z0-9]+)&gt;")
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
    change: Change | None = None,
    lines: Sequence[str] = (),
    asks: str = "",
    offers: Sequence[Element | None] = (),
) -> Message:
    """What would be done and what to know before; only its reader sees it.

    `allowed_fresh` offers fresh attempts as a second button. `change` is why it is asked again.
    `lines` stand below the question, `asks` what is asked once more after the press, `offers` are
    buttons for what else was found.
    """
    queue = f"*{escape(catalog.address(plan.queue), 80)}*"
    verb = "Set right" if plan.state == STUCK else _VERBS[plan.kind]
    question = f"{verb} {_what(plan)} of {queue}{_with(plan, policy)}?"
    drift = _changed(change) if change else ""
    left = say_duration(plan.expires_at - now)
    frozen = _frozen(plan)
    blocks: list[Block | None] = [
        section(drift) if drift else None,
        section(f"*{question.replace('*', '')}*", *lines, *_groups(plan, policy)),
        section(*_warnings(plan)) if plan.warnings else None,
        context(
            f"Frozen at {date(plan.asked_at, now)}{': ' if frozen else ''}{frozen}",
            _pace(plan),
            f"Expires {date(plan.expires_at, now)}, in {left}. Only you see this",
        ),
        actions(
            *_buttons(plan, policy, catalog, now, allowed_fresh=allowed_fresh, asks=asks), *offers
        ),
    ]
    count = f" {plural(len(plan.warnings), 'warning')}." if plan.warnings else ""
    return finish(f"{drift} {question.replace('*', '')}{count}".strip(), blocks)


def _changed(change: Change) -> str:
    """Why it is asked again."""
    said = [trusted(one, 200) for one in change.overtaken.said]
    if change.unchecked:
        why = trusted(change.unchecked, 200)
        said.append(f"Salesforce cannot tell any more which orders are done ({why})")
    if change.drifted:
        then, now = (f" ({number(one)} left out)" if one > 0 else "" for one in change.left_out)
        matched = f"{number(change.was)} matched then{then}, {number(change.matching)} now{now}"
        if change.gone:
            be = "is" if change.gone == 1 else "are"
            matched = f"{number(change.gone)} of {number(change.was)} {be} not delayed any more"
        said.insert(0, matched)
    why = f"Changed since you were asked: {'; '.join(said)}"
    if not said:
        why = f"This was offered more than {say_duration(PLAN_LIFETIME)} ago, and is asked anew"
    return f"{WARNING_SIGN} {why}. Nothing was done yet."


def _what(plan: Plan) -> str:
    """What is asked about: one that was named by its id."""
    if plan.named and len(plan.ids) == 1 and plan.state != STUCK:
        return f"{_kind(plan)} {code(plan.ids[0][0], 60)}"
    return jobs(plan)


def jobs(plan: Plan) -> str:
    """How many of what: `9 jobs`, `1,204 completed jobs`, `3 orphans`."""
    if plan.state == GHOSTS:
        return plural(plan.count, "failed job without data", "failed jobs without data")
    if plan.kind is PlanKind.SWEEP:
        return plural(plan.count, "orphaned job")
    if plan.state == STUCK:
        return plural(plan.count, "order")
    most = "up to " if plan.at_most else ""
    return f"{most}{plural(plan.count, 'job' if plan.kind in RETRIES else _kind(plan))}"


def amount(plan: Plan) -> str:
    """How many, for a label: `1,204`, or `up to 1,204`."""
    return f"{'up to ' if plan.at_most else ''}{number(plan.count)}"


def _kind(plan: Plan) -> str:
    """One of its jobs: `delayed job`."""
    kinds = {
        PlanKind.PROMOTE: "delayed job",
        PlanKind.UNSTICK: "active job",
        PlanKind.CLEAN: f"{state_word(plan.state)} job".strip(),
        PlanKind.UNDO: f"{state_word(plan.state)} job".strip(),
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


def _pace(plan: Plan) -> str:
    """How fast it goes at most, and how long it takes then; "" where it goes as fast as it can."""
    if not plan.rate:
        return ""
    takes = round((plan.canary or plan.count) / plan.rate) * SECOND
    return f"At most {say_rate(plan.rate)}: about {say_duration(takes)}"


def _with(plan: Plan, policy: QueuePolicy) -> str:
    """What selects the jobs, said after the queue: the error, or the ids of a few."""
    if plan.kind in RETRIES and len(plan.groups) == 1 and plan.filter.code is not None:
        return f" that failed with {named(plan.groups[0].code, policy, 60)}"
    if plan.named and 1 < len(plan.ids) <= _IDS:
        return f" ({', '.join(escape(one, 40) for one, _ in plan.ids)})"
    return ""


def _warnings(plan: Plan) -> list[str]:
    """The gravest, and how many more; the codes in them are masked already.

    Who does something else to the queue is named first, in words that we begin ourselves.
    """
    said = [trusted(one, 400) for one in plan.warnings[:_WARNINGS]]
    shown = [f"\u2022 {_PERSON.sub(lambda one: mention(one[1]), text)}" for text in said]
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
        title = f"Retry {jobs(plan)} of {catalog.address(plan.queue)[:60]} now?"
        asked = confirm(title, _doubts(doubtful), f"Retry {number(plan.count)}")
    if asks:
        verb = f"{_VERBS[plan.kind]} {amount(plan)}"
        title = f"{verb} all the same?"
        if plan.kind is PlanKind.SWEEP:
            title = f"{_VERBS[plan.kind]} {jobs(plan)} of {catalog.address(plan.queue)[:60]}?"
        style, asked = "danger", confirm(title, asks, verb)
    fresh = " with fresh attempts" if plan.fresh else ""
    verb = _VERBS[plan.kind].partition(" through")[0]
    verb = "Set right" if plan.state == STUCK else verb
    label = f"{verb} {amount(plan)} now{fresh}"
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


def _judged(plan: Plan, policy: QueuePolicy) -> tuple[Style | None, Sequence[str]]:
    """Danger that asks first where jobs may fail again; primary only where all is known well.

    With what speaks against a retry now.
    """
    if plan.kind not in RETRIES:
        return ("danger" if plan.kind in _LASTING else None), ()
    if found := doubts(plan.groups, policy, now=plan.asked_at):
        return "danger", found
    safe = is_safe(plan.groups, policy, now=plan.asked_at) and plan.later_at is None
    return ("primary" if safe else None), ()


def _doubts(found: Sequence[str]) -> str:
    """As a dialog says it, which has no formats and little room."""
    more = len(found) - _DOUBTS
    said = [bare(one) for one in found[:_DOUBTS]]
    return ". ".join([*said, f"And {number(more)} more"] if more > 0 else said) + "."


def _first(plan: Plan) -> str:
    """The button that tries a few first, "" where that is not offered."""
    if plan.kind not in RETRIES:
        return ""
    if plan.canary:
        return f"Try {number(plan.canary)} first"
    return f"Try {CANARY} first" if plan.count > CANARY_OVER else ""
