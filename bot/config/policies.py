"""From the sections of a file to the domain's policies, every rule filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from bot.config.sections import (
    ErrorSection,
    FileSection,
    QueueAccessSection,
    QueueSection,
    RuleSection,
)
from bot.domain.access import AccessPolicy
from bot.domain.policy import ErrorPolicy, QueuePolicy, RuleSettings
from bot.domain.rules import RULES


def default_policy(file: FileSection) -> QueuePolicy:
    """The policy of queues that the file does not name."""
    return QueuePolicy(rules=_rules(_defaults(), file.alerts))


def queue_policies(file: FileSection) -> Mapping[str, QueuePolicy]:
    """The policies by name or pattern, in the file's order."""
    alerts = _rules(_defaults(), file.alerts)
    access = access_policy(file.access)
    return MappingProxyType(
        {name: _policy(queue, alerts, access) for name, queue in file.queues.items()}
    )


def access_policy(section: QueueAccessSection) -> AccessPolicy:
    """Who may do what, by one section alone."""
    return AccessPolicy(
        viewers=_ids(section.viewers),
        operators=frozenset(section.operators),
        admins=frozenset(section.admins),
        channels=_ids(section.channels),
    )


def queue_access(section: QueueAccessSection, everywhere: AccessPolicy) -> AccessPolicy | None:
    """Who may do what to a queue, None where its section says nothing.

    A role that the section leaves out has whoever has at least that role everywhere: where other
    operators are named for a queue, those of all queues still see it.
    """
    given = section.model_fields_set
    if not given:
        return None
    viewers, operators, admins = everywhere.viewers, everywhere.operators, everywhere.admins
    left_out: dict[str, Any] = {
        "viewers": None if viewers is None else viewers | operators | admins,
        "operators": operators | admins,
        "admins": admins,
        "channels": everywhere.channels,
    }
    own = access_policy(section)
    return replace(own, **{key: ids for key, ids in left_out.items() if key not in given})


def _ids(named: list[str] | None) -> frozenset[str] | None:
    return None if named is None else frozenset(named)


def _policy(
    queue: QueueSection, alerts: Mapping[str, RuleSettings], access: AccessPolicy
) -> QueuePolicy:
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
        business_id=queue.business_id,
        subject=queue.subject,
        access=queue_access(queue.access, access),
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
