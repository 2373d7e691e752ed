"""`status`: every queue in one readable message, worst first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bot.domain.health import Finding, Level, Metric, QueueHealth, StatusView
from bot.domain.message import Message
from bot.domain.policy import Catalog
from bot.domain.times import MINUTE, Ms, say_duration
from bot.render import levels
from bot.render.kit import (
    Block,
    Element,
    actions,
    button,
    context,
    finish,
    menu,
    overflow,
    section,
)
from bot.render.status_detail import detail, unreadable
from bot.render.status_parts import absent, action, alert_lines, blindness, names
from bot.render.typed import typed
from bot.render.words import date, escape, length, number, plural

__all__ = ["detail", "overview", "unreadable"]

FEW: Final = 6
"""Up to so many queues are each shown in full, the healthy ones too."""

ATTENTION: Final = 12
_ADVICES: Final = 4
_WRONG: Final = {
    Metric.WAITING: "backlog",
    Metric.FAILED: "failed",
    Metric.PROCESSING: "processing",
}
_QUIET: Final[Ms] = 2 * MINUTE
Ranked = Sequence[tuple[QueueHealth, Level]]


def overview(view: StatusView, catalog: Catalog) -> Message:
    """All queues: those that need attention, then the others, each or in one line when many."""
    ranked = view.worst_first()
    bad = sum(level is not Level.HEALTHY for _, level in ranked)
    shown = ranked if len(ranked) <= FEW else ranked[: min(bad, ATTENTION)]
    blocks: list[Block | None] = [section(_headline(view, bad), *blindness(view))]
    compact = len(ranked) > FEW
    blocks += [_queue(view, health, level, catalog, compact=compact) for health, level in shown]
    blocks += [
        context(*_rest(ranked, bad, len(shown), catalog)),
        context(*([_advice(view, shown)] if compact else []), *absent(view, catalog)),
        actions(_menu(ranked[len(shown) :], catalog), _refresh()),
    ]
    return finish(_fallback(view, ranked, bad, catalog), blocks)


def _headline(view: StatusView, bad: int) -> str:
    if not view.healths:
        return f"*{_none(view)}* · {date(view.now)}"
    need = "needs attention" if bad == 1 else "need attention"
    state = f"{number(bad)} {need}" if bad else "all healthy"
    if view.hides:
        state += " · some cannot be seen"
    return f"*{plural(len(view.healths), 'queue')}* · {state} · {date(view.now)}"


def _none(view: StatusView) -> str:
    """Why no queue is shown: all that are known are hidden, or there are none."""
    count = _hidden(view)
    return f"{plural(count, 'queue')} cannot be read now" if count else "No queue seen"


def _hidden(view: StatusView) -> int:
    """How many queues are known, when none could be read."""
    if not view.hides:
        return 0
    others = [q for q in view.memories if not {q.name, q.qualified} & view.broken.keys()]
    return len(view.broken) + len(others)


def _fallback(view: StatusView, ranked: Ranked, bad: int, catalog: Catalog) -> str:
    hidden = " Some cannot be seen." if view.hides else ""
    if not ranked:
        return f"{_none(view)}.{'' if _hidden(view) else hidden}"
    count = plural(len(ranked), "queue")
    if not bad:
        return f"{count}, all healthy.{hidden}"
    worst = escape(catalog.address(ranked[0][0].queue), 80)
    need = "needs" if bad == 1 else "need"
    return f"{count}, {number(bad)} {need} attention; worst: {worst}.{hidden}"


def _queue(
    view: StatusView, health: QueueHealth, level: Level, catalog: Catalog, *, compact: bool
) -> Block:
    address = catalog.address(health.queue)
    name = f"*{escape(address, 80)}*"
    first = f"{levels.marked(level)} · {name} · {_first_number(health)}"
    todo = "" if compact else action(view, health)
    return section(
        first,
        _numbers(view, health),
        *alert_lines(view, health, 1 if compact else 2),
        f"\u2192 {todo}" if todo else "",
        accessory=overflow(
            [
                ("Details", typed("status", address)),
                ("Failed jobs", typed("failed", address)),
                ("Alerts", typed("alerts")),
                ("History", typed("history", address)),
            ]
        ),
    )


def _advice(view: StatusView, shown: Ranked) -> str:
    """Once for all that are shown in short: what to do, by what is wrong."""
    lines: dict[str, str] = {}
    for health, _ in shown:
        if todo := action(view, health):
            lines.setdefault(todo, _WRONG[health.worst.metric] if health.worst else "alert")
    said = [f"{what}: {todo}" for todo, what in list(lines.items())[:_ADVICES]]
    return f"\u2192 {' · '.join(said)}" if said else ""


def _first_number(health: QueueHealth) -> str:
    worst = health.worst
    if worst is None:
        return f"backlog {number(health.sample.counts.backlog)}"
    return _with_limit(worst)


def _with_limit(found: Finding) -> str:
    return f"{levels.finding(found)} ({levels.limit(found)})"


def _numbers(view: StatusView, health: QueueHealth) -> str:
    """The second line: what the first did not say, each only when it says something."""
    sample, counts, now = health.sample, health.sample.counts, view.now
    first = health.worst.metric if health.worst else Metric.WAITING
    others = [_with_limit(found) for found in health.findings[1:]]
    metrics = {found.metric for found in health.findings} | {first}
    parts = ["paused"] if sample.paused else []
    parts += others
    if Metric.WAITING not in metrics:
        parts.append(f"backlog {number(counts.backlog)}")
    if Metric.FAILED not in metrics:
        parts.append(f"{number(sample.failed_in_day)} failed in 24 h")
    parts.append(f"{number(counts.active)} active")
    parts.append(levels.workers(sample.workers, more=sample.more_workers))
    if sample.oldest_waiting_at is not None and counts.backlog:
        parts.append(f"oldest waiting {length(now - sample.oldest_waiting_at)}")
    if counts.delayed:
        parts.append(_delayed(counts.delayed, sample.next_delayed_at, now))
    parts += _course(view, health)
    return " · ".join(parts)


def _delayed(count: int, next_at: Ms | None, now: Ms) -> str:
    if next_at is None:
        return f"{number(count)} delayed"
    wait = next_at - now
    return f"{number(count)} delayed, next {'due' if wait <= 0 else f'in {say_duration(wait)}'}"


def _course(view: StatusView, health: QueueHealth) -> list[str]:
    """Where the backlog goes, or how long nothing has moved, when that is known."""
    memory, backlog = view.memories.get(health.queue), health.sample.counts.backlog
    if memory is None or view.stale or not backlog:
        return []
    runs = health.sample.workers != 0 and not health.sample.paused
    said = "" if memory.trend is None else levels.trend(memory.trend, backlog, runs=runs)
    course = [] if said in ("", "steady") else [said]
    if memory.last_progress is None:
        return course
    growing = course if (memory.trend or 0) > 0 else []
    still = view.now - memory.last_progress
    if still < _QUIET or health.sample.held_back:
        return course
    return [*growing, f"nothing moved for {length(still)}"]


def _rest(ranked: Ranked, bad: int, shown: int, catalog: Catalog) -> list[str]:
    """One line for the queues that need attention but have no room, one for the healthy ones."""
    lines = []
    if bad > shown:
        more = [catalog.address(health.queue) for health, _ in ranked[shown:bad]]
        need = "needs" if len(more) == 1 else "need"
        lines.append(f"and {number(len(more))} more {need} attention: {names(more, 3)}")
    healthy = [health for health, _ in ranked[max(bad, shown) :]]
    if healthy:
        busiest = max(healthy, key=lambda health: health.sample.counts.backlog)
        backlog = busiest.sample.counts.backlog
        name = escape(catalog.address(busiest.queue), 80)
        most = f"busiest: {name}, backlog {number(backlog)}" if backlog else "no backlog"
        lines.append(f"{levels.emoji(Level.HEALTHY)} {number(len(healthy))} healthy, {most}")
    return lines


def _menu(ranked: Ranked, catalog: Catalog) -> Element | None:
    addresses = [catalog.address(health.queue) for health, _ in ranked[:100]]
    return menu("Look at a queue", [(one, typed("status", one)) for one in addresses])


def _refresh() -> Element | None:
    return button("Refresh", typed("status"))
