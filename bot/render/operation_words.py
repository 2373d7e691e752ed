"""What the message of an operation says of its jobs, by what it does to them."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from bot.domain.listing import state_word
from bot.domain.operations import Operation, Tally
from bot.domain.plans import Plan, PlanKind
from bot.domain.times import Ms
from bot.render.plan_card import jobs
from bot.render.words import code, date, escape, number, trusted

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
_PLAIN: Final = (PlanKind.RETRY, PlanKind.SALESFORCE)
_ARCHIVES: Final = (PlanKind.CLEAN, PlanKind.DRAIN)


def done_words(plan: Plan, tally: Tally, address: str, error: str = "") -> str:
    """`Removed 1,200 of 1,204 failed jobs of *order-provisioning*`; `error` is what all had."""
    queue, done = f"*{escape(address, 80)}*", tally.done
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
        return f"{_DONE[plan.kind].format(jobs(replace(plan, count=done)))} {queue}"
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
    return "no longer as shown"


def vanished(plan: Plan, count: int) -> str:
    """What became of ids that have no job; "" for none."""
    if not count:
        return ""
    if plan.kind is not PlanKind.CLEAN:
        return f"{number(count)} had vanished"
    ids = "its id is" if count == 1 else "their ids are"
    return f"{number(count)} had no job left: {ids} gone now"


def left_out(plan: Plan) -> str:
    """Why jobs were left out."""
    if plan.kind in (PlanKind.CLEAN, PlanKind.DRAIN, PlanKind.OBLITERATE):
        return "a flow or a scheduler needs them, or a worker holds them"
    if plan.kind is PlanKind.UNDO:
        return "done or under way in Salesforce: an old job would provision the order twice"
    if plan.kind is PlanKind.UNSTICK:
        return "their keys are damaged, or a worker looks for stalled jobs all the while"
    return "they would be lost: prioritized, or damaged"


def why(plan: Plan, operation: Operation) -> str:
    """Why some were left out: through Salesforce, in the executor's own words."""
    reasons = operation.note.partition("\n")[0] if plan.kind is PlanKind.SALESFORCE else ""
    return f": {trusted(reasons, 400)}" if reasons else f" ({left_out(plan)})"


def end_note(plan: Plan, operation: Operation) -> str:
    """What the executor has to say at the end besides why some were left out."""
    return operation.note.partition("\n")[2] if plan.kind is PlanKind.SALESFORCE else operation.note


def may_try_again(plan: Plan, operation: Operation) -> bool:
    """Whether a retry ended early, or orders were left out."""
    early = bool(operation.stopped) and not operation.stopped_by
    refused = plan.kind is PlanKind.SALESFORCE and bool(operation.tally.left_out)
    return refused or (early and plan.kind in _PLAIN)


def archives(plan: Plan, operation: Operation) -> bool:
    """Whether something can be brought back."""
    if plan.kind is PlanKind.SALESFORCE:
        return bool(end_note(plan, operation))
    return makes_archive(plan) and bool(operation.tally.done)
