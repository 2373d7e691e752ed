"""`status QUEUE`: one queue in full."""

from __future__ import annotations

from bot.domain.compatibility import Action, allow, major_version
from bot.domain.health import WITHOUT_WORKER, QueueHealth, StatusView, lost, processing
from bot.domain.message import Message
from bot.domain.policy import Catalog
from bot.domain.queues import QueueId
from bot.domain.salesforce import StuckOrders
from bot.domain.sample import Sample
from bot.domain.times import Ms
from bot.errors import RefusedError
from bot.render import levels, orders
from bot.render.kit import Block, actions, button, context, fields, finish, link_button, section
from bot.render.status_parts import action, alert_lines, blindness, silence_lines
from bot.render.typed import typed
from bot.render.words import clean, date, escape, length, number, plural, span, trusted


def detail(
    health: QueueHealth | None,
    view: StatusView,
    catalog: Catalog,
    *,
    queue: QueueId | None = None,
    may_retry: bool = True,
    stuck: StuckOrders | None = None,
) -> Message:
    """Counts of every state, what is wrong and what to do, and what may be done to it.

    `health` None means that `queue` could not be read; the view says why. `may_retry` says whether
    the person may, who is told else what operators can do. `stuck` are orders in Salesforce.
    """
    if health is None:
        return _unread(queue, view, catalog)
    address = catalog.address(health.queue)
    blocks: list[Block | None] = [
        section(
            _title(health, view, address),
            trusted(health.policy.purpose),
            *_findings(health),
            _lost(health),
            *alert_lines(view, health, 5),
            *silence_lines(view, health),
            *_first(view, health),
        ),
        fields(*_counts(health, view)),
        orders.of_queue(stuck, address, view.now, may_retry=may_retry),
        orders.of_archives(stuck, view.now, may_retry=may_retry),
        context(*_facts(health, catalog, may_retry=may_retry)),
        context(*blindness(view)),
        actions(
            button("Failed jobs", typed("failed", address)),
            button("Unstick\u2026", typed("unstick", address))
            if may_retry and lost(health.sample)
            else None,
            button("Alerts", typed("alerts")),
            button("History", typed("history", address)),
            button("Refresh", typed("status", address)),
        ),
        actions(*(link_button(label, url) for label, url in list(health.policy.links.items())[:5])),
    ]
    return finish(_fallback(health, view, address), blocks)


def _title(health: QueueHealth, view: StatusView, address: str) -> str:
    paused = " · \u23f8\ufe0f paused" if health.sample.paused else ""
    level = levels.marked(view.level_of(health))
    return f"{level} · *{escape(address, 80)}*{paused} · {date(view.now)}"


def unreadable(queue: str, why: str) -> Message:
    """The queue's source is away. `queue` is its address, `why` says since when or why."""
    said = f"I cannot see *{escape(queue, 80)}* now: {trusted(why).rstrip('.')}."
    again = button("Try again", typed("status", queue))
    text = f"{levels.WARNING_SIGN} {said}"
    return finish(text, [section(text, "What it is doing is unknown."), actions(again)])


def _unread(queue: QueueId | None, view: StatusView, catalog: Catalog) -> Message:
    if queue is None:
        return unreadable("the queue", "it could not be read")
    address = catalog.address(queue)
    why = view.broken.get(address) or view.unreachable.get(queue.source)
    return unreadable(address, why or "it could not be read")


def _fallback(health: QueueHealth, view: StatusView, address: str) -> str:
    counts = health.sample.counts
    paused = ", paused" if health.sample.paused else ""
    return (
        f"{levels.word(view.level_of(health))}: {escape(address, 80)}{paused}, "
        f"backlog {number(counts.backlog)}, {number(counts.active)} active, "
        f"{number(health.sample.failed_in_day)} failed in 24 h"
    )


def _findings(health: QueueHealth) -> list[str]:
    return [
        f"*{levels.finding(found)}* ({levels.limit(found)}) \u2192 {trusted(found.action)}"
        for found in health.findings
    ]


def _lost(health: QueueHealth) -> str:
    """Active jobs whose worker has died."""
    dead = lost(health.sample)
    one = len(dead) == 1
    if not dead or (one and any(found.action == WITHOUT_WORKER for found in health.findings)):
        return ""
    age = length(health.sample.taken_at - min(job.started_at or 0 for job in dead))
    begun = f"begun {age} ago: its worker has died" if one else f"the first begun {age} ago"
    jobs = f"*{plural(len(dead), 'active job')}* without a worker"
    todo = f"`unstick` brings {'it' if one else 'them'} back"
    return f"{levels.WARNING_SIGN} {jobs}, {begun} \u2192 {todo}"


