"""Which failed jobs a retry leaves out, and which it would try too soon, by what they are about.

One job at most should succeed for a business id (an order): a job whose order has a newer, an open
or a completed job is not retried unless somebody names it. A subject (a SIM account) should not be
tried twice within `min_gap`: such a retry is offered for later.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from bot.domain.plan_facts import FailedAbout, PlanFacts
from bot.domain.salesforce import whole_id
from bot.domain.subjects import JobAbout, JobsAbout
from bot.domain.times import Ms

NEWER: Final = "newer"
OPEN: Final = "open"
COMPLETED: Final = "completed"

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_TAILS: Final = frozenset({"id", "ids", "uuid", "key", "number", "no", "nr", "ref"})
_HEADS: Final = frozenset({"sf", "salesforce", "whmcs"})
_ACRONYMS: Final = frozenset({"sim", "esim", "imsi", "iccid", "msisdn"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Superseded:
    """Jobs whose business id has another job that does their work, or did it.

    `values` is how many ids that are; `kinds` says which jobs those are: `NEWER`, `OPEN` (older,
    and waiting or running), `COMPLETED`. `unknown` jobs could not be looked into. Of `unsure` ones
    none was found, and there may be one all the same: `unread` jobs of the queue could not be read,
    or it is not `complete`, as there were more than are looked at.
    """

    jobs: tuple[str, ...] = ()
    values: int = 0
    kinds: frozenset[str] = frozenset()
    unknown: int = 0
    unsure: tuple[str, ...] = ()
    unread: int = 0
    complete: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class TooSoon:
    """So many subjects were tried less than the least gap ago; it is over for all at `later_at`."""

    subjects: int = 0
    later_at: Ms | None = None


def superseded(facts: PlanFacts, others: JobsAbout) -> Superseded:
    """Which of the failed jobs have another job for their business id."""
    jobs: list[str] = []
    alone: list[str] = []
    values: set[str] = set()
    kinds: set[str] = set()
    for job in facts.about:
        if not job.business:
            continue
        if found := _kinds(job, others.found.get(job.business, ())):
            jobs.append(job.id)
            values.add(whole_id(job.business))
            kinds |= found
        else:
            alone.append(job.id)
    return Superseded(
        jobs=tuple(jobs),
        values=len(values),
        kinds=frozenset(kinds),
        unknown=max(0, facts.count - sum(job.business is not None for job in facts.about)),
        unsure=() if others.sure else tuple(alone),
        unread=others.unread,
        complete=others.complete and facts.complete,
    )


def _kinds(job: FailedAbout, others: Iterable[JobAbout]) -> set[str]:
    """What kinds of other jobs there are for this job's business id."""
    kinds = set()
    for other in others:
        if other.id == job.id:
            continue
        if other.state == "completed":
            kinds.add(COMPLETED)
        elif _age(other.id, other.created_at) > _age(job.id, job.created_at):
            kinds.add(NEWER)
        elif other.state != "failed":
            kinds.add(OPEN)
    return kinds


def _age(job_id: str, created_at: Ms | None) -> tuple[Ms, int, str]:
    """Orders jobs by their creation; of two in the same millisecond the higher id is newer."""
    number = int(job_id) if job_id.isascii() and job_id.isdigit() and len(job_id) <= 18 else -1  # noqa: PLR2004 - as many digits as a counter of Redis can have
    return created_at or 0, number, job_id


def too_soon(
    facts: PlanFacts, tried: JobsAbout, left_out: Iterable[str], *, gap: Ms, now: Ms
) -> TooSoon:
    """How many subjects of the jobs that are not left out were tried less than `gap` ago.

    The failed jobs' own last try counts as well.
    """
    gone = frozenset(left_out)
    last: Mapping[str, Ms] = _last_tries(facts, tried, now)
    mine = {job.subject for job in facts.about if job.subject and job.id not in gone}
    early = [at for subject in mine if (at := last.get(subject, 0)) > now - gap]
    return TooSoon(subjects=len(early), later_at=max(early) + gap if early else None)


def _last_tries(facts: PlanFacts, tried: JobsAbout, now: Ms) -> Mapping[str, Ms]:
    last: dict[str, Ms] = defaultdict(int)
    for job in facts.about:
        if job.subject:
            last[job.subject] = max(last[job.subject], min(now, job.failed_at))
    for subject, jobs in tried.found.items():
        for one in jobs:
            at = max(one.started_at or 0, one.finished_at or 0)
            last[subject] = max(last[subject], min(now, at))
    return last


def noun(path: str, count: int) -> str:
    """What a dotted path is about, in words: `sfOrderId` orders, `data.simAccount` SIM accounts."""
    words = [word.lower() for word in _WORD.findall(path.rpartition(".")[2])]
    while len(words) > 1 and words[-1] in _TAILS:
        words.pop()
    while len(words) > 1 and words[0] in _HEADS:
        words.pop(0)
    if not words:
        words = ["subject"]
    said = " ".join(word.upper() if word in _ACRONYMS else word for word in words)
    return said if count == 1 or said.endswith("s") else f"{said}s"
