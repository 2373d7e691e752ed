"""What the jobs of a queue in memory are about: for the fakes of `plan_facts` and `jobs_about`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.domain.jobs import FailedJob
from bot.domain.plan_facts import FailedAbout, PlanFacts, summed
from bot.domain.subjects import JobAbout, JobsAbout
from bot.domain.times import Ms


@dataclass
class Contents:
    """The data of jobs, and the jobs that are not failed, each with its data.

    Failed jobs were created at `created`, else 5 s before they failed. Those in `orphans` are
    children whose parent has left, those in `children` are all children. Those in `deep` are found
    by a thorough search only; where `complete` is False, not even that sees all jobs. The data of
    those in `unread` cannot be read.
    """

    data: dict[str, dict[str, Any]] = field(default_factory=dict)
    others: list[JobAbout] = field(default_factory=list)
    created: dict[str, Ms] = field(default_factory=dict)
    children: set[str] = field(default_factory=set)
    orphans: set[str] = field(default_factory=set)
    deep: set[str] = field(default_factory=set)
    unread: set[str] = field(default_factory=set)
    complete: bool = True

    def add(self, job: JobAbout, **data: Any) -> None:
        """A job that is not failed."""
        self.others.append(job)
        self.data[job.id] = data

    def value(self, job_id: str, path: str | None) -> str | None:
        """What is at a dotted path of a job's data, as text."""
        found: Any = self.data.get(job_id, {})
        for step in (path or "").split("."):
            found = found.get(step) if isinstance(found, dict) else None
        return str(found) if isinstance(found, str | int) and found != "" else None

    def created_at(self, job: FailedJob) -> Ms:
        """When a failed job was made."""
        return self.created.get(job.id, job.failed_at - 5_000)


def facts(
    jobs: Sequence[FailedJob],
    contents: Contents,
    prioritized: Collection[str],
    *,
    business: str | None,
    subject: str | None,
) -> PlanFacts:
    """The sums over these failed jobs, each of which was allowed three attempts."""
    allowed = 3
    return summed(
        PlanFacts(
            count=1,
            exhausted=int(job.attempts_made >= allowed),
            attempts=allowed if job.attempts_made >= allowed else None,
            prioritized=int(job.id in prioritized),
            children=int(job.id in contents.children),
            orphaned=int(job.id in contents.orphans),
            oldest_created=contents.created_at(job),
            first_failed=job.failed_at,
            last_failed=job.failed_at,
            about=_about(job, contents, business, subject),
        )
        for job in jobs
    )


def _about(
    job: FailedJob, contents: Contents, business: str | None, subject: str | None
) -> tuple[FailedAbout, ...]:
    if not business and not subject:
        return ()
    about = FailedAbout(
        id=job.id, failed_at=job.failed_at, created_at=contents.created_at(job),
        business=contents.value(job.id, business) if business else None,
        subject=contents.value(job.id, subject) if subject else None,
    )  # fmt: skip
    return (about,)


def jobs_about(
    failed: Mapping[str, FailedJob],
    contents: Contents,
    path: str,
    values: Collection[str],
    since: Ms | None,
    *,
    thorough: bool = False,
) -> JobsAbout:
    """All jobs whose data has one of these values there."""
    found: dict[str, tuple[JobAbout, ...]] = {}
    for job in [*_failed(failed, contents), *contents.others]:
        value = contents.value(job.id, path)
        early = since is not None and job.finished_at is not None and job.finished_at < since
        hidden = job.id in contents.deep and not thorough
        if value is not None and value in values and not early and not hidden:
            found[value] = (*found.get(value, ()), job)
    complete = contents.complete and (thorough or not contents.deep)
    unread = frozenset(contents.unread) if values else frozenset()
    return JobsAbout(found=found, complete=complete, unread=len(unread), unread_ids=unread)


def _failed(failed: Mapping[str, FailedJob], contents: Contents) -> Iterator[JobAbout]:
    for job in failed.values():
        yield JobAbout(
            id=job.id, state="failed", created_at=contents.created_at(job),
            finished_at=job.failed_at,
        )  # fmt: skip
