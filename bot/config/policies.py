"""From the sections of a file to the domain's policies, every rule filled in."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from bot.config.sections import ErrorSection, FileSection, QueueSection, RuleSection
from bot.domain.policy import ErrorPolicy, QueuePolicy, RuleSettings
from bot.domain.rules import RULES


def default_policy(file: FileSection) -> QueuePolicy:
    """The policy of queues that the file does not name."""
    return QueuePolicy(rules=_rules(_defaults(), file.alerts))


def queue_policies(file: FileSection) -> Mapping[str, QueuePolicy]:
    """The policies by name or pattern, in the file's order."""
    alerts = _rules(_defaults(), file.alerts)
    return MappingProxyType({name: _policy(queue, alerts) for name, queue in file.queues.items()})


def _policy(queue: QueueSection, alerts: Mapping[str, RuleSettings]) -> QueuePolicy:
    return QueuePolicy(
        purpose=queue.purpose,
        channel=queue.channel,
        retry_via=queue.retry_via,
        bullmq=queue.bullmq,
        mention=queue.mention,
        links=MappingProxyType(dict(queue.links)),
        rules=_rules(alerts, queue.alerts),
        errors=MappingProxyType({code: _error(code, e) for code, e in queue.errors.items()}),
        redact=tuple(queue.redact),
        min_gap=queue.min_gap,
    )


def _error(code: str, error: ErrorSection) -> ErrorPolicy:
    return ErrorPolicy(
        code=code, cause=error.cause, resolution=error.resolution, retryable=error.retryable
    )


def _defaults() -> Mapping[str, RuleSettings]:
    return {rule.name: rule.defaults for rule in RULES}


def _rules(
    base: Mapping[str, RuleSettings], given: Mapping[str, RuleSection]
) -> Mapping[str, RuleSettings]:
    return MappingProxyType(
        {
            name: given[name].laid_over(settings) if name in given else settings
            for name, settings in base.items()
        }
    )