def _first(view: StatusView, health: QueueHealth) -> list[str]:
    """What to do first, where the findings do not say it already."""
    todo = action(view, health)
    said = {trusted(found.action) for found in health.findings}
    return [f"\u2192 First: {todo}"] if todo and todo not in said else []


def _counts(health: QueueHealth, view: StatusView) -> list[str]:
    """Number first; what is always nought on most queues is only said when it is not."""
    sample, counts, now = health.sample, health.sample.counts, view.now
    upcoming = ""
    if counts.delayed and sample.next_delayed_at is not None:
        upcoming = f", next {date(sample.next_delayed_at, now)}"
    total = f" ({number(counts.failed)} in all)" if counts.failed != sample.failed_in_day else ""
    return [
        f"Backlog *{number(counts.backlog)}*{_backlog(health, now)}",
        f"*{number(counts.active)}* active",
        f"*{number(counts.delayed)}* delayed{upcoming}",
        f"*{number(sample.failed_in_day)}* failed in 24 h{total}",
        f"*{number(counts.completed)}* completed, kept",
        f"*{number(counts.waiting_children)}* waiting for children"
        if counts.waiting_children
        else "",
        _processing(health),
        _workers(sample),
    ]


def _workers(sample: Sample) -> str:
    if sample.workers is None:
        why = "none is seen, but jobs are locked" if sample.busy else "Redis does not say"
        return f"Workers: unknown, {why}"
    if sample.more_workers:
        return "Workers connected: how many, Redis does not say"
    return f"*{number(sample.workers)}* {'worker' if sample.workers == 1 else 'workers'} connected"


def _backlog(health: QueueHealth, now: Ms) -> str:
    """What the backlog is made of, in BullMQ's words, where it is not all of one kind; its age."""
    sample, counts = health.sample, health.sample.counts
    kinds = [
        f"{number(count)} {what}"
        for count, what in (
            (counts.waiting, "waiting"),
            (counts.paused_list, "paused"),
            (counts.prioritized, "prioritized"),
            (counts.overdue, "delayed past their time"),
        )
        if count
    ]
    oldest = ""
    if sample.oldest_waiting_at is not None and counts.backlog:
        oldest = f", oldest {length(now - sample.oldest_waiting_at)}"
    return (f": {', '.join(kinds)}" if kinds and counts.backlog != counts.waiting else "") + oldest


def _processing(health: QueueHealth) -> str:
    """The 95th percentile, or a job that is active for longer than that."""
    slow = processing(health.sample)
    if slow is None:
        return ""
    if slow == health.sample.processing_p95:
        return f"*{span(slow)}* processing (p95)"
    return f"*{span(slow)}* oldest active job"


def _facts(health: QueueHealth, catalog: Catalog, *, may_retry: bool) -> list[str]:
    sample = health.sample
    held = sample.held_back
    waits = {
        "concurrency": f"At its global concurrency of {sample.concurrency}",
        "rate limit": f"Rate limited for another {span(sample.rate_limited_for)}",
    }
    defaults = (
        f"Jobs get {plural(catalog.default_attempts, 'attempt')}, "
        f"backoff from {span(catalog.backoff_delay)}, unless they say otherwise"
    )
    via = health.policy.retry_via
    best = f"Best retried through {escape(via.title(), 40)}" if via != "bullmq" else ""
    who = "you can" if may_retry else "operators can"
    return [waits.get(held or "", ""), _version(health, who, catalog.read_only), best, defaults]


def _version(health: QueueHealth, who: str, read_only: bool) -> str:
    """The BullMQ version, and what may be done to it."""
    sample, policy = health.sample, health.policy
    major = major_version(sample.version, policy.bullmq)
    seen = clean((sample.version or "").removeprefix("bullmq:"), 20)
    if major is None:
        name = f"BullMQ version {'unknown' if not seen else f'{escape(seen)} is not known to me'}"
    else:
        name = f"BullMQ {escape(seen) if seen else f'{major} (from the config)'}"
    if read_only:
        return f"{name} · read-only: I change nothing"
    try:
        left_out = allow(Action.RETRY, major=major, paused=sample.paused).leave_out_prioritized
    except RefusedError as refusal:
        return f"{name} · no retry now: {trusted(str(refusal))}"
    retry = "retry, but not of prioritized jobs" if left_out else "retry"
    try:
        allow(Action.FRESH, major=major, paused=sample.paused)
    except RefusedError:
        return f"{name} · {who} {retry}, without fresh attempts"
    return f"{name} · {who} {retry}, with fresh attempts too"
