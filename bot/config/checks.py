"""What single values cannot show: names of rules, settings a rule lacks, limits out of order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bot.config.document import Document, KeyPath
from bot.config.problems import about, line_of, unknown_key
from bot.config.sections import FileSection, RuleSection
from bot.config.texts import dotted, meant, quoted, under
from bot.domain.rules import RULES
from bot.domain.times import say_duration

Problem = tuple[KeyPath, str]


def check(file: FileSection, document: Document) -> None:
    """Check a file whose single values are right.

    Raises:
        ConfigError: the problem that stands first in the file.
    """
    problems = [
        *_alerts(file.alerts, ()),
        *_health(file),
        *_heartbeat(file),
        *_salesforce(file),
    ]
    for name, queue in file.queues.items():
        problems += _alerts(queue.alerts, ("queues", name))
    if problems:
        path, text = min(problems, key=lambda problem: line_of(problem[0], document))
        raise about(path, text, document)


def _alerts(alerts: Mapping[str, RuleSection], above: KeyPath) -> Iterator[Problem]:
    names = [rule.name for rule in RULES]
    for name, section in alerts.items():
        path = (*above, "alerts", name)
        if name not in names:
            yield path, f"unknown rule {quoted(name)}{under(path[:-1])}.{meant(name, names)}"
            continue
        takes = RuleSection.keys(name)
        for key in section.given():
            if key not in takes:
                yield (*path, key), unknown_key((*path, key), RuleSection)


def _health(file: FileSection) -> Iterator[Problem]:
    table = file.health.table()
    for name in type(file.health).fields():
        row = getattr(table, str(name))
        if row.critical < row.warning:
            say = say_duration if name == "processing" else str
            low, high = say(row.critical), say(row.warning)
            path = ("health", name)
            yield path, f"{dotted(path)}: warning ({high}) is above critical ({low})."


def _heartbeat(file: FileSection) -> Iterator[Problem]:
    if (
        file.heartbeat is not None
        and file.heartbeat.url is None
        and file.heartbeat.model_fields_set
    ):
        yield ("heartbeat",), "heartbeat: url is not given."


def _salesforce(file: FileSection) -> Iterator[Problem]:
    section = file.salesforce
    if section.activating.casefold() in (one.casefold() for one in section.failed):
        said = f"{quoted(section.activating)} cannot be a state that a retry is expected in, too."
        yield ("salesforce", "failed"), f"salesforce.failed: {said}"
    others = {one.casefold() for one in (section.activating, *section.failed)}
    for state in section.succeeded:
        if state.casefold() in others:
            said = f"{quoted(state)} cannot be a state of an order that is done, too."
            yield ("salesforce", "succeeded"), f"salesforce.succeeded: {said}"
