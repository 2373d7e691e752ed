"""`history`: who did what."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from bot.domain.audit import AuditEntry, Outcome
from bot.domain.message import Message
from bot.domain.operations import went_well
from bot.domain.policy import Catalog, QueuePolicy
from bot.domain.redaction import mask_text
from bot.domain.times import Ms
from bot.render.kit import Block, actions, button, context, finish, section, simple
from bot.render.levels import WARNING_SIGN
from bot.render.typed import typed
from bot.render.words import date, escape, mention, number, plural

ENTRIES: Final = 25
_EACH: Final = 5
_COUNTS: Final = 6
_ASK: Final = " Ask "
"""Begins, in a refusal, the list of those who may."""

_PERSON: Final = re.compile(r"\b[UWS](?=[A-Z]*[0-9])[A-Z0-9]{2,20}\b")
_CHANNEL: Final = re.compile(r"\b[CG](?=[A-Z]*[0-9])[A-Z0-9]{2,20}\b")
_STOPPED: Final = re.compile(r"(?<=; stopped by )[UW][A-Z0-9]{2,20}$")
"""Who stopped an operation, in its outcome."""

_ONLY_IN: Final = re.compile(r"\bonly in [CG][A-Z0-9]+(?:, [CG][A-Z0-9]+)*")
_MARK: Final = {
    Outcome.DONE: "\u2705",
    Outcome.REFUSED: "\U0001f6ab",
    Outcome.FAILED: "\u274c",
    Outcome.STARTED: "\u25b6\ufe0f",
}
_DONE: Final = {True: _MARK[Outcome.DONE], False: WARNING_SIGN, None: "\u25ab\ufe0f"}
"""What is done, by whether it went well: as the message of the operation has it."""


def entries(
    entries: Sequence[AuditEntry],
    queue: str | None,
    now: Ms,
    *,
    catalog: Catalog | None = None,
    page: int = 1,
    page_size: int = ENTRIES,
    more: bool = False,
    since: str | None = None,
    kept: int | None = None,
) -> Message:
    """One page (from 1) of entries, newest first; `queue` is the one asked for, None for all.

    `more` says that there are older ones, `since` is the option as it was typed ("7d"), `kept` how
    many entries the log holds at least. The catalog tells what each queue masks.
    """
    where = f" with *{escape(queue, 80)}*" if queue is not None else ""
    where += f" in the last {escape(since, 20)}" if since is not None else ""
    if not entries:
        return _none(where, queue, page, since)
    shown = entries[:ENTRIES]
    left_out = len(entries) - len(shown)
    more = more or left_out > 0
    title = _title(len(shown), page, page_size, more=more)
    lines = [_entry(one, now, policy_of(one, catalog), named=queue is None) for one in shown]
    blocks: list[Block | None] = [section(f"*{title}*{where}, newest first")]
    blocks += [section(*lines[at : at + _EACH]) for at in range(0, len(lines), _EACH)]
    limit = f"The newest {number(kept)} are kept" if kept is not None else ""
    blocks.append(context(f"\u2026 {number(left_out)} older" if left_out else "", limit))
    blocks.append(_buttons(queue, page, since, more=more))
    newest = mask_text(entries[0].what, policy_of(entries[0], catalog).redact)
    fallback = f"{plural(len(shown), 'action')}, the newest: {escape(newest, 150)}"
    return finish(f"{fallback} ({entries[0].ended})", blocks)


def _title(count: int, page: int, page_size: int, *, more: bool) -> str:
    """Which actions these are: `25 newest actions`, or on a later page `Actions 26-50`."""
    if page == 1:
        return f"{number(count)} newest actions" if more else plural(count, "action")
    first = (page - 1) * page_size + 1
    last = first + count - 1
    if last == first:
        return f"Action {number(first)}"
    return f"Actions {number(first)}\u2013{number(last)}"


def _buttons(queue: str | None, page: int, since: str | None, *, more: bool) -> Block | None:
    return actions(
        button("Newer", _again(queue, page - 1, since)) if page > 1 else None,
        button("Older", _again(queue, page + 1, since)) if more else None,
        button("Refresh", _again(queue, page, since)),
        button("As a file", _again(queue, 1, since, flags=["--csv"])),
    )


def sent(count: int, queue: str | None, since: str | None, *, kept: int) -> Message:
    """Where the file is, and what is in it."""
    where = f" with *{escape(queue, 80)}*" if queue is not None else ""
    where += f" in the last {escape(since, 20)}" if since is not None else ""
    text = (
        f"{plural(count, 'entry', 'entries')}{where}: the file is in your direct messages with me."
    )
    return finish(text, [section(text), context(f"The newest {number(kept)} are kept")])


def _none(where: str, queue: str | None, page: int, since: str | None) -> Message:
    if page == 1:
        return simple(f"Nothing was done{where}{'' if since else ' yet'}.")
    text = f"No older actions{where} on page {number(page)}."
    return finish(text, [section(text), actions(button("Newest", _again(queue, 1, since)))])


def _again(
    queue: str | None, page: int, since: str | None, *, flags: Sequence[str] = ()
) -> str | None:
    words = ["history"] if queue is None else ["history", queue]
    return typed(*words, flags=flags, since=since, page=str(page) if page > 1 else None)


def policy_of(entry: AuditEntry, catalog: Catalog | None) -> QueuePolicy:
    """What is known of an entry's queue, which is named as people name it."""
    if catalog is None or not entry.queue:
        return QueuePolicy()
    return catalog.policy(catalog.name_in(entry.queue))


