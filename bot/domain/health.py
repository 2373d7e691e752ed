"""The health table of `status`: levels, what is above its limit, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import Final

from bot.domain.incidents import Incident, Silence
from bot.domain.memory import QueueMemory
from bot.domain.policy import HealthLimits, HealthTable, QueuePolicy, Severity
from bot.domain.queues import QueueId
from bot.domain.sample import ActiveJob, Sample
from bot.domain.times import SECOND, Ms

LOCKED_BY: Final[Ms] = 5 * SECOND
"""How long after its start a job that has a worker surely has its lock."""

WITHOUT_WORKER: Final = "Its worker has died: `unstick` brings it back"
"""What to do about a job that is active for long where no worker holds it."""


class Level(IntEnum):
    """How a queue is; higher is worse."""

    HEALTHY = 0
    WARNING = 1
    CRITICAL = 2

    @classmethod
    def of(cls, severity: Severity) -> Level:
        """The level an alert of this severity puts its queue on."""
        return cls(severity.rank)


class Metric(StrEnum):
    """The rows of the health table."""

    WAITING = "waiting"
    FAILED = "failed"
    PROCESSING = "processing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A metric above one of its limits: `limit` is the one that `level` comes from.

    `value` and `limit` are jobs, for PROCESSING ms. `action` is what to do about it. `running` says
    that a processing time is the age of a job that is still active.
    """

    metric: Metric
    level: Level
    value: int
    limit: int
    action: str
    running: bool = False

    @property
    def excess(self) -> float:
        """How many times the limit the value is."""
        return self.value / self.limit if self.limit > 0 else float(self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueHealth:
    """A queue and what is wrong with it, worst first; no findings means healthy."""

    sample: Sample
    policy: QueuePolicy
    findings: tuple[Finding, ...] = ()

    @property
    def queue(self) -> QueueId:
        """Which queue."""
        return self.sample.queue

    @property
    def worst(self) -> Finding | None:
        """The finding to name first."""
        return self.findings[0] if self.findings else None

    @property
    def level(self) -> Level:
        """The worst finding's."""
        return self.findings[0].level if self.findings else Level.HEALTHY


def processing(sample: Sample) -> Ms | None:
    """How long a job takes: p95 of those finished, or the oldest active job's age if it is more."""
    starts = [job.started_at for job in sample.active_jobs if job.started_at is not None]
    oldest = max(0, sample.taken_at - min(starts)) if starts else None
    known = [value for value in (sample.processing_p95, oldest) if value is not None]
    return max(known, default=None)


def lost(sample: Sample) -> tuple[ActiveJob, ...]:
    """Of the jobs that have been active longest, those that no worker holds any more.

    Not those that have just begun: BullMQ 3 and 4 take a job first and lock it then.
    """
    return tuple(
        job
        for job in sample.active_jobs
        if not job.locked
        and job.started_at is not None
        and sample.taken_at - job.started_at >= LOCKED_BY
    )


def assess(sample: Sample, policy: QueuePolicy, table: HealthTable) -> QueueHealth:
    """Hold a sample against the health table.

    Waiting is the backlog, failed what failed in the last 24 h and still lies there.
    """
    readings = (
        (Metric.WAITING, sample.counts.backlog, table.waiting),
        (Metric.FAILED, sample.failed_in_day, table.failed),
        (Metric.PROCESSING, processing(sample), table.processing),
    )
    found = [
        _explained(finding, sample)
        for metric, value, limits in readings
        if value is not None and (finding := _finding(metric, value, limits)) is not None
    ]
    # Of equal levels a backlog comes first: while jobs do not run, their failures can wait.
    found.sort(key=lambda one: (-one.level, one.metric is not Metric.WAITING, -one.excess))
    return QueueHealth(sample=sample, policy=policy, findings=tuple(found))


def _explained(finding: Finding, sample: Sample) -> Finding:
    """With what is known of the job that takes so long."""
    if finding.metric is not Metric.PROCESSING or finding.value == sample.processing_p95:
        return finding
    starts = [job.started_at for job in sample.active_jobs if job.started_at is not None]
    dead = any(job.started_at == min(starts) for job in lost(sample))
    return replace(finding, running=True, action=WITHOUT_WORKER if dead else finding.action)


def _finding(metric: Metric, value: int, limits: HealthLimits) -> Finding | None:
    for level, limit in ((Level.CRITICAL, limits.critical), (Level.WARNING, limits.warning)):
        if value > limit:
            return Finding(
                metric=metric, level=level, value=value, limit=limit, action=limits.action
            )
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusView:
    """All that `status` shows, at `now` (Redis `TIME`).

    `not_seen` are queues of the config that are not in Redis. `unreachable` says, by source, since
    when or why it cannot be read, `broken` the same by a queue's address. `stale` says that the
    watch has not run lately: alerts and memories may be out of date.
    """

    now: Ms
    healths: tuple[QueueHealth, ...] = ()
    not_seen: tuple[str, ...] = ()
    unreachable: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    broken: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    incidents: tuple[Incident, ...] = ()
    silences: tuple[Silence, ...] = ()
    memories: Mapping[QueueId, QueueMemory] = field(default_factory=lambda: MappingProxyType({}))
    stale: bool = False

    @property
    def hides(self) -> bool:
        """Whether there are queues that it cannot show."""
        return bool(self.unreachable or self.broken)

    def firing(self, queue: QueueId) -> tuple[Incident, ...]:
        """The queue's open alerts, worst first."""
        own = [one for one in self.incidents if one.queue == queue and one.firing]
        return tuple(sorted(own, key=lambda one: (-one.severity.rank, one.number)))

    def silences_of(self, queue: QueueId) -> tuple[Silence, ...]:
        """The silences that hold for the queue now, for all of its rules or for one."""
        names = (None, queue.name, queue.qualified)
        return tuple(one for one in self.silences if one.until > self.now and one.queue in names)

    def alert_levels(self) -> Mapping[QueueId, Level]:
        """The level that open alerts put queues on; queues without any are left out."""
        levels: dict[QueueId, Level] = {}
        for one in self.incidents:
            if one.firing:
                known = levels.get(one.queue, Level.HEALTHY)
                levels[one.queue] = max(known, Level.of(one.severity))
        return levels

    def level_of(self, health: QueueHealth) -> Level:
        """The worse of the health table and the queue's open alerts."""
        return max(health.level, self.alert_levels().get(health.queue, Level.HEALTHY))

    def worst_first(self) -> tuple[tuple[QueueHealth, Level], ...]:
        """The queues and their levels: by level, how far above the limit, backlog, then name."""
        alerts = self.alert_levels()
        levelled = [
            (health, max(health.level, alerts.get(health.queue, Level.HEALTHY)))
            for health in self.healths
        ]

        def rank(pair: tuple[QueueHealth, Level]) -> tuple[int, float, int, QueueId]:
            health, level = pair
            excess = health.worst.excess if health.worst else 0.0
            return (-level, -excess, -health.sample.counts.backlog, health.queue)

        return tuple(sorted(levelled, key=rank))
