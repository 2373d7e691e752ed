"""What to do next in Slack: case by case."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.notices import EDIT_GAP, GIVE_UP, SETTLE, Notice, Step, may_post, next_step
from bot.domain.times import SECOND
from tests.support.timelines import Timeline, moment

NOW = moment("5m")


def firing():
    return Timeline().at("0s", waiting=12).at("5m", waiting=12)


def shown(incident, **more):
    """A notice that shows all of this incident."""
    made = Notice(
        number=incident.number, channel="C1", ts="1.1", shown_revision=incident.revision,
        shown_value=incident.value, shown_at=NOW, replies=len(incident.timeline),
    )  # fmt: skip
    return replace(made, **more)


def test_a_new_incident_is_posted_and_the_post_says_that_it_fired():
    incident = firing().incident
    assert next_step(incident, Notice(number=1), NOW) is Step.POST
    assert next_step(incident, replace(shown(incident), replies=Notice(number=1).replies), NOW) is (
        None
    )


def test_a_change_is_edited_first_and_told_in_the_thread_then():
    story = firing()
    before = shown(story.incident)
    incident = story.ack("bob").incident
    assert next_step(incident, before, NOW) is Step.EDIT
    edited = replace(before, shown_revision=incident.revision)
    assert next_step(incident, edited, NOW) is Step.REPLY
    assert incident.timeline[edited.replies].what == "acknowledged"
    assert next_step(incident, replace(edited, replies=2), NOW) is None


def test_a_note_alone_edits_nothing():
    story = firing()
    before = shown(story.incident)
    assert next_step(story.note("bob", "retried 8").incident, before, NOW) is Step.REPLY


def test_a_number_alone_is_edited_not_more_than_once_in_30_s():
    story = firing()
    before = shown(story.incident)
    incident = story.at("5m15s", waiting=13).incident
    assert next_step(incident, before, NOW + EDIT_GAP - 1) is None
    assert next_step(incident, before, NOW + EDIT_GAP) is Step.EDIT
    assert next_step(incident, replace(before, shown_value=13), NOW + EDIT_GAP) is None


def test_a_silenced_one_is_not_posted_and_retired_in_the_end():
    story = firing().silence("s1", until="1h")
    assert next_step(story.incident, Notice(number=1), NOW) is None
    assert next_step(story.at("6m").incident, Notice(number=1), NOW) is Step.RETIRE


def test_a_silenced_one_is_posted_when_the_silence_ends():
    story = firing().silence("s1", until="1h").at("1h", waiting=12)
    assert next_step(story.incident, Notice(number=1), story.now) is Step.POST


def test_a_silenced_one_that_may_have_been_posted_is_looked_for():
    incident = firing().silence("s1", until="1h").incident
    unclear = Notice(number=1, channel="C1", posting_since=NOW - SETTLE)
    assert next_step(incident, replace(unclear, posting_since=NOW), NOW) is None, "not at once"
    assert next_step(incident, unclear, NOW) is Step.POST
    assert not may_post(incident)
    assert next_step(incident, replace(unclear, posting_since=None), NOW) is None
    found = replace(unclear, posting_since=None, ts="1.1")
    assert next_step(incident, found, NOW) is Step.EDIT


def test_a_resolved_one_that_may_have_been_posted_is_looked_for():
    incident = firing().at("6m").incident
    unclear = Notice(number=1, channel="C1", posting_since=NOW - SETTLE)
    assert next_step(incident, replace(unclear, posting_since=NOW), NOW) is None, "not at once"
    assert next_step(incident, unclear, NOW) is Step.POST
    assert not may_post(incident)
    assert next_step(incident, replace(unclear, posting_since=None), NOW) is Step.RETIRE
    assert next_step(incident, replace(unclear, posting_since=None, ts="1.1"), NOW) is Step.EDIT


def test_a_resolved_one_is_shown_told_and_retired():
    story = firing()
    before = shown(story.incident)
    incident = story.at("6m").incident
    assert next_step(incident, before, NOW) is Step.EDIT
    edited = replace(before, shown_revision=incident.revision)
    assert next_step(incident, edited, NOW) is Step.REPLY
    assert next_step(incident, replace(edited, replies=2), NOW) is Step.RETIRE


@pytest.mark.parametrize("ts", [None, "1.1"])
def test_nothing_before_it_is_time_to_try_again(ts):
    incident = firing().incident
    waits = Notice(number=1, ts=ts, retry_at=NOW + 5 * SECOND)
    assert next_step(incident, waits, NOW + 5 * SECOND - 1) is None
    assert next_step(incident, waits, NOW + 5 * SECOND) is not None


def test_a_resolved_one_that_slack_never_took_is_not_waited_for():
    incident = firing().at("6m").incident
    refused = Notice(number=1, refused="channel_not_found", retry_at=NOW + 10**9)
    assert next_step(incident, refused, NOW) is Step.RETIRE


def test_a_resolved_one_that_slack_refuses_to_edit_is_given_up_after_a_day():
    incident = firing().at("6m").incident
    refused = Notice(number=1, channel="C1", ts="1.1", refused="is_archived", retry_at=0)
    over = incident.resolved_at
    assert next_step(incident, refused, over + GIVE_UP - 1) is Step.EDIT
    assert next_step(incident, refused, over + GIVE_UP) is Step.RETIRE
    assert next_step(incident, replace(refused, refused=None), over + GIVE_UP) is Step.EDIT
    assert next_step(firing().incident, refused, over + GIVE_UP) is Step.EDIT
