"""How an order stands right before it is changed: whether it is retried, and if not, why."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Final

from bot.domain.salesforce import Order, OrderJob, Retried, SalesforcePolicy, order_key
from bot.domain.subjects import JobAbout
from bot.domain.times import Ms

FINISHED: Final = frozenset({"completed", "failed"})
"""The sets of jobs that nothing more will become of by themselves."""


def standing(
    policy: SalesforcePolicy,
    order: Order | None,
    jobs: Sequence[JobAbout],
    stuck_since: Ms | None,
    *,
    sure: bool,
) -> Retried | None:
    """Why an order is not retried, None when it is; `sure`: it has no other jobs than these."""
    if order is None:
        return Retried.GONE
    activating = policy.is_activating(order)
    if activating and (stuck_since is None or (order.modified_at or 0) > stuck_since):
        return Retried.ALREADY
    if any(stuck_since is not None or job.state not in FINISHED for job in jobs):
        return Retried.HAS_JOB
    if not activating and not policy.expects(order):
        return Retried.UNEXPECTED
    return None if sure else Retried.UNSURE


def ours(what: Retried | None, *, stuck: bool) -> Retried | None:
    """How an order stands that was to be set and has changed since: it was set.

    One that was stuck and is failed may have been left there half-way: it is set on.
    """
    return what if stuck and what in (None, Retried.UNSURE) else Retried.SET


def up_to(jobs: Sequence[OrderJob], ready: Container[str], most: int | None) -> Sequence[OrderJob]:
    """The jobs up to the one with which `most` of their orders are ready (by `order_key`)."""
    room = len(jobs) if most is None else most
    for at, job in enumerate(jobs, start=1):
        room -= order_key(job.order_id or "") in ready
        if not room:
            return jobs[:at]
    return jobs
