"""What the config says about queues: thresholds, owners, errors, links."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Final

from bot.domain.access import AccessPolicy
from bot.domain.queues import QueueId
from bot.domain.times import DAY, MINUTE, SECOND, Ms

REDIS_SCHEMES: Final = ("redis", "rediss", "redis+sentinel", "redis+cluster")
"""How the address of a Redis may begin, from the contract."""


class Severity(StrEnum):
    """How bad: Alertmanager's usual two."""

    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """Higher is worse."""
        return 2 if self is Severity.CRITICAL else 1


class Retryable(StrEnum):
    """Whether trying a job with this error again can help."""

    YES = "yes"
    AFTER_GAP = "after_min_gap"
    AFTER_FIX = "after the cause is fixed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSettings:
    """The numbers of one alert rule. A rule uses those that its defaults set; the rest stay None.

    `above` is exceeded by more than it; `for_` is how long the condition must hold (Prometheus'
    `for`), `within` the window it looks back, `after` the age that is too old; all in ms.
    """

    severity: Severity = Severity.WARNING
    above: int | None = None
    for_: Ms | None = None
    within: Ms | None = None
    after: Ms | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorPolicy:
    """What is known of one failure code, from the runbook."""

    code: str
    cause: str = ""
    resolution: str = ""
    retryable: Retryable = Retryable.UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthLimits:
    """One row of the health table: a value above `warning` or `critical`, and what to do."""

    warning: int
    critical: int
    action: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthTable:
    """The rows of `status`. `processing` is in ms; `failed` counts the last 24 h."""

    waiting: HealthLimits = HealthLimits(warning=10, critical=50, action="Check processor status")
    failed: HealthLimits = HealthLimits(warning=5, critical=20, action="Investigate failures")
    processing: HealthLimits = HealthLimits(
        warning=30 * SECOND, critical=60 * SECOND, action="Check external dependencies"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuePolicy:
    """All the config says of one queue, defaults filled in.

    `rules` holds settings by rule name. `bullmq` is the major version where `meta.version` is
    missing. `min_gap` is the least time between two tries of the same subject, 0 for none.
    `business_id` is the dotted path, in a job's data, of what one job at most should succeed for;
    `subject` that of what `min_gap` is about, see `subject_path`.
    `access` is who may do what to it, None where that is as everywhere.
    """

    purpose: str = ""
    channel: str | None = None
    retry_via: str = "bullmq"
    bullmq: int | None = None
    mention: str | None = None
    links: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    rules: Mapping[str, RuleSettings] = field(default_factory=lambda: MappingProxyType({}))
    errors: Mapping[str, ErrorPolicy] = field(default_factory=lambda: MappingProxyType({}))
    redact: tuple[str, ...] = ()
    min_gap: Ms = 0
    business_id: str | None = None
    subject: str | None = None
    access: AccessPolicy | None = None

    @property
    def subject_path(self) -> str | None:
        """Where a job's data says what `min_gap` is about: `subject`, else the business id."""
        return self.subject or self.business_id

    def error(self, code: str) -> ErrorPolicy:
        """What is known of `code`; an unknown one is retryable: unknown."""
        return self.errors.get(code) or ErrorPolicy(code=code)


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """The policies of all queues: by exact name, else by the first matching pattern, else default.

    The config has already laid each exactly named queue over the first pattern that matches it.
    `access` is who may do what where a queue does not say; `read_only` that nobody may change
    anything.
    """

    default: QueuePolicy
    queues: Mapping[str, QueuePolicy] = field(default_factory=lambda: MappingProxyType({}))
    channel: str | None = None
    health: HealthTable = field(default_factory=HealthTable)
    discover: bool = True
    default_attempts: int = 3
    backoff_delay: Ms = 5 * SECOND
    prefixes: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({"main": "bull"}))
    poll_interval: Ms = MINUTE // 4
    slow_batch: Ms = 50
    archive_keep: Ms = 7 * DAY
    access: AccessPolicy = field(default_factory=AccessPolicy)
    read_only: bool = False

    def policy(self, queue: QueueId | str) -> QueuePolicy:
        """The policy of a queue, by its name."""
        name = queue.name if isinstance(queue, QueueId) else queue
        exact = self.queues.get(name)
        if exact is not None:
            return exact
        pattern = first_match(name, self.queues)
        return self.default if pattern is None else self.queues[pattern]

    def address(self, queue: QueueId) -> str:
        """How people and buttons name a queue: its name; with several sources `source/name`."""
        return queue.name if len(self.prefixes) == 1 else queue.qualified

    def access_to(self, queue: QueueId | str | None) -> AccessPolicy:
        """Who may do what to a queue, also one by its address; None: to all of them together."""
        if queue is None:
            return self.access
        named = queue.name if isinstance(queue, QueueId) else self.name_in(queue)
        return self.policy(named).access or self.access

    def accesses(self) -> tuple[AccessPolicy, ...]:
        """All that are different from each other, the one of all queues first."""
        own = [policy.access for policy in self.queues.values() if policy.access is not None]
        return tuple(dict.fromkeys([self.access, *own]))

    def name_in(self, address: str) -> str:
        """The queue's name in how people call it, which need not be a queue that exists."""
        if len(self.prefixes) == 1:
            return address
        return address.partition("/")[2] or address

    def changes_in_its_channel(self, queue: QueueId) -> bool:
        """Whether anyone may change the queue from where its alerts go, so far as that is known."""
        channel = self.channel_of(queue)
        known = channel is not None and not channel.startswith("#")
        return not self.read_only and (not known or self.access_to(queue).acts_in(channel or ""))

    def watches(self, queue: QueueId) -> bool:
        """Whether a queue found in Redis is watched: all are, unless `discover` is off."""
        return self.discover or self.policy(queue) is not self.default

    def named(self) -> tuple[str, ...]:
        """The queues the config names exactly: shown as "not seen yet" until they are in Redis."""
        return tuple(name for name in self.queues if not is_pattern(name))

    def channel_of(self, queue: QueueId) -> str | None:
        """Where alerts of this queue go."""
        return self.policy(queue).channel or self.channel


def is_pattern(name: str) -> bool:
    """Whether a queue's name in the config is a pattern such as `sim-*`."""
    return any(sign in name for sign in "*?[")


def first_match(name: str, patterns: Iterable[str]) -> str | None:
    """The first pattern that matches a queue's name; names that are no patterns are passed over."""
    matching = (p for p in patterns if is_pattern(p) and fnmatchcase(name, p))
    return next(matching, None)
