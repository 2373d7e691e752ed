"""What may stand in a config file: the one definition of its keys, for checks and hints."""

from __future__ import annotations

from dataclasses import replace
from types import NoneType
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from bot.config.kinds import (
    ApiName,
    ApiVersion,
    CanRetry,
    Channel,
    Channels,
    Count,
    DataPath,
    Duration,
    Kept,
    KeyPart,
    Link,
    SlackId,
    SomeCount,
    SomeTime,
    Viewers,
    Word,
)
from bot.domain.policy import HealthLimits, HealthTable, Retryable, RuleSettings, Severity
from bot.domain.rules import RULES
from bot.domain.salesforce import SalesforcePolicy
from bot.domain.times import DAY, MINUTE, SECOND

_HEALTH = HealthTable()
_SALESFORCE = SalesforcePolicy()


class Section(BaseModel):
    """A mapping with known keys. A key with nothing after it is as good as left out."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _left_out(cls, value: Any) -> Any:
        if value is None:
            return {}
        if not isinstance(value, dict):
            return value
        return {k: v for k, v in value.items() if v is not None or k not in cls.keys("")}

    @classmethod
    def keys(cls, name: str | int) -> tuple[str, ...]:  # noqa: ARG003 - some sections' keys depend on it
        """The keys of the section where it stands under `name`."""
        return tuple(str(key) for key in cls.fields())

    @classmethod
    def fields(cls) -> dict[str | int, Any]:
        """The annotations of what stands under each key."""
        return {f.alias or name: f.annotation for name, f in cls.model_fields.items()}


class SourceSection(Section):
    """One Redis with queues in it."""

    url: SecretStr = SecretStr("${REDIS_URL}")
    prefix: KeyPart = "bull"


class HeartbeatSection(Section):
    """The outside dead-man's switch."""

    url: SecretStr | None = None
    every: SomeTime = MINUTE


class RuleSection(Section):
    """The settings of one alert rule that a file gives; those of `RuleSettings`."""

    above: Count | None = None
    for_: Duration | None = Field(default=None, alias="for")
    within: SomeTime | None = None
    after: SomeTime | None = None
    severity: Literal["warning", "critical"] | None = None

    @classmethod
    def keys(cls, name: str | int) -> tuple[str, ...]:
        """Those that the rule `name` takes; all where there is no such rule."""
        every = super().keys(name)
        for rule in RULES:
            if rule.name == name:
                fields = zip(cls.model_fields, every, strict=True)
                return tuple(key for f, key in fields if getattr(rule.defaults, f) is not None)
        return every

    def given(self) -> tuple[str, ...]:
        """The keys that the file gives."""
        values = (getattr(self, name) for name in type(self).model_fields)
        return tuple(k for k, v in zip(self.keys(""), values, strict=True) if v is not None)

    def laid_over(self, settings: RuleSettings) -> RuleSettings:
        """The settings with what the file says in place."""
        given = {k: v for k in type(self).model_fields if (v := getattr(self, k)) is not None}
        if self.severity is not None:
            given["severity"] = Severity(self.severity)
        return replace(settings, **given)


class CountLimits(Section):
    """A row of the health table that counts jobs."""

    warning: Count | None = None
    critical: Count | None = None
    action: Word | None = None

    def laid_over(self, row: HealthLimits) -> HealthLimits:
        """The row with what the file says in place."""
        return HealthLimits(
            warning=row.warning if self.warning is None else self.warning,
            critical=row.critical if self.critical is None else self.critical,
            action=row.action if self.action is None else self.action,
        )


class TimeLimits(CountLimits):
    """The row of the health table that is a time."""

    warning: Duration | None = None
    critical: Duration | None = None


class HealthSection(Section):
    """The table in `status`."""

    waiting: CountLimits = CountLimits()
    failed: CountLimits = CountLimits()
    processing: TimeLimits = TimeLimits()

    def table(self) -> HealthTable:
        """The whole table."""
        return HealthTable(
            waiting=self.waiting.laid_over(_HEALTH.waiting),
            failed=self.failed.laid_over(_HEALTH.failed),
            processing=self.processing.laid_over(_HEALTH.processing),
        )