def _entry(entry: AuditEntry, now: Ms, policy: QueuePolicy, *, named: bool) -> str:
    """One line: how it ended, when, who, what, where, the outcome in words, who approved, why.

    What was done may name a failure code that is a job's own message, and the outcome may quote
    Salesforce, so that both are masked.
    """
    said = entry.queue in entry.what.split()
    queue = f" · {escape(entry.queue, 80)}" if named and entry.queue and not said else ""
    asker = f", asked by {mention(entry.asked_by)}" if entry.asked_by else ""
    chosen = f" ({_masked(entry.filter, policy, 120)})" if entry.filter else ""
    told = _detail(entry, policy) or ", ".join(
        f"{number(count)} {escape(name, 40)}" for name, count in entry.counts[:_COUNTS]
    )
    approver = f" · approved by {mention(entry.approver)}" if entry.approver else ""
    reason = f" · because {_masked(entry.reason, policy, 120)}" if entry.reason else ""
    return (
        f"{_mark(entry)} {date(entry.at, now)} {mention(entry.user)}: "
        f"{_masked(entry.what, policy, 160)}{asker}{chosen}{queue}"
        f"{_ended(entry, told)}{approver}{reason}"
    )


def _ended(entry: AuditEntry, told: str) -> str:
    """How it ended, who else had a part in it, and the rest: ` · expired, @Dana came too late`."""
    who = mention(entry.ended_by) if entry.ended_by else ""
    if entry.ended == "expired":
        return f" · expired, {who} {told}".replace("  ", " ")
    by = (f" when {who} approved" if entry.ended == "void" else f" by {who}") if who else ""
    state = "" if entry.outcome is Outcome.DONE else f" · {entry.ended}{by}"
    return f"{state}: {told}" if told else state


def _mark(entry: AuditEntry) -> str:
    if entry.outcome is not Outcome.DONE:
        return _MARK[entry.outcome]
    return _DONE[went_well(entry.action, dict(entry.counts))]


def _detail(entry: AuditEntry, policy: QueuePolicy) -> str:
    """The outcome in words; who stopped it, or may do it, as mentions."""
    text = _masked(entry.detail, policy, 160)
    if entry.outcome is not Outcome.REFUSED:
        return _STOPPED.sub(lambda found: mention(found[0]), text)
    text = _ONLY_IN.sub(lambda found: _CHANNEL.sub(lambda one: f"<#{one[0]}>", found[0]), text)
    if _ASK not in text:
        return text
    before, ask, people = text.partition(_ASK)
    return before + ask + _PERSON.sub(lambda found: mention(found[0]), people)


def _masked(text: str, policy: QueuePolicy, limit: int) -> str:
    return escape(mask_text(text, policy.redact), limit)
