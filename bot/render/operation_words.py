"""What the message of an operation says of its jobs, by what it does to them."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from bot.domain.listing import state_word
from bot.domain.operations import Operation, Phase, Receipt, Tally
from bot.domain.plans import Plan, PlanKind
from bot.domain.times import MINUTE, SECOND, Ms
from bot.render.plan_card import RETRIES, jobs
from bot.render.words import code, date, escape, length, number, trusted

_DONE: Final = {
    PlanKind.RETRY: "Moved {} back to waiting in",
    PlanKind.SALESFORCE: "Set {} to Activating in Salesforce, for",
    PlanKind.PROMOTE: "Promoted {} in",
    PlanKind.UNSTICK: "Moved {} back to waiting in",
    PlanKind.CLEAN: "Removed {} of",
    PlanKind.SWEEP: "Removed {} of",
    PlanKind.UNDO: "Brought back {} to",
    PlanKind.DRAIN: "Removed {} of",
    PlanKind.OBLITERATE: "Removed {} of",
}
_BAR: Final = 16
_SHORTLY: Final[Ms] = 5 * SECOND
"""A wait that is younger than this has no time of its own."""
_PLAIN: Final = (PlanKind.RETRY, PlanKind.SALESFORCE)
_ARCHIVES: Final = (PlanKind.CLEAN, PlanKind.SWEEP, PlanKind.DRAIN)


def done_words(plan: Plan, tally: Tally, address: str, error: str = "") -> str:
    """`Removed 1,200 of 1,204 failed jobs of *order-provisioning*`; `error` is what all had."""
    queue, done = f"*{escape(address, 80)}*", tally.done
    plan = replace(plan, count=plan.whole, at_most=False)
    of = f"{number(plan.count)} {error}".strip() if plan.kind in _PLAIN else jobs(plan)
    if plan.kind is PlanKind.CLEAN and plan.named:
        what = f"{escape(state_word(plan.state), 40)} job {code(plan.ids[0][0], 60)}"
        if tally.vanished and not done:
            what = f"the id {code(plan.ids[0][0], 60)}"
        return (
            f"Removed {what} of {queue}"
            if done or tally.vanished
            else f"Did not remove {what} of {queue}"
        )
    if not done:
        return f"Changed none of {of} in {queue}"
    if done > plan.count:  # some came after the card
        came = f"{number(plan.count)} when asked"
        return f"{_DONE[plan.kind].format(jobs(replace(plan, count=done)))} {queue}, {came}"
    return f"{_DONE[plan.kind].format(f'{number(done)} of {of}')} {queue}"


def about(plan: Plan, count: int, address: str) -> str:
    """What is being done to how many: `1,204 failed jobs of order-provisioning`."""
    return f"{jobs(replace(plan, count=count))} of {escape(address, 80)}"


def archived(plan: Plan, operation: Operation, keep: Ms) -> str:
    """Where what was removed is, and until when; "" where it is not archived."""
    if not makes_archive(plan) or not operation.tally.done:
        return ""
    until = date((operation.began_at or plan.asked_at) + keep, operation.began_at)
    return f"Archived until {until}: {code(f'/queue undo {plan.archive}')} brings it back"


def makes_archive(plan: Plan) -> bool:
    """Whether it can be undone."""
    return plan.kind in _ARCHIVES and bool(plan.archive)


def changed(plan: Plan, count: int) -> str:
    """What became of jobs that were not as the card showed them."""
    if plan.kind in _PLAIN:
        return "no longer failed"
    if plan.kind is PlanKind.UNDO:
        return f"in use again, and {'stays' if count == 1 else 'stay'} archived"
    return "no longer delayed" if plan.kind is PlanKind.PROMOTE else "no longer as shown"


def vanished(plan: Plan, count: int) -> str:
    """What became of ids that have no job; "" for none.

    Of an undo, why it ended says what has gone with its archive.
    """
    if not count or plan.kind is PlanKind.UNDO:
        return ""
    if plan.kind is not PlanKind.CLEAN:
        return f"{number(count)} had vanished"
    lost = "its data: its id is" if count == 1 else "their data: their ids are"
    return f"{number(count)} had lost {lost} removed too"


def left_out(plan: Plan) -> str:
    """Why jobs were left out."""
    if plan.kind in (PlanKind.CLEAN, PlanKind.DRAIN, PlanKind.OBLITERATE):
        return "a flow or a scheduler needs them, or a worker holds them"
    if plan.kind is PlanKind.UNDO:
        return "they stay archived: their order is done or under way without them, or may be"
    if plan.kind is PlanKind.UNSTICK:
        return "their keys are damaged, or a worker looks for stalled jobs all the while"
    return "they would be lost: prioritized, or damaged"


def left_out_words(plan: Plan, operation: Operation) -> str:
    """How many were left out and why: of retries, in their own words where they have any."""
    tally = operation.tally
    reasons = operation.note.partition("\n")[0] if plan.kind in RETRIES else ""
    if not tally.left_out:
        return ""
    if plan.canary and reasons and tally.refused == tally.left_out:
        return trusted(reasons, 400)
    why = f": {trusted(reasons, 400)}" if reasons else f" ({left_out(plan)})"
    return f"{number(tally.left_out)} left out{why}"


def end_note(plan: Plan, operation: Operation) -> str:
    """What the executor has to say at the end besides why some were left out."""
    return operation.note.partition("\n")[2] if plan.kind in RETRIES else operation.note


def may_try_again(plan: Plan, operation: Operation) -> bool:
    """Whether a retry ended early, or orders were left out."""
    early = bool(operation.stopped) and not operation.stopped_by
    refused = plan.kind is PlanKind.SALESFORCE and bool(operation.tally.left_out)
    return refused or (early and plan.kind in _PLAIN)


def archives(plan: Plan, operation: Operation) -> bool:
    """Whether something can be brought back.

    Of orders that are done or under way no old job is: others are those whose new job failed again
    or is gone, and, when nobody looks any more, those that wait.
    """
    if plan.kind is PlanKind.SALESFORCE:
        ended = operation.receipt or Receipt()
        waits = operation.phase is not Phase.WATCHING and ended.waiting
        archived = "/queue undo" in end_note(plan, operation)
        return bool(archived and (ended.failed_again or ended.gone or waits))
    return makes_archive(plan) and bool(operation.tally.done)


def progress(total: int, operation: Operation, now: Ms) -> str:
    """A bar, how many of how many, and how fast and how long still."""
    done = min(operation.tally.seen, total)
    speed = _speed(total, operation, now)
    return f"{bar(done, total)} {number(done)} of {number(total)}{speed}"


def bar(done: int, total: int) -> str:
    """A bar of sixteen blocks."""
    full = _BAR * min(done, total) // total if total else _BAR
    return "\u2593" * full + "\u2591" * (_BAR - full)


def _speed(total: int, operation: Operation, now: Ms) -> str:
    """Rate and time left, once there is something to go by; none while it waits for something."""
    tally, began = operation.tally, operation.began_at
    if operation.notice or began is None or now - began < SECOND or not tally.done:
        return ""
    rate = tally.seen / (now - began)
    left = length(round(max(0, total - tally.seen) / rate))
    unit, said = (SECOND, "s") if rate * SECOND >= 1 else (MINUTE, "min")
    return f" \u00b7 {number(round(rate * unit))}/{said} \u00b7 {left} left"


def waiting(operation: Operation, now: Ms) -> str:
    """What it waits for, and since when; "" while it does not."""
    if not operation.notice:
        return ""
    since = operation.moved_at or operation.began_at
    long = since is not None and now - since >= _SHORTLY
    when = f" since {date(since, now)}" if since is not None and long else ""
    return f"Waiting{when}: {trusted(operation.notice, 300)}"
