"""`failed QUEUE`: failures grouped by error, and the jobs of a group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bot.domain.failures import OTHER
from bot.domain.jobs import FailedJob, FailureFilter, FailureGroup, FailureReport
from bot.domain.message import Message
from bot.domain.plans import GHOSTS
from bot.domain.policy import Catalog, ErrorPolicy, QueuePolicy, Retryable
from bot.domain.queues import QueueId
from bot.domain.redaction import carries
from bot.domain.times import MINUTE, Ms
from bot.render import levels
from bot.render.kit import (
    Block,
    Element,
    Style,
    actions,
    button,
    context,
    finish,
    overflow,
    section,
    simple,
)
from bot.render.reasons import about, named, quoted
from bot.render.typed import typed
from bot.render.words import as_option, code, date, escape, number, plural, trusted

GROUPS: Final = 12
JOBS: Final = 20
_REASON: Final = 160


def report(
    report: FailureReport,
    policy: QueuePolicy,
    wanted: FailureFilter,
    catalog: Catalog,
    may_retry: bool = True,
    *,
    since: str | None = None,
) -> Message:
    """Failures by error, most frequent first; `since` is the option as it was typed ("2h")."""
    asked = _Asked(catalog.address(report.queue), wanted, policy, since, report.taken_at)
    if not report.groups:
        return _nothing(report, asked, may_retry=may_retry)
    shown = report.groups[:GROUPS]
    blocks: list[Block | None] = [section(_headline(report, asked))]
    for group in shown:
        blocks.append(section(*_group(group, policy, report.taken_at)))
        blocks.append(actions(*_group_buttons(group, policy, asked, may_retry=may_retry)))
    blocks.append(context(*_footnotes(report, shown)))
    blocks.append(
        actions(
            _retry_all(report, asked, may_retry=may_retry),
            _take_out("Remove those without data\u2026", report, asked, may=may_retry),
        )
    )
    worst = ", ".join(f"{number(one.count)} {named(one.code, policy, 40)}" for one in shown[:3])
    return finish(f"{number(report.total)} failed in {escape(asked.queue, 80)}: {worst}", blocks)


def jobs(
    queue: QueueId,
    jobs: Sequence[FailedJob],
    wanted: FailureFilter,
    total: int,
    page: int,
    page_size: int,
    policy: QueuePolicy,
    catalog: Catalog,
    *,
    since: str | None = None,
    now: Ms | None = None,
    may_retry: bool = True,
    of: str | None = None,
) -> Message:
    """One page (from 1) of failed jobs, newest first, each with its Details and Retry.

    `of` is the operation that had retried them.
    """
    newest = max((job.failed_at for job in jobs), default=None)
    asked = _Asked(catalog.address(queue), wanted, policy, since, now or newest, of=of)
    address = escape(asked.queue, 80)
    if not jobs:
        return simple(f"No failed jobs on page {number(page)} of *{address}*{asked.words()}.")
    first = (page - 1) * page_size + 1
    last = first + len(jobs) - 1
    span = f"*{number(first)}\u2013{number(last)}* of {number(max(total, last))}"
    title = f"{span} failed in *{address}*{asked.words()}, newest first"
    blocks: list[Block | None] = [section(title)]
    blocks += [_job(job, asked, may_retry=may_retry) for job in jobs[:JOBS]]
    left_out = len(jobs) - JOBS
    blocks.append(context(f"\u2026 {number(left_out)} more on this page" if left_out > 0 else ""))
    previous = asked.listing(page - 1) if page > 1 else None
    following = asked.listing(page + 1) if last < total else None
    blocks.append(actions(button("Previous", previous), button("Next", following)))
    return finish(f"{number(total)} failed in {address}, page {number(page)}", blocks)


class _Asked:
    """What was asked for, as words and as the options of the next command."""

    def __init__(
        self,
        queue: str,
        wanted: FailureFilter,
        policy: QueuePolicy,
        since: str | None,
        now: Ms | None,
        *,
        of: str | None = None,
    ) -> None:
        self.queue = queue
        self.of = of
        self.wanted = wanted
        self.policy = policy
        self.now = now
        self.since = since or self._since()

    def _since(self) -> str | None:
        """The start as a duration back from now, rounded up to whole minutes."""
        if self.wanted.since is None or self.now is None:
            return None
        return as_option(max(MINUTE, self.now - self.wanted.since))

    def words(self) -> str:
        """Said after the queue: " with WHMCS_ERROR, named provision, since 01:00"."""
        wanted = self.wanted
        parts = [
            f"with {named(wanted.code, self.policy)}" if wanted.code is not None else "",
            f"named {code(wanted.name, 60)}" if wanted.name is not None else "",
            f"since {date(wanted.since, self.now)}" if wanted.since is not None else "",
        ]
        said = ", ".join(part for part in parts if part)
        again = " again after they were retried" if self.of else ""
        return again + (f" {said}" if said else "")

    def listing(self, page: int = 1, *, error: str | None = None) -> str | None:
        """The command that lists the jobs."""
        return about(
            "failed",
            self.queue,
            error if error is not None else self.wanted.code,
            self.policy,
            flags=("--jobs",),
            name=self.wanted.name,
            since=self.since,
            of=self.of,
            page=str(page) if page > 1 else None,
        )

    def retry(self, error: str | None) -> str | None:
        """The command that proposes to retry the jobs with this error; None for all of them."""
        return about(
            "retry",
            self.queue,
            error,
            self.policy,
            flags=() if error is not None else ("--all",),
            name=self.wanted.name,
            since=self.since,
        )


def _nothing(report: FailureReport, asked: _Asked, *, may_retry: bool) -> Message:
    address = f"*{escape(asked.queue, 80)}*"
    good = f"{levels.RESOLVED} "
    if said := asked.words():
        text = f"No failed job in {address}{said}."
        if report.kept:
            text += f" {plural(report.kept, 'failed job')} without that."
            return finish(text, [section(text), actions(_everything(asked))])
        return simple(text)
    gone = ""
    if report.vanished:
        gone = f" {plural(report.vanished, 'failed job')} without data: only the id is left."
    text = f"{good}No failed jobs in {address}.{gone}"
    out = _take_out("Remove these\u2026", report, asked, may=may_retry)
    return finish(text, [section(text), actions(out)])


def _take_out(label: str, report: FailureReport, asked: _Asked, *, may: bool) -> Element | None:
    """The way out for ids whose hash is gone: no retry helps them, and jobs beside them stay."""
    return button(label, typed("clean", asked.queue, GHOSTS)) if may and report.vanished else None


def _everything(asked: _Asked) -> Element | None:
    return button("Show all failures", typed("failed", asked.queue))


def _headline(report: FailureReport, asked: _Asked) -> str:
    words = asked.words()
    of = f" of {number(report.kept)}" if words and report.kept > report.total else ""
    total = f"*{number(report.total)}{of} failed* in *{escape(asked.queue, 80)}*{words}"
    if report.kept_limit is not None and report.kept >= report.kept_limit:
        total += f" · only the last {number(report.kept_limit)} kept"
    return f"{total} · {date(report.taken_at)}"


def _group(group: FailureGroup, policy: QueuePolicy, now: Ms) -> list[str]:
    known = policy.error(group.code)
    name = named(group.code, policy)
    reason = quoted(group.example_reason, policy, _REASON)
    helps = levels.retry_word(known.retryable, policy, last_at=group.last_at, now=now)
    when = date(group.last_at, now)
    if group.count > 1:
        when = f"{date(group.first_at, now)} \u2013 {when}"
    return [
        f"*{number(group.count)} × {name}* · {helps}",
        advice(known),
        f"{when} · e.g. job {code(group.example_id, 60)}: {reason}",
    ]


def advice(known: ErrorPolicy) -> str:
    """Cause and resolution of a failure code from the config, "" when there is neither."""
    cause = trusted(known.cause).rstrip(".")
    resolution = trusted(known.resolution)
    if cause and resolution:
        return f"{cause}. \u2192 {resolution}"
    return cause or (f"\u2192 {resolution}" if resolution else "")


def _group_buttons(
    group: FailureGroup, policy: QueuePolicy, asked: _Asked, *, may_retry: bool
) -> list[Element | None]:
    """Retry leads where it can help, and comes second where it may not."""
    if group.code == OTHER:
        return []
    helps = policy.error(group.code).retryable is Retryable.YES
    style: Style | None = "primary" if helps else None
    retry = None
    if may_retry:
        label = (
            "Retry this one\u2026"
            if group.count == 1
            else f"Retry these {number(group.count)}\u2026"
        )
        retry = button(label, asked.retry(group.code), style=style)
    show = button("Show jobs", asked.listing(error=group.code))
    if not carries(group.code, policy.redact):
        # Its code would hold what is masked: the way to its jobs is the example's.
        show = button("Show this job", typed("job", asked.queue, group.example_id))
    return [retry, show] if helps else [show, retry]


def _footnotes(report: FailureReport, shown: Sequence[FailureGroup]) -> list[str]:
    lines = []
    others = report.groups[len(shown) :]
    if others:
        count = sum(group.count for group in others)
        kinds = plural(len(others), "more kind")
        lines.append(f"and {number(count)} in {kinds} of error; narrow it with `--error CODE`")
    if report.vanished:
        ids = plural(report.vanished, "failed job")
        lines.append(f"{ids} without data: not counted")
    return lines


def _retry_all(report: FailureReport, asked: _Asked, *, may_retry: bool) -> Element | None:
    if not may_retry or len(report.groups) < 2 or asked.wanted.code is not None:  # noqa: PLR2004 - one group has its own button
        return None
    return button(f"Retry all {number(report.total)}\u2026", asked.retry(None))


def _job(job: FailedJob, asked: _Asked, *, may_retry: bool) -> Block:
    retry = typed("retry", asked.queue, job.id, failed_at=str(job.failed_at)) if may_retry else None
    tries = plural(job.attempts_made, "attempt")
    return section(
        f"{code(job.id, 60)} {escape(job.name, 60)} · {date(job.failed_at, asked.now)} · {tries}",
        quoted(job.reason, asked.policy, _REASON),
        accessory=overflow([("Details", typed("job", asked.queue, job.id)), ("Retry", retry)]),
    )
