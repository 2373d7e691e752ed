"""What an alert rule is: data, and a pure function from an observation to a reading."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from bot.domain.memory import QueueMemory
from bot.domain.policy import RuleSettings
from bot.domain.sample import ActiveJob, Sample
from bot.domain.times import Ms


class Unit(StrEnum):
    """What the number of a rule counts."""

    JOBS = "jobs"
    FAILURES = "failures"
    DURATION = "ms"


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """A sample, and the memory that has already taken it in. `now` is the sample's Redis `TIME`."""

    sample: Sample
    memory: QueueMemory
    now: Ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a rule says of an observation.

    `holds` is the bare condition; the engine applies `for`. `since`, where a rule knows better than
    "the first evaluation at which it held", is when the condition began. `jobs` are those it is
    about, `at_least` that the value is a lower bound.
    """

    holds: bool
    value: int
    threshold: int
    since: Ms | None = None
    jobs: tuple[ActiveJob, ...] = ()
    at_least: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One alert rule. Rules of one `family` share one incident a queue, led by the worst.

    `title` is how people call it; `advice` is what the runbook says to do. Settings that are None
    in `defaults` are not settings of this rule, and the config refuses them.
    """

    name: str
    family: str
    title: str
    unit: Unit
    advice: str
    defaults: RuleSettings
    evaluate: Callable[[Observation, RuleSettings], Reading]


def number(setting: int | None) -> int:
    """A setting that the rule's defaults give a number.

    Raises:
        ValueError: it is missing. `settings_of` in this package fills it from the defaults.
    """
    if setting is None:
        raise ValueError("a setting that this rule needs is missing")
    return setting
