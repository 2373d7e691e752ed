"""`history`: who did what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bot.domain.audit import AuditEntry, Outcome
from bot.domain.message import Message
from bot.domain.times import Ms
from bot.render.kit import Block, actions, button, context, finish, section, simple
from bot.render.typed import typed
from bot.render.words import date, escape, mention, number, plural

ENTRIES: Final = 25
_EACH: Final = 5
_MARK: Final = {
    Outcome.DONE: "\u2705",
    Outcome.REFUSED: "\U0001f6ab",
    Outcome.FAILED: "\u274c",
    Outcome.STARTED: "\u25b6\ufe0f",
}


def entries(entries: Sequence[AuditEntry], queue: str | None, now: Ms) -> Message:
    """The newest entries, newest first; `queue` is the one asked for, None for all."""
    where = f" with *{escape(queue, 80)}*" if queue is not None else ""
    if not entries:
        return simple(f"Nothing was done{where} yet.")
    shown = entries[:ENTRIES]
    lines = [_entry(entry, now, named=queue is None) for entry in shown]
    blocks: list[Block | None] = [section(f"*{plural(len(shown), 'action')}*{where}, newest first")]
    blocks += [section(*lines[at : at + _EACH]) for at in range(0, len(lines), _EACH)]
    left_out = len(entries) - len(shown)
    blocks.append(context(f"\u2026 {number(left_out)} older" if left_out else ""))
    again = typed("history", queue) if queue is not None else typed("history")
    blocks.append(actions(button("Refresh", again)))
    newest = entries[0]
    fallback = f"{plural(len(shown), 'action')}, the newest: {escape(newest.what, 150)}"
    return finish(f"{fallback} ({newest.outcome.value})", blocks)


def _entry(entry: AuditEntry, now: Ms, *, named: bool) -> str:
    """One line: how it ended, when, who, what, where, and the outcome in words."""
    queue = f" · {escape(entry.queue, 80)}" if named and entry.queue else ""
    state = "" if entry.outcome is Outcome.DONE else f" · {entry.outcome.value}"
    detail = f": {escape(entry.detail, 160)}" if entry.detail else ""
    reason = f" · because {escape(entry.reason, 120)}" if entry.reason else ""
    return (
        f"{_MARK[entry.outcome]} {date(entry.at, now)} {mention(entry.user)}: "
        f"{escape(entry.what, 160)}{queue}{state}{detail}{reason}"
    )
