"""Drain and obliterate: the dialog, the request for a second admin, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bot.domain.archives import say_size
from bot.domain.emergencies import (
    Emergency,
    Verdict,
    others_may_approve,
    total,
    verdict,
    void_beyond,
)
from bot.domain.message import Message, Modal
from bot.domain.plans import APPROVAL_LIFETIME, DRIFT, Plan, PlanGroup, PlanKind
from bot.domain.policy import Catalog
from bot.domain.queues import QueueId
from bot.domain.times import MINUTE, say_duration
from bot.render import action_ids
from bot.render.kit import actions, button, confirm, context, finish, press, section, simple
from bot.render.levels import WARNING_SIGN
from bot.render.modals import modal
from bot.render.typed import typed
from bot.render.words import date, escape, mention, number, plain, plural, trusted

CALLBACK: Final = "emergency"
"""What a submission of the dialog is called."""

_ADMINS: Final = 5
_NAMES: Final = {"wait": "waiting"}
_TENTH: Final = f"{DRIFT:.0%}"
_MINUTES: Final = APPROVAL_LIFETIME // MINUTE
_FOR_GOOD: Final = f"{WARNING_SIGN} *This cannot be undone.* Nothing is archived."


def dialog(found: Emergency, catalog: Catalog) -> Modal:
    """What goes, what stays, whether it can be undone, who must approve; the name is typed here."""
    plan = found.plan
    address = catalog.address(plan.queue)
    alone = not others_may_approve(catalog.access_to(plan.queue), plan.asked_by)
    question = f"*{_verb(plan).capitalize()} {escape(address, 80)}?*"
    void = f"more than {_TENTH} of these jobs have gone"
    if not _drains(plan):
        void = f"these numbers have changed by more than {_TENTH}"
    approval = (
        f"Another admin must approve within {_MINUTES} minutes. "
        f"The approval is void when {void} by then."
    )
    if alone:
        approval = (
            f"{WARNING_SIGN} *Nobody else can approve this*: you are its only admin. Name a second "
            "one under `access.admins` in the config."
        )
    blocks = [
        section(question, f"*Goes*: {_jobs(plan)}", _numbers(plan.groups)),
        section(f"*Stays*: {_stays(plan, found)}", _orders(plan, catalog), _undone(found)),
        section(approval),
    ]
    return modal(
        f"{_verb(plan).capitalize()} a queue",
        blocks,
        callback_id=CALLBACK,
        metadata=plan.id,
        submit="" if alone else "Ask for approval",
        label="" if alone else f"Type the queue's name: {plain(address, 100)}",
    )


def wrong_name(address: str) -> str:
    """Under the field, when something else was typed."""
    return f"That is not the queue's name. Type {plain(address, 80)}, to the letter."


def not_paused(
    queue: QueueId, kind: PlanKind, active: int, catalog: Catalog, *, lost: int = 0
) -> Message:
    """Obliterate needs a pause, which is offered; and before it the end of what is `lost`.

    Before BullMQ 6 nothing of a paused queue can be unstuck: that comes first.
    """
    address = catalog.address(queue)
    name = f"*{escape(address, 80)}*"
    text = f"{name} is not paused. To {kind.verb} it, pause it first, and let its active jobs end."
    now = f"{plural(active, 'job is', 'jobs are')} active now." if active else ""
    stuck = _lost(lost)
    return finish(
        text,
        [
            section(text, now, stuck),
            actions(
                button("Unstick\u2026", typed("unstick", address)) if lost else None,
                button("Pause it", typed("pause", address, f"before {kind.verb}")),
                button(f"{kind.verb.capitalize()}\u2026", typed(kind.verb, address)),
            ),
        ],
    )


def asked(plan: Plan) -> Message:
    """For the one who asked."""
    until = date(plan.expires_at)
    text = f"Asked: another admin has until {until} to approve. The request is in this channel."
    return simple(text)


def request(plan: Plan, catalog: Catalog) -> Message:
    """For all: who asks for what, until when another admin may approve it."""
    policy = catalog.access_to(plan.queue)
    admins = [mention(one) for one in sorted(policy.admins - {plan.asked_by})[:_ADMINS]]
    headline = f"{mention(plan.asked_by)} asks to {_what(plan, catalog)}"
    undo = "Each job is archived first: it can be undone." if _drains(plan) else _FOR_GOOD
    who = f"For another admin: {', '.join(admins)}." if admins else "For another admin."
    return finish(
        f"{headline}: another admin must approve",
        [
            section(
                f"{WARNING_SIGN} *{headline}*",
                _numbers(plan.groups),
                _orders(plan, catalog),
                undo,
                *(f"{WARNING_SIGN} {trusted(one, 300)}." for one in plan.warnings),
            ),
            context(f"{who} Open until {date(plan.expires_at)}; {_void(plan)}."),
            actions(
                press(
                    "Approve",
                    action_ids.APPROVAL_APPROVE,
                    plan.id,
                    style="danger",
                    confirm=confirm(
                        f"{_verb(plan).capitalize()} {catalog.address(plan.queue)[:60]}?",
                        f"{_jobs(plan)} go, at once. "
                        + ("It can be undone." if _drains(plan) else "It cannot be undone."),
                        "Approve",
                    ),
                ),
                press("Refuse", action_ids.APPROVAL_REFUSE, plan.id),
            ),
        ],
    )


def settled(plan: Plan, catalog: Catalog) -> Message:
    """In the place of the request: what became of it."""
    how, what = verdict(plan), _what(plan, catalog)
    asker, who = mention(plan.asked_by), mention(plan.confirmed_by or plan.asked_by)
    at = f" at {date(plan.confirmed_at)}" if plan.confirmed_at is not None else ""
    if how is Verdict.OPEN:
        return request(plan, catalog)
    if how is Verdict.APPROVED:
        approver = mention(plan.approved_by or "?")
        return simple(f"\u2705 {approver} approved this{at}: {what}, asked by {asker}.")
    again = actions(button("Ask again\u2026", typed(plan.kind.verb, catalog.address(plan.queue))))
    nothing = "Nothing was changed."
    if how is Verdict.VOID:
        title = f"{WARNING_SIGN} *Void*: the queue has changed since {asker} asked to {what}."
        now = f"{number(plan.matching)} now: {_numbers(plan.groups)}"
        return finish(f"{title} {nothing}", [section(title, now, nothing), again])
    if how is Verdict.REFUSED:
        did = "took this back" if plan.confirmed_by == plan.asked_by else "refused this"
        whose = "" if plan.confirmed_by == plan.asked_by else f", asked by {asker}"
        return simple(f"\U0001f6ab {who} {did}{at}: {what}{whose}. {nothing}")
    why = "expired" if how is Verdict.EXPIRED else "could not be posted for sure, and is put aside"
    text = f"The request of {asker} to {what} {why}. {nothing}"
    return finish(text, [section(text), again])


def approved(plan: Plan, catalog: Catalog) -> Message:
    """For the one who approved."""
    queue = escape(catalog.address(plan.queue), 80)
    begins = (
        f"Approved: the {plan.kind.verb} of {queue} begins. Its message in this channel shows how "
        "far it is, and has the Stop button."
    )
    return finish(begins, [section(begins, _orders(plan, catalog))])


def unsent(plan: Plan, why: str) -> Message:
    """For the one who asked: the request is not in the channel."""
    return simple(
        f"I could not post the request to {plan.kind.verb} here ({escape(why.rstrip('.'), 200)}). "
        "Nothing was changed. Ask again, in a channel that I am in."
    )


def _void(plan: Plan) -> str:
    """At which numbers the approval does not count any more."""
    fewest, most = void_beyond(plan.count)
    if _drains(plan):
        return f"void when fewer than {number(fewest)} jobs wait by then"
    there = f"more than {number(most)} or fewer than {number(fewest)} jobs are there by then"
    if not plan.count:
        return "void when any job is there by then"
    return f"void when {there}, or more than {_TENTH} stand in another state"


def _undone(found: Emergency) -> str:
    """Whether it can be undone, how long and up to what; or plainly that it cannot."""
    if not _drains(found.plan):
        return _FOR_GOOD
    return (
        f"*Can be undone for {say_duration(found.kept)}*: each job is archived before it goes. "
        f"Archives may take {say_size(found.cap)}, and {say_size(found.room)} of it are free; when "
        "it is full, the drain stops and leaves the rest."
    )


def _orders(plan: Plan, catalog: Catalog) -> str:
    """That Salesforce does not learn of a drain."""
    if not _drains(plan) or catalog.policy(plan.queue).retry_via != "salesforce":
        return ""
    return (
        f"*In Salesforce*: the orders of {_jobs(plan)} stay activating, without a job to do them, "
        "until `undo` brings the jobs back."
    )


def _drains(plan: Plan) -> bool:
    return plan.kind is PlanKind.DRAIN


def _verb(plan: Plan) -> str:
    return plan.kind.verb


def _jobs(plan: Plan) -> str:
    if plan.count:
        return plural(plan.count, "job")
    return "no job" if _drains(plan) else "no job, but the queue itself"


def _what(plan: Plan, catalog: Catalog) -> str:
    return f"{_verb(plan)} {escape(catalog.address(plan.queue), 80)} ({plural(plan.count, 'job')})"


def _numbers(groups: Sequence[PlanGroup]) -> str:
    """`12 waiting · 0 prioritized · 20 delayed · 2 paused`."""
    said = (f"{number(group.count)} {_NAMES.get(group.code, group.code)}" for group in groups)
    return " \u00b7 ".join(said) if total(groups) else ""


def _ending(found: Emergency) -> str:
    """Jobs that workers hold are never taken from them; those that none holds never end."""
    if found.lost:
        return f" {_lost(found.lost)}"
    be = "is" if found.active == 1 else "are"
    said = f" {number(found.active)} {be} active: they must have ended by then."
    return said if found.active else ""


def _lost(count: int) -> str:
    many = "jobs have lost their worker and never end"
    who = plural(count, "job has lost its worker and never ends", many)
    return f"{who}: `unstick` first." if count else ""


def _stays(plan: Plan, found: Emergency) -> str:
    if not _drains(plan):
        return (
            "nothing. Its schedulers, events and settings go too, the pause with them: what is "
            f"added after that runs at once.{_ending(found)}"
        )
    jobs = f"{number(found.active)} active" if found.active else "active jobs"
    return (
        f"{jobs}, all that completed or failed, the next run of each scheduler, jobs that a flow "
        f"hangs on, and whatever was added after {date(plan.asked_at)}."
    )
