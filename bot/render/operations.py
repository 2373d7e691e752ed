"""An operation's one message, from its first batch to its end, and the receipt in its thread."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from bot.domain.message import Message
from bot.domain.operations import WATCH_LIMIT, Operation, Phase, Receipt, went_well
from bot.domain.plan_warnings import without_worker
from bot.domain.plans import Plan, PlanKind, PlanStatus
from bot.domain.policy import Catalog, QueuePolicy
from bot.domain.times import Ms
from bot.render import action_ids
from bot.render import operation_words as words
from bot.render.kit import (
    Block,
    Element,
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
from bot.render.plan_card import RETRIES, jobs
from bot.render.plan_commands import command
from bot.render.reasons import named
from bot.render.typed import typed
from bot.render.words import date, escape, mention, number, plural, trusted

_CODES: Final = 4


class OperationRenderer:
    """Satisfies `ports.OperationWriter`."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def progress(self, plan: Plan, operation: Operation, *, now: Ms) -> Message:
        """The operation's one message, at any stage."""
        if operation.phase in (Phase.WAITING, Phase.RUNNING):
            return self._running(plan, operation, now)
        return self._moved(plan, operation)

    def receipt(self, plan: Plan, operation: Operation) -> Message:
        """How its jobs ended, for its thread."""
        ended = operation.receipt or Receipt()
        policy = self._catalog.policy(plan.queue)
        bad = plan.canary and operation.tally.refused
        text = f"{f'{WARNING_SIGN} ' if bad else _mark(ended)}{receipt_words(ended, policy, plan)}"
        out = words.left_out_words(plan, operation)
        said = f"{text}. {out}" if out else text
        return finish(said, [section(text, out), actions(*self._after(plan, operation))])

    def _running(self, plan: Plan, operation: Operation, now: Ms) -> Message:
        total = plan.canary or plan.whole
        headline = (
            f"{plan.kind.doing} {self._about(plan, plan.canary or plan.count)}, by {_people(plan)}"
        )
        done = min(operation.tally.seen, total)
        line, out = words.progress(total, operation, now), words.left_out_words(plan, operation)
        if operation.phase is Phase.WAITING and plan.begin_at is not None:
            line = (
                f"Begins {date(plan.begin_at, now)}: the least time between two tries is over then"
            )
        blocks: list[Block | None] = [
            section(f"*{headline}*", line, out, words.waiting(operation, now)),
            actions(
                # no dialog: a brake works at once, and what it leaves can be asked for again
                press("Stop", action_ids.OPERATION_STOP, plan.id)
            ),
        ]
        return finish(f"{headline}: {number(done)} of {number(total)}", blocks)

    def _moved(self, plan: Plan, operation: Operation) -> Message:
        """What was done; how its jobs fare, while they are watched and after."""
        policy = self._catalog.policy(plan.queue)
        said = f"{_title(plan, operation)} {outcome_words(plan, operation, self._catalog)}".strip()
        headline = f"{said} {self._asked(plan, operation)}"
        ended, over = operation.receipt, operation.phase is not Phase.WATCHING
        fate = receipt_words(ended, policy, plan, over=over) if ended else ""
        watched = plan.status is PlanStatus.TRIED or operation.phase is Phase.WATCHING
        if operation.phase is Phase.WATCHING and not fate:
            fate = "Watching how they end\u2026"
        lines = [
            section(headline, fate, self._canary(plan, operation) if watched else ""),
            context(
                words.archived(plan, operation, self._catalog.archive_keep),
                trusted(words.end_note(plan, operation), 600),
            ),
            actions(*self._after(plan, operation)),
        ]
        return finish(f"{headline} {fate}".strip(), lines)

    def _canary(self, plan: Plan, operation: Operation) -> str:
        """What a canary says about the rest."""
        ended = operation.receipt
        done, ends = operation.tally.done, operation.offered_until
        left = plan.count - done
        if plan.canary and not operation.over:
            until = date((operation.moved_at or plan.asked_at) + WATCH_LIMIT)
            more = f"A try: {number(left)} more are offered when these {number(done)} have ended"
            return f"{more}, at the latest {until}."
        refused = operation.tally.refused
        if not plan.canary or (ended is None and not refused):
            return ""
        ended = ended or Receipt()
        late = f" After {date(ends)} the button asks anew." if ends is not None else ""
        if ended.failed_again or ended.without_job or refused:
            where = "what Salesforce refuses" if refused else "in Salesforce"
            where = "what failed" if ended.failed_again else where
            return f"*Not going on*: {number(left)} stay failed. See {where} first.{late}"
        if ended.waiting:
            return f"Not known yet how they end: {number(left)} wait.{late}"
        well = went_well(plan.kind.verb, operation.tally.counts(plan.canary))
        how = "All went well." if well else "Most were left out."
        return f"*{how}* {number(left)} {'is' if left == 1 else 'are'} left.{late}"

    def _after(self, plan: Plan, operation: Operation) -> list[Element | None]:
        address = self._catalog.address(plan.queue)
        ended = operation.receipt
        made: list[Element | None] = []
        if plan.status is PlanStatus.TRIED and operation.over:
            made.append(self._rest(plan, operation, ended or Receipt()))
        if ended and ended.failed_again:
            made.append(
                button(
                    f"Show the {number(ended.failed_again)}",
                    typed("failed", address, of=plan.id),
                )
            )
        if words.may_try_again(plan, operation):
            made.append(button("Retry\u2026", command(plan, self._catalog)))
        if words.archives(plan, operation):
            made.append(button("Undo\u2026", typed("undo", plan.archive or plan.id)))
        made.append(button("Status", typed("status", address)))
        return made

    def _rest(self, plan: Plan, operation: Operation, ended: Receipt) -> Element:
        left = max(0, plan.count - operation.tally.done)
        well = went_well(plan.kind.verb, operation.tally.counts(plan.canary))
        doubtful = not (well and went_well("", ended.counts()))
        asked, bad = None, bool(ended.failed_again or operation.tally.refused)
        label = f"Retry {'the other' if operation.tally.done else 'all'} {number(left)}"
        if doubtful:
            asked = confirm(
                f"{label}?",
                "Of those that were tried, not all went well: the rest may fail again.",
                f"Retry {number(left)}",
            )
        style = "danger" if bad else "primary"
        return press(
            label,
            action_ids.PLAN_REST,
            plan.id,
            style=None if doubtful and not bad else style,  # type: ignore[arg-type]
            confirm=asked,
        )

    def _about(self, plan: Plan, count: int) -> str:
        if plan.kind not in RETRIES:
            return words.about(plan, count, self._catalog.address(plan.queue))
        queue = escape(self._catalog.address(plan.queue), 80)
        policy = self._catalog.policy(plan.queue)
        error = _error(plan, policy)
        code = f" {error}" if error else ""
        fresh = " with fresh attempts" if plan.fresh else ""
        tried = " (a try)" if plan.canary else ""
        noun = "job" if count == 1 else "jobs"
        return f"{number(count)}{code} {noun} of {queue}{fresh}{tried}"

    def _asked(self, plan: Plan, operation: Operation) -> str:
        who = operation.stopped_by
        stopped = f", stopped by {mention(who)}" if who else ""
        return f"Asked by {_people(plan)}{stopped}."


