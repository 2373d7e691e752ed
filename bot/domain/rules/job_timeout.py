"""Job timeout: a job has been active for too long (the runbook's "Job Timeout").

One incident a queue lists the jobs. A sample holds the longest running of them, a bounded number,
so that the longest age is exact and the list may be short.
"""

from __future__ import annotations

from bot.domain.policy import RuleSettings, Severity
from bot.domain.rules.base import Observation, Reading, Rule, Unit, number
from bot.domain.times import MINUTE


def read(seen: Observation, settings: RuleSettings) -> Reading:
    """The value is the longest age of an active job, in ms; `jobs` are those past `after`."""
    after = number(settings.after)
    aged = sorted(
        ((seen.now - job.started_at, job) for job in seen.sample.active_jobs if job.started_at),
        key=lambda pair: (-pair[0], pair[1].id),
    )
    late = tuple(job for age, job in aged if age > after)
    longest = aged[0][0] if aged else 0
    return Reading(holds=bool(late), value=max(0, longest), threshold=after, jobs=late)


RULE = Rule(
    name="job_timeout",
    family="job_timeout",
    title="Job timeout",
    unit=Unit.DURATION,
    advice="Check external dependencies. Restart the BFF if the processor crashed mid-job.",
    defaults=RuleSettings(severity=Severity.WARNING, after=5 * MINUTE),
    evaluate=read,
)
