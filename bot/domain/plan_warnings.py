"""What to know before a retry is confirmed: each warning a sentence, and only when it is true."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from bot.domain import plan_consequences as about
from bot.domain.plan_consequences import Known
from bot.domain.plans import PlanGroup, PlanKind
from bot.domain.policy import QueuePolicy, Retryable
from bot.domain.redaction import is_plain, shown_code
from bot.domain.times import MINUTE, Ms, say_duration

STILL_FAILING: Final[Ms] = 2 * MINUTE
"""A failure younger than this says that its cause is there still, whatever a retry can do."""

CANARY: Final = 5
"""So many jobs are tried first where it is not known that a retry helps."""

_NO_WORKER: Final = "No worker is connected"
_UNKNOWN: Final = "Unknown whether a worker is connected"
_NAMED: Final = 3
_NAME: Final = 60
_PLAIN = str.maketrans(dict.fromkeys("`*_~<>&\n\r\t"))


def plan_warnings(
    groups: Sequence[PlanGroup],
    policy: QueuePolicy,
    *,
    now: Ms,
    last_failed: Ms | None = None,
    paused: bool = False,
    workers: int | None = None,
    busy: bool = False,
    salesforce: bool = False,
    known: Known | None = None,
) -> tuple[str, ...]:
    """The warnings of a plan, gravest first; plain sentences that may hold the config's own mrkdwn.

    Each group's own `last_at` counts; `last_failed`, when the newest of all the jobs failed, stands
    in for it in a plan of one group. `workers` None means unknown, `busy` that a job is locked by
    some worker; `salesforce` says that there are credentials for it. `known` is what was found out
    about the jobs besides their errors.
    """
    groups, known = _dated(groups, last_failed), known or Known()
    kind = known.kind
    return (
        *(about.twice(known, policy) if known.named else ()),
        *_still_failing(groups, policy, now),
        *_after_fix(groups, policy),
        *_queue(paused=paused, workers=workers),
        *(() if known.named else about.twice(known, policy)),
        *about.orphans(known),
        *_unknown(groups, policy),
        *(about.tried(known, policy) or _too_soon(groups, policy, now)),
        *(_other_way(policy, salesforce=salesforce) if kind is PlanKind.RETRY else ()),
        *about.of_attempts(known),
        *about.of_priorities(known),
        *about.children(known),
        *(_unseen(busy=busy) if workers is None else ()),
        *about.of_the_rest(known, now),
    )


def gap_over_at(groups: Sequence[PlanGroup], policy: QueuePolicy, *, now: Ms) -> Ms | None:
    """When the least gap is over for all errors that need it, None when it is over already.

    For queues of which it is not known what their jobs are about.
    """
    early = [group.last_at for group in groups if group.last_at and _waits(group, policy, now)]
    return max(early) + policy.min_gap if early else None


def doubts(groups: Sequence[PlanGroup], policy: QueuePolicy, *, now: Ms) -> tuple[str, ...]:
    """What speaks against a retry now, gravest first: errors that it is not known to help.

    That is an error that still happens, one that needs a fix first or that nobody knows, and one
    whose least time between tries is not over.
    """
    return (
        *_still_failing(groups, policy, now),
        *_after_fix(groups, policy),
        *_unknown(groups, policy),
        *_too_soon(groups, policy, now),
    )


def is_safe(groups: Sequence[PlanGroup], policy: QueuePolicy, *, now: Ms) -> bool:
    """Whether a retry is known to help every group, and all of them are known to be quiet."""
    return all(
        policy.error(group.code).retryable is Retryable.YES
        and group.last_at is not None
        and not _burns(group, policy, now)
        for group in groups
    )


def _dated(groups: Sequence[PlanGroup], last_failed: Ms | None) -> list[PlanGroup]:
    if len(groups) == 1 and groups[0].last_at is None:
        return [replace(groups[0], last_at=last_failed)]
    return list(groups)


def _burns(group: PlanGroup, policy: QueuePolicy, now: Ms) -> bool:
    """Whether an error that a retry can help still happens."""
    if group.last_at is None or now - group.last_at >= STILL_FAILING:
        return False
    return policy.error(group.code).retryable is Retryable.YES


def _waits(group: PlanGroup, policy: QueuePolicy, now: Ms) -> bool:
    """Whether the least time between two tries is not over."""
    if group.last_at is None or now - group.last_at >= policy.min_gap:
        return False
    return policy.error(group.code).retryable is Retryable.AFTER_GAP


def _still_failing(groups: Sequence[PlanGroup], policy: QueuePolicy, now: Ms) -> list[str]:
    said = []
    for group in groups:
        if group.last_at is not None and _burns(group, policy, now):
            ago = say_duration(now - group.last_at)
            text = f"Still failing: the last {_named(group.code, policy)} was {ago} ago"
            todo = policy.error(group.code).resolution.rstrip(".")
            said.append(f"{text}. {todo} first" if todo else text)
    return said


def _after_fix(groups: Sequence[PlanGroup], policy: QueuePolicy) -> list[str]:
    said = []
    for group in groups:
        known = policy.error(group.code)
        if known.retryable is Retryable.AFTER_FIX:
            first = f": {known.resolution.rstrip('.')}" if known.resolution else ""
            name = _named(group.code, policy)
            said.append(f"{group.count:,} × {name} will fail again until the cause is fixed{first}")
    return said


def _unknown(groups: Sequence[PlanGroup], policy: QueuePolicy) -> list[str]:
    unknown = [group for group in groups if policy.error(group.code).retryable is Retryable.UNKNOWN]
    if not unknown:
        return []
    names = [f"{group.count:,} × {_named(group.code, policy)}" for group in unknown[:_NAMED]]
    if len(unknown) > _NAMED:
        names.append(f"{len(unknown) - _NAMED:,} more kinds")
    first = f". Try {CANARY} first" if sum(group.count for group in unknown) > CANARY else ""
    return [f"Unknown whether a retry helps: {', '.join(names)}{first}"]


def _named(code: str, policy: QueuePolicy) -> str:
    """A failure code that is safe among our own words: it may be a message from a job."""
    if is_plain(code):
        return code[:_NAME]
    flat = " ".join(shown_code(code, policy.redact).translate(_PLAIN).split())
    return f'"{flat[:_NAME]}…"' if len(flat) > _NAME else f'"{flat}"'


def _too_soon(groups: Sequence[PlanGroup], policy: QueuePolicy, now: Ms) -> list[str]:
    early = [group for group in groups if _waits(group, policy, now)]
    newest = max(early, key=lambda group: group.last_at or 0, default=None)
    if newest is None or newest.last_at is None:
        return []
    least, ago = say_duration(policy.min_gap), say_duration(now - newest.last_at)
    name = _named(newest.code, policy)
    return [f"Wait at least {least} between tries: the last {name} was {ago} ago"]


def _other_way(policy: QueuePolicy, *, salesforce: bool) -> list[str]:
    if policy.retry_via != "salesforce":
        return []
    but = ": this goes past it" if salesforce else ", but it has no credentials: BullMQ retries"
    return [f"Best retried through Salesforce (idempotency, audit trail){but}"]


def _queue(*, paused: bool, workers: int | None) -> list[str]:
    said = ["The queue is paused: nothing runs until it is resumed"] if paused else []
    if workers == 0:
        said.append(f"{_NO_WORKER}: jobs will wait until one is")
    return said


def without_worker(warnings: Sequence[str]) -> bool:
    """Whether a plan's card said that no worker was there."""
    return any(one.startswith(_NO_WORKER) for one in warnings)


def _unseen(*, busy: bool) -> list[str]:
    why = "none is seen, but active jobs are locked" if busy else "Redis does not let me look"
    return [f"{_UNKNOWN}: {why}"]
