"""Acknowledging, silencing and noting, told as timelines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import triage
from bot.domain.incidents import Acknowledgement, Mark, MarkKind, Silence
from bot.domain.queues import QueueId
from tests.support.timelines import QUEUE, Timeline, moment

CRITICAL = "firing backlog_critical critical"


def firing():
    """A warning about 12 waiting jobs, since 5 minutes."""
    return Timeline().at("0s", waiting=12).at("5m", waiting=12)


def ack(number, by="bob", at="5m"):
    return Mark(kind=MarkKind.ACKNOWLEDGE, by=by, at=moment(at), number=number)


class TestAcknowledge:
    def test_says_who_and_when(self):
        story = firing().ack("bob").expect("firing backlog warning acknowledged")
        assert story.incident.acknowledged == Acknowledgement(by="bob", at=moment("5m"))
        assert (story.story, story.incident.revision) == (["fired", "acknowledged"], 2)
        assert story.incident.timeline[1].by == "bob"

    def test_the_first_one_has_it(self):
        story = firing().fold(ack(1, "bob"), ack(1, "alice")).fold(ack(1, "carol"))
        assert story.incident.acknowledged.by == "bob"
        assert (story.story, story.incident.revision) == (["fired", "acknowledged"], 2)

    def test_survives_restarts_and_numbers(self):
        story = firing().ack("bob").restart().at("6m", waiting=30)
        story.expect("firing backlog warning acknowledged")

    def test_becoming_worse_takes_it_away_and_becoming_better_does_not(self):
        story = firing().ack("bob").at("6m", waiting=60).expect(CRITICAL)
        story.ack("alice").expect(f"{CRITICAL} acknowledged")
        story.at("7m", waiting=20).expect("firing backlog warning acknowledged")
        assert story.story == ["fired", "acknowledged", "escalated", "acknowledged", "eased"]

    def test_the_same_mark_again_does_not_bring_it_back(self):
        firing().fold(ack(1)).at("6m", waiting=60).fold(ack(1)).expect(CRITICAL)

    def test_a_resolved_one_stays_as_it_is(self):
        story = firing().at("6m").ack("bob")
        assert story.incident.acknowledged is None
        assert story.story == ["fired", "resolved"]

    def test_another_number_is_another_incident(self):
        firing().fold(ack(2)).expect("firing backlog warning")


class TestNotes:
    def test_land_on_each_open_incident_of_the_queue(self):
        story = Timeline().at("0s", waiting=60, failed_set=9).note("bob", "retried 8 WHMCS_ERROR")
        for incident in story.incidents.values():
            note = incident.timeline[-1]
            assert (note.what, note.by, note.text) == ("note", "bob", "retried 8 WHMCS_ERROR")
            assert incident.revision == 1

    def test_with_a_number_on_that_incident_alone(self):
        story = Timeline().at("0s", waiting=60, failed_set=9)
        story.fold(Mark(kind=MarkKind.NOTE, by="bob", at=story.now, number=2, text="hello"))
        assert len(story.incidents[1].timeline) == 1
        assert len(story.incidents[2].timeline) == 2

    def test_of_another_queue_are_not_ours(self):
        other = QueueId("main", "bull", "sim-management")
        story = firing()
        story.fold(Mark(kind=MarkKind.NOTE, by="bob", at=story.now, queue=other, text="hello"))
        assert story.story == ["fired"]

    def test_after_it_is_resolved_are_dropped(self):
        assert firing().at("6m").note("bob", "late").story == ["fired", "resolved"]


class TestSilence:
    def test_a_firing_one_goes_quiet_until_the_silence_ends(self):
        story = firing().silence("s1", until="1h").expect("firing backlog warning silenced")
        assert story.incident.silenced_until == moment("1h")
        story.at("59m59s", waiting=12).expect("firing backlog warning silenced")
        story.at("1h", waiting=12).expect("firing backlog warning")
        assert story.story == ["fired", "silenced", "unsilenced"]
        assert story.incident.revision == 3
        assert (story.incident.silenced_by, story.incident.silenced_until) == (None, None)

    def test_before_it_fires_it_opens_silenced(self):
        story = Timeline().at("0s", waiting=12).silence("s1", until="1h").at("5m", waiting=12)
        story.expect("firing backlog warning silenced")
        assert story.story == ["fired", "silenced"]

    def test_ended_by_hand(self):
        firing().silence("s1", until="1h").unsilence("s1").expect("firing backlog warning")

    def test_survives_resolving_and_firing_again(self):
        story = firing().silence("s1", until="1h").at("6m").at("7m", waiting=60)
        story.expect("pending backlog", f"{CRITICAL} silenced")

    def test_of_another_rule_does_not_cover_it(self):
        firing().silence("s1", until="1h", rule="failure_spike").expect("firing backlog warning")

    def test_of_the_worse_rule_ends_when_it_eases(self):
        story = Timeline().at("0s", waiting=60).silence("s1", until="1h", rule="backlog_critical")
        story.expect("pending backlog", f"{CRITICAL} silenced")
        story.at("5m", waiting=20).expect("firing backlog warning")
        assert story.story == ["fired", "silenced", "eased", "unsilenced"]

    def test_of_the_family_covers_both(self):
        story = Timeline().at("0s", waiting=60).silence("s1", until="1h", rule="backlog")
        story.expect("pending backlog", f"{CRITICAL} silenced")

    def test_the_longer_of_two_counts_and_the_rest_follows(self):
        story = firing().silence("s1", until="1h").silence("s2", until="2h")
        assert story.incident.silenced_by == "s2"
        story.fold().fold()
        assert story.story == ["fired", "silenced", "silenced"]
        story.unsilence("s2")
        assert story.incident.silenced_by == "s1"
        assert story.story[-1] == "silenced"

    def test_with_an_acknowledgement(self):
        firing().ack("bob").silence("s1", until="1h").expect(
            "firing backlog warning acknowledged silenced"
        )

    def test_a_resolved_one_stays_as_it_is(self):
        story = firing().silence("s1", until="1h").at("6m").unsilence("s1")
        assert story.story == ["fired", "silenced", "resolved"]
        assert story.incident.silenced_by == "s1"

    @pytest.mark.parametrize(
        ("queue", "covers"),
        [
            (None, True), ("order-provisioning", True), ("main/order-provisioning", True),
            ("other/order-provisioning", False), ("sim-management", False),
        ],
    )  # fmt: skip
    def test_names_of_queues(self, queue, covers):
        silence = Silence(id="s", queue=queue, rule=None, until=moment("1h"), by="carol", at=0)
        assert silence.covers(firing().incident, moment("5m")) is covers


MARKS = st.lists(
    st.builds(
        Mark,
        kind=st.sampled_from(MarkKind),
        by=st.sampled_from(["alice", "bob"]),
        at=st.integers(0, 3),
        number=st.sampled_from([None, 1, 2, 3]),
        queue=st.sampled_from([None, QUEUE]),
        text=st.sampled_from(["", "hello"]),
    ),
    max_size=5,
)
SILENCES = st.lists(
    st.builds(
        Silence,
        id=st.sampled_from(["a", "b", "c"]),
        queue=st.sampled_from([None, QUEUE.name, "other"]),
        rule=st.sampled_from([None, "backlog", "backlog_critical", "failure_spike"]),
        until=st.sampled_from([0, moment("1h"), moment("2h")]),
        by=st.just("carol"),
        at=st.just(0),
    ),
    max_size=4,
)


@given(MARKS, SILENCES)
def test_folding_the_same_again_changes_nothing(marks, silences):
    story = Timeline().at("0s", waiting=60, failed_set=9, active=[])
    story.at("1m", failed_set=9)
    once = triage.fold(story.incidents, marks, silences, story.now)
    assert 1 not in once  # it is resolved
    after = {**story.incidents, **once}
    assert triage.fold(after, marks, silences, story.now + 1) == {}
    for number, incident in once.items():
        assert incident != story.incidents[number]
        assert incident.timeline[: len(story.incidents[number].timeline)] == (
            story.incidents[number].timeline
        )
