"""Alerts as people read them, in each state. Read the snapshots aloud when they change."""

from dataclasses import replace

import pytest

from bot.domain.access import AccessPolicy
from bot.domain.incidents import (
    Acknowledgement,
    Facts,
    Happening,
    PutBack,
    Silence,
    Status,
    TimelineEntry,
)
from bot.domain.policy import Severity
from bot.domain.put_back import told
from bot.domain.times import HOUR, MINUTE, SECOND
from bot.render import alerts, problems
from tests.unit.render import samples as given

CATALOG = given.CATALOG
NOW = given.NOW
WRITER = alerts.AlertRenderer(CATALOG)
TAKEN = Acknowledgement("U0BOB", NOW)
HUSHED = TimelineEntry(at=NOW, what=Happening.SILENCED, by="U0BOB", until=NOW + HOUR, text="deploy")


def test_alerts_of_each_rule(matches):
    matches(WRITER.alert(given.incident(), first=True), "alert_backlog")
    matches(WRITER.alert(given.spike(), first=True), "alert_spike")
    matches(WRITER.alert(given.timeout(), first=False), "alert_timeout")
    matches(WRITER.alert(given.down(), first=False), "alert_down")
    warning = given.incident(
        rule="backlog", severity=Severity.WARNING, value=14, threshold=10, peak=14
    )
    matches(WRITER.alert(warning, first=True), "alert_backlog_warning")


def test_the_advice_of_a_backlog_fits_what_was_seen(matches):
    retried = TimelineEntry(
        at=NOW - 2 * MINUTE, what=Happening.NOTE, by="U0BOB", text="retried 300 WHMCS_ERROR jobs"
    )
    busy = Facts(workers=2, active=3, last_progress=NOW - SECOND, trend_per_min=-40.0, backlog=63)
    flood = given.incident(facts=busy, timeline=(*given.incident().timeline, retried))
    matches(WRITER.alert(flood, first=False), "alert_backlog_busy")
    told = {
        "The queue is paused": Facts(workers=2, paused=True),
        "Check that the processor is running, then restart": Facts(workers=0),
        "Workers are busy": Facts(workers=1, active=1),
        "Scale out if the volume is high": Facts(workers=None, active=1),
    }
    for words, facts in told.items():
        assert words in str(WRITER.alert(given.incident(facts=facts), first=False).blocks)
    later = replace(busy, last_progress=NOW + 5 * MINUTE)
    assert "retry of" not in str(WRITER.alert(replace(flood, facts=later), first=False).blocks)


def put_back(incident, *found):
    """The incident as `domain/put_back.py` leaves it."""
    return told(None, incident, found, now=NOW, slack=MINUTE)


def flood(value=20_040):
    entry = replace(given.incident().timeline[1], what=Happening.FIRED, value=value)
    return given.incident(value=value, peak=value, began_at=NOW, fired_at=NOW, timeline=(entry,))


def test_an_alert_of_what_a_person_has_put_back_says_so_and_calls_nobody(matches):
    retry = PutBack(by="U0BOB", verb="retry", at=NOW, last=NOW + SECOND, left=20_000)
    drip = PutBack(by="U0EVE", verb="promote", at=NOW - HOUR, last=NOW, left=30)
    undo = replace(drip, verb="undo", left=2)
    explained = put_back(flood(), retry)
    matches(WRITER.alert(explained, first=True), "alert_backlog_put_back")
    assert "S0ONCALL" not in str(WRITER.alert(explained, first=True))
    more = put_back(flood(20_090), retry, drip)
    matches(WRITER.alert(more, first=True), "alert_backlog_put_back_by_two")
    loud = put_back(flood(60_000), retry, drip, undo)
    assert "S0ONCALL" in str(WRITER.alert(loud, first=True))
    assert "nobody is called" not in str(WRITER.alert(loud, first=True))
    assert "and 1 more operation" in str(WRITER.alert(loud, first=True))


def test_a_spike_of_jobs_that_failed_again_says_after_what(matches):
    retry = PutBack(by="U0BOB", verb="retry", at=NOW, last=NOW, left=3, failed=11, may_fail=14)
    matches(WRITER.alert(put_back(given.spike(), retry), first=True), "alert_spike_failed_again")
    unseen = put_back(given.spike(), replace(retry, failed=0))
    text = str(WRITER.alert(unseen, first=True))
    assert "up to 14 of them failed again after <@U0BOB>" in text


def test_the_thread_calls_once_when_it_is_no_longer_explained(matches):
    retry = PutBack(by="U0BOB", verb="retry", at=NOW, last=NOW, left=20_000)
    risen = replace(flood(), timeline=given.incident().timeline)
    quiet = put_back(risen, retry)
    assert "S0ONCALL" not in str(WRITER.entry(quiet, 1))
    later = told(quiet, replace(quiet, value=30_000), [retry], now=NOW, slack=MINUTE)
    matches(WRITER.entry(later, 1), "thread_put_back")
    matches(WRITER.entry(later, 2), "thread_put_back_no_longer")
    assert "S0ONCALL" in str(WRITER.entry(later, 2))


def test_no_end_is_foretold_while_nobody_works_on_it():
    def course(**seen):
        facts = Facts(trend_per_min=-40.0, backlog=63, **seen)
        return str(WRITER.alert(given.incident(facts=facts), first=False).blocks)

    assert "clears in" in course(workers=2)
    assert "clears in" in course(workers=None)
    assert "clears in" not in course(workers=0)
    assert "clears in" not in course(workers=2, paused=True)


CHANGES = ("ack", "silence", "unsilence", "retry")


