"""What to know before a retry is confirmed: each warning a sentence, and only when it is true."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bot.domain.plans import PlanGroup
from bot.domain.policy import QueuePolicy, Retryable
from bot.domain.times import Ms, say_duration

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
    salesforce: bool = False,
) -> tuple[str, ...]:
    """The warnings of a plan, gravest first; plain sentences that may hold the config's own mrkdwn.

    `last_failed` is when the newest of the jobs failed; `workers` None means unknown;
    `salesforce` says that there are credentials for it.
    """
    return (
        *_after_fix(groups, policy),
        *_unknown(groups, policy),
        *_too_soon(groups, policy, now, last_failed),
        *_other_way(policy, salesforce=salesforce),
        *_queue(paused=paused, workers=workers),
    )


def may_fail_again(groups: Sequence[PlanGroup], policy: QueuePolicy) -> bool:
    """Whether some of the errors are not known to be helped by a retry now."""
    return any(
        policy.error(group.code).retryable in (Retryable.AFTER_FIX, Retryable.UNKNOWN)
        for group in groups
    )


def _after_fix(groups: Sequence[PlanGroup], policy: QueuePolicy) -> list[str]:
    said = []
    for group in groups:
        known = policy.error(group.code)
        if known.retryable is Retryable.AFTER_FIX:
            first = f": {known.resolution.rstrip('.')}" if known.resolution else ""
            said.append(
                f"{group.count:,} × {known.code} will fail again until the cause is fixed{first}"
            )
    return said


def _unknown(groups: Sequence[PlanGroup], policy: QueuePolicy) -> list[str]:
    unknown = [group for group in groups if policy.error(group.code).retryable is Retryable.UNKNOWN]
    if not unknown:
        return []
    names = [f"{group.count:,} × {_named(group.code)}" for group in unknown[:_NAMED]]
    if len(unknown) > _NAMED:
        names.append(f"{len(unknown) - _NAMED:,} more kinds")
    return [f"Unknown whether a retry helps: {', '.join(names)}"]


def _named(code: str) -> str:
    """A failure code that is safe among our own words: it may be a message from a job."""
    if code.replace("_", "").isalnum() and code.isascii() and code.isupper():
        return code[:_NAME]
    flat = " ".join(code.translate(_PLAIN).split())
    return f'"{flat[:_NAME]}…"' if len(flat) > _NAME else f'"{flat}"'


def _too_soon(
    groups: Sequence[PlanGroup], policy: QueuePolicy, now: Ms, last_failed: Ms | None
) -> list[str]:
    waits = any(policy.error(group.code).retryable is Retryable.AFTER_GAP for group in groups)
    if not waits or policy.min_gap <= 0 or last_failed is None:
        return []
    passed = max(0, now - last_failed)
    if passed >= policy.min_gap:
        return []
    least, ago = say_duration(policy.min_gap), say_duration(passed)
    return [f"Wait at least {least} between tries: the last failure was {ago} ago"]


def _other_way(policy: QueuePolicy, *, salesforce: bool) -> list[str]:
    if policy.retry_via != "salesforce" or salesforce:
        return []
    why = "idempotency, audit trail"
    return [f"Best retried through Salesforce ({why}), but it has no credentials: BullMQ retries"]


def _queue(*, paused: bool, workers: int | None) -> list[str]:
    said = ["The queue is paused: nothing runs until it is resumed"] if paused else []
    if workers == 0:
        said.append("No worker is connected: jobs will wait until one is")
    elif workers is None:
        said.append("Unknown whether a worker is connected: Redis does not let me look")
    return said
