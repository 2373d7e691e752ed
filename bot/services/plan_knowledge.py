"""Finds out what a retry's card has to say of its jobs, and which of them it leaves out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from bot.domain.jobs import FailureFilter
from bot.domain.plan_choice import Superseded, TooSoon, superseded, too_soon
from bot.domain.plan_facts import PlanFacts
from bot.domain.policy import QueuePolicy
from bot.domain.queues import QueueId
from bot.domain.subjects import JobsAbout
from bot.domain.times import Ms
from bot.ports import QueueReader
from bot.services.other_jobs import other_jobs


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """The sums over all that match, and which of them have another job or were tried just now."""

    facts: PlanFacts = field(default_factory=PlanFacts)
    superseded: Superseded = field(default_factory=Superseded)
    soon: TooSoon = field(default_factory=TooSoon)


async def look_into(
    reader: QueueReader,
    queue: QueueId,
    policy: QueuePolicy,
    wanted: FailureFilter,
    *,
    ids: Sequence[str] = (),
    now: Ms,
) -> Knowledge:
    """Look at the failed jobs that match or that are named, and at the others they meet.

    Named jobs count as taken, though there is another job for their business id.

    Raises:
        RedisUnavailableError: the queue cannot be read.
    """
    business = policy.business_id
    subject = policy.subject_path if policy.min_gap else None
    facts = await reader.plan_facts(queue, wanted, ids=ids, business=business, subject=subject)
    others = tried = JobsAbout()
    if business is not None:
        about = {job.business for job in facts.about if job.business}
        others = tried = await other_jobs(reader, queue, business, about)
    if subject is not None and subject != business:
        about = {job.subject for job in facts.about if job.subject}
        tried = await other_jobs(reader, queue, subject, about, since=now - policy.min_gap)
    found = superseded(facts, others) if business is not None else Superseded()
    soon = too_soon(facts, tried, () if ids else found.jobs, gap=policy.min_gap, now=now)
    return Knowledge(facts=facts, superseded=found, soon=soon)
