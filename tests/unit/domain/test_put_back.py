"""What alerts say of jobs that a person has put back, and when they call nobody for that."""

from dataclasses import replace

import pytest

from bot.domain.incidents import Acknowledgement, Happening, Incident, PutBack, TimelineEntry
from bot.domain.policy import Severity
from bot.domain.put_back import is_explained, is_quiet, told
from bot.domain.times import HOUR, MINUTE
from tests.support.fakes import ORDERS, START

NOW = START + 5 * HOUR
SLACK = MINUTE


def fired(value, *, began=NOW, family="backlog", severity=Severity.CRITICAL):
    """An alert that has just fired: more than 50 wait, or failed."""
    entry = TimelineEntry(
        at=NOW, what=Happening.FIRED, severity=severity, value=value, threshold=50
    )
    return Incident(
        number=1, queue=ORDERS, family=family, rule=family, severity=severity, began_at=began,
        fired_at=NOW, value=value, threshold=50, peak=value, timeline=(entry,),
    )  # fmt: skip


def back(left, *, last=NOW, may_fail=0):
    return PutBack(by="U0BOB", verb="retry", at=last, last=last, left=left, may_fail=may_fail)


def tell(after, *found, before=None):
    return told(before, after, found, now=NOW, slack=SLACK)


EXPLAINED = {
    "all of it": (fired(20_000), [back(20_000)]),
    "all but what the threshold allows": (fired(20_050), [back(20_000)]),
    "two together": (fired(300), [back(200), back(100)]),
    "put back between two looks, before the one at which it fired": (
        fired(300), [back(300, last=NOW - SLACK)],
    ),
    "a drip that still runs, of an alert that began hours ago": (
        fired(300, began=NOW - 3 * HOUR), [replace(back(300), at=NOW - 4 * HOUR)],
    ),
    "failures of jobs of which some may still fail": (
        fired(40 + 50, family="failure_spike"), [back(0, may_fail=40, last=NOW - 20 * MINUTE)],
    ),
}  # fmt: skip
UNEXPLAINED = {
    "nothing was put back": (fired(300), []),
    "one more than the threshold allows": (fired(20_051), [back(20_000)]),
    "the operation was stopped early": (fired(300), [back(30)]),
    "the jobs have ended": (fired(300), [back(0, may_fail=0)]),
    "put back before the alert began, when there was no backlog": (
        fired(300), [back(300, last=NOW - SLACK - 1)],
    ),
    "put back over an hour ago": (
        fired(300, began=NOW - 2 * HOUR), [back(300, last=NOW - HOUR - 1)],
    ),
    "failures of other jobs": (fired(300, family="failure_spike"), [back(300)]),
    "nothing moves any more": (
        fired(300, family="processor_down"), [back(300, may_fail=300)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", EXPLAINED)
def test_an_alert_that_is_explained_calls_nobody(case):
    incident, found = EXPLAINED[case]
    after = tell(incident, *found)
    assert (is_explained(after), is_quiet(after)) == (True, True)
    assert after.facts.put_back


@pytest.mark.parametrize("case", UNEXPLAINED)
def test_an_alert_that_is_not_explained_calls(case):
    incident, found = UNEXPLAINED[case]
    after = tell(incident, *found)
    assert (is_explained(after), is_quiet(after)) == (False, False)
    assert after.timeline == incident.timeline


def test_nothing_else_of_an_explained_alert_is_different():
    incident = fired(300)
    after = tell(incident, back(300))
    plain = replace(after, facts=incident.facts, timeline=incident.timeline)
    assert plain == incident


def test_what_is_no_longer_explained_is_called_for_once():
    first = tell(fired(300), back(300))
    worse = tell(replace(first, value=360), back(300), before=first)
    assert [entry.quiet for entry in worse.timeline] == [True, False]
    assert worse.timeline[-1].what is Happening.ESCALATED
    assert worse.revision == first.revision + 1
    calm = tell(replace(worse, value=340), back(300), before=worse)
    again = tell(replace(calm, value=360), back(300), before=calm)
    assert again.timeline == calm.timeline == worse.timeline


def test_a_warning_that_becomes_critical_by_it_calls_nobody():
    warning = fired(40, severity=Severity.WARNING)
    entry = replace(warning.timeline[0], what=Happening.ESCALATED, severity=Severity.CRITICAL)
    critical = replace(
        warning, severity=Severity.CRITICAL, value=340, timeline=(*warning.timeline, entry)
    )
    assert is_quiet(tell(critical, back(300), before=warning))
    assert not is_quiet(tell(critical, back(200), before=warning))


def test_what_was_called_for_before_the_jobs_were_put_back_stays_called_for():
    first = tell(fired(300))
    after = tell(replace(first, value=20_300), back(20_250), before=first)
    assert is_explained(after)
    assert not is_quiet(after)
    assert after.timeline == first.timeline


@pytest.mark.parametrize(
    "changes", [{"acknowledged": Acknowledgement("U0BOB", NOW)}, {"silenced_by": "s1"}]
)
def test_nobody_is_called_for_what_somebody_has_taken_or_silenced(changes):
    first = tell(fired(300), back(300))
    after = tell(replace(first, value=900, **changes), back(300), before=first)
    assert len(after.timeline) == 1
