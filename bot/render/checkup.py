"""The page that `bullhorn check` prints, and the same as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Final

from bot.domain.checkup import Report, Status
from bot.render.words import plural

_WIDEST: Final = 40
"""A longer name of a check does not push all details to the right."""


def page(report: Report) -> str:
    """One line a check, aligned, and a summary; ends with a newline."""
    names = [_visible(finding.check) for finding in report.findings]
    width = min(_WIDEST, max((len(name) for name in names), default=0))
    lines = []
    for name, finding in zip(names, report.findings, strict=True):
        fix = f". {finding.fix}." if finding.fix else ""
        lines.append(f"{finding.status:<4}  {name:<{width}}  {_visible(finding.detail + fix)}")
    return "\n".join([*lines, "", summary(report), ""])


def summary(report: Report) -> str:
    """How many of each."""
    parts = [
        f"{report.count(Status.FAIL)} failed",
        plural(report.count(Status.WARN), "warning"),
    ]
    if skipped := report.count(Status.SKIP):
        parts.append(f"{skipped} skipped")
    return f"{plural(len(report.findings), 'check')}: {', '.join(parts)}."


def as_json(report: Report) -> str:
    """A list of `{check, status, detail, fix}`; ends with a newline."""
    return json.dumps([asdict(finding) for finding in report.findings], indent=2) + "\n"


def _visible(text: str) -> str:
    """Names of queues and channels are others' text: nothing in them moves the cursor."""
    return "".join(sign if sign.isprintable() else "?" for sign in text)
