"""The alert rules, one per file. To add one: write its file, and a line in `RULES`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from bot.domain.policy import QueuePolicy, RuleSettings
from bot.domain.rules import backlog, backlog_critical, failure_spike, job_timeout, processor_down
from bot.domain.rules.base import Rule

RULES: Final[tuple[Rule, ...]] = (
    backlog.RULE,
    backlog_critical.RULE,
    failure_spike.RULE,
    processor_down.RULE,
    job_timeout.RULE,
)
"""All rules. In a family, of two that fire with equal severity the later one leads."""

FAMILIES: Final[Mapping[str, tuple[Rule, ...]]] = MappingProxyType(
    {
        family: tuple(one for one in RULES if one.family == family)
        for family in dict.fromkeys(one.family for one in RULES)
    }
)
"""The rules by family: those of one family share one incident a queue."""

_BY_NAME: Final = {one.name: one for one in RULES}


def rule(name: str) -> Rule:
    """The rule of that name.

    Raises:
        KeyError: there is none, for example because a stored incident is older than the code.
    """
    return _BY_NAME[name]


def settings_of(one: Rule, policy: QueuePolicy) -> RuleSettings:
    """A rule's numbers for a queue: the config's, and the rule's defaults where it is silent."""
    said = policy.rules.get(one.name)
    if said is None:
        return one.defaults
    defaults = one.defaults
    return replace(
        said,
        above=defaults.above if said.above is None else said.above,
        for_=defaults.for_ if said.for_ is None else said.for_,
        within=defaults.within if said.within is None else said.within,
        after=defaults.after if said.after is None else said.after,
    )
