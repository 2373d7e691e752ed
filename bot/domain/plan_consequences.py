"""What a plan's card says of its jobs, besides their errors: each only when it is true."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from bot.domain.listing import all_of
from bot.domain.plan_choice import COMPLETED, NEWER, OPEN, Superseded, TooSoon, noun
from bot.domain.plan_facts import PlanFacts
from bot.domain.plans import PlanKind
from bot.domain.policy import QueuePolicy
from bot.domain.times import DAY, Ms, say_duration

OLD: Final[Ms] = DAY
"""From this age on a job's data may be out of date."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What was found out about the jobs of a plan.

    `facts` is about all that match. `named` jobs are not left out though they are superseded.
    `priority_lost` says that this BullMQ would lose prioritized jobs, so that they are left out.
    `kept` of the failed jobs are in Redis, and no more than `kept_limit` ever are.
    """

    facts: PlanFacts = field(default_factory=PlanFacts)
    superseded: Superseded = field(default_factory=Superseded)
    soon: TooSoon = field(default_factory=TooSoon)
    kind: PlanKind = PlanKind.RETRY
    named: bool = False
    fresh: bool = False
    may_be_fresh: bool = False
    priority_lost: bool = False
    kept: int = 0
    kept_limit: int | None = None


def twice(known: Known, policy: QueuePolicy) -> list[str]:
    """Other jobs for the same business id."""
    path, found = policy.business_id, known.superseded
    if path is None:
        return []
    said = []
    if found.values:
        one = found.values == 1
        jobs = f" ({len(found.jobs):,} jobs)" if len(found.jobs) != found.values else ""
        has = (
            f"{found.values:,} {noun(path, found.values)}{jobs} already {'has' if one else 'have'}"
        )
        what = "" if known.named else "left out, "
        undone = "bringing them back" if known.kind is PlanKind.UNDO else "a retry"
        said.append(
            f"{has} {_which(found.kinds)} job: {what}{undone} would run {_it(found.values)} twice"
        )
    if found.unknown:
        jobs = "1 job names" if found.unknown == 1 else f"{found.unknown:,} jobs name"
        said.append(f"{jobs} no {noun(path, 1)}: unknown whether another did the work")
    return [*said, *_unsure(known, path)]


def unread_words(found: Superseded) -> str:
    """How many jobs were passed over that may do the work of those that have no other; or ""."""
    if not found.unread or not found.unsure:
        return ""
    jobs = "1 job" if found.unread == 1 else f"{found.unread:,} jobs"
    return f"{jobs} of the queue could not be read (over 64 KB, or no JSON)"


def _unsure(known: Known, path: str) -> list[str]:
    """Why there may be others: an undo leaves out what is not known to have none."""
    found, stay = known.superseded, known.kind is PlanKind.UNDO and not known.named
    said, count, it = [], len(found.unsure), "it" if found.unread == 1 else "they"
    if who := unread_words(found):
        mine = "1 job" if count == 1 else f"{count:,} jobs"
        kept = (
            f"{mine} whose {noun(path, 1)} {it} may be about {'is' if count == 1 else 'are'} "
            f"left out. `undo ID --all` brings {_it(count)} back too"
        )
        said.append(f"{who}: {kept if stay else f'{it} may do the same work'}")
    if not found.complete:
        said.append(
            "Too many jobs to look through now: all are before any is back"
            if stay
            else "Too many jobs to look through all for newer and completed ones"
        )
    return said


def _which(kinds: frozenset[str]) -> str:
    words = [
        text
        for kind, text in ((NEWER, "a newer"), (OPEN, "an open"), (COMPLETED, "a completed"))
        if kind in kinds
    ]
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def tried(known: Known, policy: QueuePolicy) -> list[str]:
    """Subjects tried less than `min_gap` ago."""
    count, path = known.soon.subjects, policy.subject_path
    if not count or path is None:
        return []
    were = "was" if count == 1 else "were"
    gap = say_duration(policy.min_gap)
    return [f"{count:,} {noun(path, count)} {were} tried less than {gap} ago"]


def orphans(known: Known) -> list[str]:
    """Children of flows whose parent has gone on without them."""
    count = known.facts.orphaned
    if not count or known.kind is not PlanKind.RETRY:
        return []
    which = "flow child whose parent has" if count == 1 else "flow children whose parents have"
    return [f"{count:,} {which} already left: no retry brings {_it(count)} back"]


def children(known: Known) -> list[str]:
    """Children of flows whose parent waits, or will."""
    count = known.facts.children - known.facts.orphaned
    if count <= 0 or known.kind is not PlanKind.RETRY:
        return []
    if count == 1:
        return ["1 flow child: re-linked, its parent waits for it"]
    return [f"{count:,} flow children: re-linked, their parents wait for them"]


def of_attempts(known: Known) -> list[str]:
    """Attempts that are used up."""
    facts = known.facts
    if not facts.exhausted or known.fresh or known.kind is not PlanKind.RETRY:
        return []
    count, their = facts.exhausted, _their(facts.exhausted)
    left_out = 0 if known.named else len(known.superseded.jobs)
    if facts.count == facts.exhausted:
        count = max(1, facts.count - left_out)
        who = all_of(count) if count > 1 else "It"
        their = _their(count)
    elif left_out:  # which of them had attempts left is not known
        who = f"{facts.exhausted:,} of the {facts.count:,}, those left out too,"
    else:
        who = f"{facts.exhausted:,} of {facts.count:,}"
    if facts.attempts is None:
        used = f"used all {their} attempts"
    else:
        used = f"used {their} {facts.attempts:,} {'attempt' if facts.attempts == 1 else 'attempts'}"
    offer = ", unless given fresh attempts" if known.may_be_fresh else ""
    each = "each gets" if count > 1 else "it gets"
    return [f"{who} {used}: {each} one more try{offer}"]


def of_priorities(known: Known) -> list[str]:
    """Prioritized jobs."""
    count = known.facts.prioritized
    if not count or known.kind is not PlanKind.RETRY:
        return []
    have = f"{count:,} {'has' if count == 1 else 'have'} a priority"
    if known.priority_lost:
        return [f"{have}: left out, this BullMQ would lose {_it(count)}"]
    return [f"{have}, kept"]


def of_the_rest(known: Known, now: Ms) -> list[str]:
    """Vanished ones, old ones, and those that are not kept."""
    facts, said = known.facts, []
    if facts.vanished:
        one = facts.vanished == 1
        job, left = ("job has", "its id is") if one else ("jobs have", "their ids are")
        said.append(f"{facts.vanished:,} failed {job} vanished: only {left} left")
    if facts.oldest_created is not None and now - facts.oldest_created >= OLD:
        age = say_duration(now - facts.oldest_created)
        said.append(f"The oldest is {age} old: its data may be out of date")
    if known.kept_limit is not None and known.kept >= known.kept_limit and not known.named:
        said.append(
            f"{known.kept:,} failed, {known.kept_limit:,} kept at most: older failures are not here"
        )
    return said


def _their(count: int) -> str:
    return "its" if count == 1 else "their"


def _it(count: int) -> str:
    return "it" if count == 1 else "them"