class QueueAccessSection(Section):
    """Who may do what to one queue, and from where; a key that is left out is as everywhere."""

    viewers: Viewers = None
    operators: list[SlackId] = []
    admins: list[SlackId] = []
    channels: Channels = None


class AccessSection(QueueAccessSection):
    """Who may do what, and whether anybody may change anything at all."""

    read_only: bool = False


class AuditSection(Section):
    """The audit log."""

    keep: Kept = 10_000


class OperationsSection(Section):
    """Long operations: how gentle they are with Redis, and how much of what they remove is kept."""

    slow_batch_ms: SomeCount = 50
    archive_keep: SomeTime = 7 * DAY
    archive_most_mb: SomeCount = 256


class SalesforceSection(Section):
    """Names, values and limits for the retry through Salesforce; those of `SalesforcePolicy`."""

    object: ApiName = _SALESFORCE.object
    status_field: ApiName = _SALESFORCE.status_field
    error_field: ApiName = _SALESFORCE.error_field
    error_time_field: ApiName = _SALESFORCE.error_time_field
    activating: Word = _SALESFORCE.activating
    failed: list[Word] = list(_SALESFORCE.failed)
    succeeded: list[Word] = list(_SALESFORCE.succeeded)
    api_version: ApiVersion = _SALESFORCE.api_version
    order_id: DataPath = _SALESFORCE.order_id
    reserve: Count = _SALESFORCE.reserve
    timeout: SomeTime = _SALESFORCE.timeout
    stuck_after: SomeTime = _SALESFORCE.stuck_after

    def policy(self) -> SalesforcePolicy:
        """As the domain knows it."""
        given = {name: getattr(self, name) for name in type(self).model_fields}
        lists = {"failed": tuple(self.failed), "succeeded": tuple(self.succeeded)}
        return SalesforcePolicy(**{**given, **lists})


class ErrorSection(Section):
    """What is known of one failure code."""

    cause: str = ""
    resolution: str = ""
    retryable: CanRetry = Retryable.UNKNOWN


class QueueSection(Section):
    """One queue, or all whose names match a pattern."""

    purpose: str = ""
    channel: Channel | None = None
    retry_via: Literal["bullmq", "salesforce"] = "bullmq"
    bullmq: Literal[3, 4, 5, 6] | None = None
    mention: SlackId | None = None
    links: dict[Word, Link] = {}
    alerts: dict[str, RuleSection] = {}
    errors: dict[Word, ErrorSection] = {}
    redact: list[Word] = []
    min_gap: Duration = 0
    business_id: DataPath | None = None
    subject: DataPath | None = None
    access: QueueAccessSection = QueueAccessSection()


class FileSection(Section):
    """The whole file."""

    defaults: bool = True
    sources: dict[KeyPart, SourceSection] = {}
    discover: bool = True
    channel: Channel | None = None
    poll_interval: SomeTime = 15 * SECOND
    alerts: dict[str, RuleSection] = {}
    health: HealthSection = HealthSection()
    heartbeat: HeartbeatSection | None = None
    access: AccessSection = AccessSection()
    audit: AuditSection = AuditSection()
    operations: OperationsSection = OperationsSection()
    salesforce: SalesforceSection = SalesforceSection()
    queues: dict[Word, QueueSection] = {}


def section_at(path: tuple[str | int, ...]) -> type[Section] | None:
    """The section that stands at `path` of a file."""
    found: Any = FileSection
    for step in path:
        found = _below(found, step)
    return found if _is_section(found) else None


def _below(annotation: Any, step: str | int) -> Any:
    """What stands under `step` of a section, or of a mapping or list of one kind."""
    if _is_section(annotation):
        annotation = annotation.fields().get(step)
    elif args := get_args(annotation):
        annotation = args[-1]
    else:
        return None
    optional = [kind for kind in get_args(annotation) if kind is not NoneType]
    return optional[0] if NoneType in get_args(annotation) else annotation


def _is_section(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Section)
