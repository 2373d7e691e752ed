"""Incidents, silences and what people do to them.

An incident is one alert of one family on one queue, from firing to resolved. Only the leader writes
incidents; what people do reaches it through marks, so that any replica can take a button.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from bot.domain.jobs import FailureGroup
from bot.domain.policy import Severity
from bot.domain.queues import QueueId
from bot.domain.sample import ActiveJob
from bot.domain.times import Ms


class Status(StrEnum):
    """Alertmanager's words; pending lives in the queue's memory, before there is an incident."""

    FIRING = "firing"
    RESOLVED = "resolved"


class Happening(StrEnum):
    """The kinds of lines in an incident's timeline."""

    FIRED = "fired"
    ESCALATED = "escalated"
    EASED = "eased"
    ACKNOWLEDGED = "acknowledged"
    SILENCED = "silenced"
    UNSILENCED = "unsilenced"
    NOTE = "note"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """One line of the timeline: the thread under the alert. `value` is the number at that time.

    One that is `quiet` calls nobody: see `domain/put_back.py`.
    """

    at: Ms
    what: Happening
    severity: Severity | None = None
    value: int | None = None
    threshold: int | None = None
    by: str | None = None
    text: str = ""
    until: Ms | None = None
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Who has taken it, and when."""

    by: str
    at: Ms


@dataclass(frozen=True, slots=True, kw_only=True)
class PutBack:
    """Jobs that an operation of Bullhorn has put back into a queue, as a person had asked.

    `by` is that person, `verb` as the audit log names it ("retry"); it began `at`, and `last` is
    when it last moved a job (now, while it runs). `left` are those that are not known to have
    ended, `failed` those that are known to have failed again, `may_fail` the most that may have.
    """

    by: str
    verb: str
    at: Ms
    last: Ms
    left: int = 0
    failed: int = 0
    may_fail: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What was seen beside the number: it fills the alert's second and third line.

    `trend_per_min` is the smoothed change of the backlog a minute, where the number is the backlog;
    None elsewhere and when not known yet. `at_least` says that the number is a lower bound. `jobs`
    are the longest running of those meant: a sample holds a bounded number of active jobs.
    `workers` and `more_workers` are as in a sample. `backlog` is how many jobs could run, 0 also
    where an older version stored the incident.
    `put_back` is what of the number people have put back themselves, the largest share first.
    """

    workers: int | None = None
    more_workers: bool = False
    paused: bool = False
    active: int = 0
    last_progress: Ms | None = None
    trend_per_min: float | None = None
    jobs: tuple[ActiveJob, ...] = ()
    groups: tuple[FailureGroup, ...] = ()
    at_least: bool = False
    backlog: int = 0
    put_back: tuple[PutBack, ...] = ()

    @property
    def lost(self) -> tuple[ActiveJob, ...]:
        """Of the jobs meant, those that no worker holds any more."""
        return tuple(job for job in self.jobs if not job.locked)


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """One alert. `number` is how people call it; (queue, family) is its fingerprint.

    `rule` is the worst rule firing now, `value` its number against `threshold`, `peak` the worst
    number so far; for processor_down and job_timeout the numbers are ms. `revision` rises with each
    change that must be shown at once; a mere change of the number does not raise it.
    """

    number: int
    queue: QueueId
    family: str
    rule: str
    severity: Severity
    began_at: Ms
    fired_at: Ms
    value: int
    threshold: int
    peak: int
    window: Ms | None = None
    status: Status = Status.FIRING
    resolved_at: Ms | None = None
    acknowledged: Acknowledgement | None = None
    silenced_by: str | None = None
    silenced_until: Ms | None = None
    facts: Facts = field(default_factory=Facts)
    timeline: tuple[TimelineEntry, ...] = ()
    revision: int = 1

    @property
    def fingerprint(self) -> str:
        """The same alert, whenever it fires."""
        return f"{self.queue}#{self.family}"

    @property
    def firing(self) -> bool:
        """Whether it is still on."""
        return self.status is Status.FIRING


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """No alert of these queues and this rule until `until`. `queue` None means all queues.

    `queue` is a queue's name, `source/name`, or its whole identity; a bare name means the queues of
    that name in every source. `rule` is a rule's or family's name, None for all of them.
    """

    id: str
    queue: str | None
    rule: str | None
    until: Ms
    by: str
    at: Ms
    reason: str = ""

    def covers(self, incident: Incident, now: Ms) -> bool:
        """Whether it holds for this incident at `now`."""
        return (
            now < self.until
            and self.queue in (None, incident.queue.name, incident.queue.qualified)
            and self.rule in (None, incident.rule, incident.family)
        )


class MarkKind(StrEnum):
    """What a person, on any replica, did to an incident."""

    ACKNOWLEDGE = "acknowledge"
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Waits in the inbox until the leader folds it into its incident.

    A note names a queue and lands in the thread of each open incident of that queue.
    """

    kind: MarkKind
    by: str
    at: Ms
    number: int | None = None
    queue: QueueId | None = None
    text: str = ""