def outcome_words(plan: Plan, operation: Operation, catalog: Catalog) -> str:
    """Done, and what was not and why, each only when there is any."""
    tally = operation.tally
    error = _error(plan, catalog.policy(plan.queue))
    done = words.done_words(plan, tally, catalog.address(plan.queue), error)
    if plan.kind is PlanKind.OBLITERATE and not plan.count and not operation.stopped:
        done = f"Removed *{escape(catalog.address(plan.queue), 80)}*, which was empty"
    rest = [
        _some(tally.changed, words.changed(plan, tally.changed)),
        words.vanished(plan, tally.vanished),
        words.left_out_words(plan, operation),
    ]
    refused = bool(plan.canary and tally.refused)
    total = plan.whole if refused else plan.canary or plan.whole
    undone = max(0, total - tally.seen)
    if operation.stopped and undone and (tally.seen or not plan.canary):
        rest.append(f"{number(undone)} not touched")
    said = ", ".join(one for one in rest if one)
    why = f" {number(undone)} not touched." if refused and undone and not operation.stopped else ""
    if operation.stopped and not operation.stopped_by:
        why = f" Ended early: {trusted(operation.stopped, 300)}"
    return f"{done}.{f' {said}.' if said else ''}{why}"


def _error(plan: Plan, policy: QueuePolicy) -> str:
    """The one error that a plan is about, "" where there are more, or it was not chosen by one."""
    only = plan.kind in RETRIES and len(plan.groups) == 1 and plan.filter.code is not None
    return named(plan.groups[0].code, policy, 60) if only else ""