def places(message):
    """The commands that change something, by their button's row and its place in the row."""
    rows = [block["elements"] for block in message.blocks if block["type"] == "actions"]
    return {
        (row, place): element["value"].split()[0]
        for row, elements in enumerate(rows)
        for place, element in enumerate(elements)
        if element["value"].split()[0] in CHANGES
    }


@pytest.mark.parametrize("made", [given.incident, given.spike, given.timeout, given.down])
def test_what_changes_something_never_takes_the_place_of_something_else_that_does(made):
    states = (
        {},
        {"acknowledged": TAKEN},
        {"silenced_by": "s1"},
        {"acknowledged": TAKEN, "silenced_by": "s1"},
        {"status": Status.RESOLVED, "resolved_at": NOW},
    )
    seen = {}
    for state in states:
        for place, command in places(WRITER.alert(made(**state), first=False)).items():
            assert seen.setdefault(place, command) == command


def test_alerts_in_each_state(matches):
    matches(WRITER.alert(given.incident(acknowledged=TAKEN), first=False), "alert_acknowledged")
    silenced = given.incident(silenced_by="s1", silenced_until=NOW + HOUR, timeline=(HUSHED,))
    matches(WRITER.alert(silenced, first=False), "alert_silenced")
    over = {"status": Status.RESOLVED, "value": 3, "resolved_at": NOW + 11 * MINUTE}
    matches(WRITER.alert(given.incident(acknowledged=TAKEN, **over), first=False), "alert_resolved")
    matches(WRITER.alert(given.down(**over), first=False), "alert_down_resolved")
    matches(WRITER.alert(given.spike(**over), first=False), "alert_spike_resolved")
    both = replace(silenced, acknowledged=TAKEN)
    matches(WRITER.alert(both, first=False), "alert_silenced_and_acknowledged")


def test_the_thread(matches):
    lines = (
        *given.incident().timeline,
        HUSHED,
        TimelineEntry(at=NOW, what=Happening.UNSILENCED, by="U0BOB"),
        TimelineEntry(at=NOW, what=Happening.ACKNOWLEDGED, by="U0BOB"),
        TimelineEntry(at=NOW, what=Happening.NOTE, by="U0BOB", text="retried 8 WHMCS_ERROR"),
        TimelineEntry(
            at=NOW, what=Happening.EASED, severity=Severity.WARNING, value=40, threshold=10
        ),
        TimelineEntry(at=NOW + 11 * MINUTE, what=Happening.RESOLVED, value=3),
    )
    incident = given.incident(timeline=lines)
    for index, entry in enumerate(lines):
        matches(WRITER.entry(incident, index), f"thread_{index}_{entry.what.value}")


def test_blind_and_seeing_again(matches):
    matches(WRITER.blind({"main": "Redis does not answer."}, since=NOW, until=None), "blind")
    matches(WRITER.blind({}, since=NOW, until=NOW + 18 * MINUTE), "blind_over")


def test_the_list_of_alerts(matches):
    silence = Silence(
        id="s1",
        queue="sim-management",
        rule="backlog",
        until=NOW + HOUR,
        by="U0BOB",
        at=NOW,
        reason="deploy",
    )
    everything = replace(silence, id="s2", queue=None, rule=None, reason="")
    incidents = [given.spike(acknowledged=TAKEN), given.incident()]
    pending = [("sim-management", "failure_spike", NOW - 2 * MINUTE)]
    matches(alerts.listing(incidents, [silence, everything], pending, NOW, CATALOG), "alerts_list")
    matches(alerts.listing([], [], [], NOW, CATALOG), "alerts_none")
    hushed = given.incident(silenced_by="s2", silenced_until=NOW + HOUR, acknowledged=TAKEN)
    matches(alerts.listing([hushed], [everything], [], NOW, CATALOG), "alerts_silenced")
    matches(alerts.test_alert("C0123", "U0BOB", CATALOG), "alerts_test")
    matches(problems.silence_set(silence, CATALOG), "silence_set")
    matches(problems.silence_ended(everything, "U0BOB", CATALOG), "silence_ended")
    matches(problems.acknowledged(given.incident(), "U0BOB"), "acknowledged")


def test_where_nothing_may_be_changed_an_alert_has_only_what_looks():
    def words(message):
        return [
            element["text"]["text"]
            for block in message.blocks
            for element in block.get("elements", [])
            if element["type"] == "button"
        ]

    queue = given.spike().queue
    elsewhere = AccessPolicy(channels=frozenset({"C0ELSEWHERE"}))
    policy = replace(CATALOG.policy(queue), channel="C0ORDERS", access=elsewhere)
    limited = replace(CATALOG, queues={**CATALOG.queues, queue.name: policy})
    for catalog in (replace(CATALOG, read_only=True), limited):
        drawn = words(alerts.AlertRenderer(catalog).alert(given.spike(), first=True))
        assert drawn
        assert not [word for word in drawn if word.startswith(("Retry", "Silence", "Ack", "End"))]
    named = replace(policy, channel="#orders")
    by_name = replace(CATALOG, queues={**CATALOG.queues, queue.name: named})
    assert "Acknowledge" in words(alerts.AlertRenderer(by_name).alert(given.spike(), first=True))


def test_the_list_draws_what_the_reader_may_use():
    asked = []

    def may_act(queue):
        asked.append(queue)
        return False

    incident = given.spike()
    page = alerts.listing([incident], [], [], NOW, CATALOG, may_act=may_act)
    text = str(page.blocks)
    assert "Acknowledge" not in text
    assert "Silence" not in text
    assert "Status" in text
    assert asked == [incident.queue]
