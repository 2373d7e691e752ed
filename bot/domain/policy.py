"""What the config says about queues: thresholds, owners, errors, links."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Final

from bot.domain.queues import QueueId
from bot.domain.times import MINUTE, SECOND, Ms

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

    def error(self, code: str) -> ErrorPolicy:
        """What is known of `code`; an unknown one is retryable: unknown."""
        return self.errors.get(code) or ErrorPolicy(code=code)


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """The policies of all queues: by exact name, else by the first matching pattern, else default.

    The config has already laid each exactly named queue over the first pattern that matches it.
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