def receipt_words(ended: Receipt, policy: QueuePolicy, plan: Plan, *, over: bool = True) -> str:
    """`*1,950 completed* · 30 failed again (28 WHMCS_ERROR, 2 new: TIMEOUT) · 20 still waiting`.

    Before the watch is `over` its last look may be a minute old: whether they wait is not known.
    """
    said = [f"*{number(ended.completed)} completed*"]
    if ended.failed_again:
        again = " again" if plan.kind in RETRIES else ""
        codes = _codes(ended, policy, plan)
        said.append(f"{number(ended.failed_again)} failed{again} ({codes})")
    if ended.waiting:
        said.append(f"{number(ended.waiting)} {'still waiting' if over else 'not seen to end yet'}")
        if ended.waiting == ended.watched and without_worker(plan.warnings):
            said.append("no worker was connected when it was asked")
    if ended.gone:
        said.append(f"{number(ended.gone)} ended unseen")
    if ended.without_job:
        said.append(escape(ended.jobless_said(), 250))
    if ended.watched < ended.of:
        said.append(f"watched {number(ended.watched)} of {number(ended.of)}")
    return " \u00b7 ".join(said)


def began(plan: Plan, catalog: Catalog) -> Message:
    """In the place of the card, for the one who pressed."""
    queue = escape(catalog.address(plan.queue), 80)
    out = len(plan.overtaken.jobs)
    count = plan.canary or plan.count - plan.done - out
    other = "the other " if plan.done and not plan.canary else ""
    what = f"{other}{jobs(replace(plan, count=count))} of {queue}"
    when = "Begun" if plan.begin_at is None else f"Planned for {date(plan.begin_at)}"
    why = trusted("; ".join(plan.overtaken.said), 400)
    left = f"{number(out)} left out: {why}. " if out and not plan.canary else ""
    return simple(
        f"{when}: {what}. {left}Its message shows how far it is and has the Stop button: in this "
        "channel, or in your direct messages with me where I may not post."
    )


def stopping(plan: Plan, catalog: Catalog) -> Message:
    """For the one who pressed Stop."""
    queue = escape(catalog.address(plan.queue), 80)
    return simple(f"Stopping the {plan.kind.verb} in {queue} after this batch.")


def _title(plan: Plan, operation: Operation) -> str:
    of = plan.canary or plan.whole
    well = went_well(plan.kind.verb, operation.tally.counts(of))
    if (operation.stopped and not operation.stopped_by) or not well:
        return WARNING_SIGN
    if (ended := operation.receipt) is not None and operation.over:
        return _mark(ended).strip()
    return "\u2705" if plan.kind not in RETRIES and operation.tally.done else ""


def _mark(ended: Receipt) -> str:
    return {True: "\u2705 ", False: f"{WARNING_SIGN} ", None: ""}[went_well("", ended.counts())]


def _codes(ended: Receipt, policy: QueuePolicy, plan: Plan) -> str:
    """The codes of what failed again; those that the plan did not have are new."""
    before = {group.code for group in plan.groups}
    if len(ended.failed) == 1 and before.isdisjoint(ended.failed) and before:
        return f"another error: {named(next(iter(ended.failed)), policy, 60)}"
    said = []
    for code, count in list(ended.failed.items())[:_CODES]:
        new = "" if code in before or not before else "new: "
        said.append(f"{number(count)} {new}{named(code, policy, 60)}")
    more = len(ended.failed) - _CODES
    return ", ".join(said) + (f", {plural(more, 'more kind')}" if more > 0 else "")


def _some(count: int, what: str) -> str:
    return f"{number(count)} {'was' if count == 1 else 'were'} {what}" if count else ""


def _people(plan: Plan) -> str:
    """Who confirmed it, and who approved."""
    asked, confirmed = plan.asked_by, plan.confirmed_by or plan.asked_by
    if plan.approved_by:
        return f"{mention(confirmed)}, approved by {mention(plan.approved_by)}"
    if asked != confirmed:
        return f"{mention(asked)}, the rest by {mention(confirmed)}"
    return mention(confirmed)
