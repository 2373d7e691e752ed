"""What the engine does with any rule: numbers, restarts, clocks, outages, facts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.engine import evaluate_queue, pending, remember
from bot.domain.incidents import Status
from bot.domain.jobs import FailureGroup
from bot.domain.memory import QueueMemory
from bot.domain.policy import QueuePolicy
from bot.domain.rules import RULES
from bot.domain.sample import Counts, EventsRead, Sample
from bot.domain.times import MINUTE
from tests.support.timelines import QUEUE, START, Timeline, job, length, moment, tuned

FIRING = "firing backlog warning"


class TestIncidents:
    def test_firing_again_is_a_new_incident(self):
        story = Timeline().at("0s", waiting=60).at("1m").expect("resolved backlog")
        story.at("2m", waiting=60).expect("pending backlog", "firing backlog_critical critical")
        assert sorted(story.incidents) == [1, 2]
        assert story.incidents[1].status is Status.RESOLVED
        assert story.incidents[1].fingerprint == story.incidents[2].fingerprint

    def test_families_have_incidents_of_their_own(self):
        story = Timeline().at("0s", waiting=60, failed_set=9, active=[job("a", since="-1h")])
        story.expect(
            "pending backlog",
            "firing backlog_critical critical",
            "firing failure_spike warning",
            "firing job_timeout warning",
        )
        assert [incident.number for incident in story.changed] == [1, 2, 3]
        assert story.next_number == 4

    def test_numbers_go_on_where_the_caller_says(self):
        story = Timeline()
        story.next_number = 118
        story.at("0s", waiting=60)
        assert (story.incident.number, story.next_number) == (118, 119)

    def test_nothing_changed_says_nothing(self):
        story = Timeline().at("0s", waiting=60).every("15s", until="20m", waiting=60)
        assert story.changed == ()

    def test_a_queue_that_is_gone_resolves_what_it_had(self):
        story = Timeline().at("0s", waiting=60, failed_set=9, active=[job("a", since="-1h")])
        story.at("15s", active=())
        story.expect("resolved backlog", "resolved failure_spike", "resolved job_timeout")

    def test_incidents_survive_a_lost_memory(self):
        story = Timeline().at("0s", waiting=60).every("15s", until="6m", waiting=60)
        story.memory = None
        story.at("6m15s", waiting=60)
        story.expect("pending backlog", "firing backlog_critical critical")
        assert len(story.incidents) == 1

    def test_an_incident_whose_rule_is_gone_from_the_code_ends(self):
        story = Timeline().at("0s", waiting=60)
        story.incidents[1] = replace(story.incident, family="oldest_waiting", rule="oldest_waiting")
        story.at("15s").expect("resolved oldest_waiting")
        assert story.incident.value == 60

    def test_a_changed_threshold_is_shown_at_once(self):
        story = Timeline().at("0s", waiting=60)
        story.policy = QueuePolicy(rules={"backlog_critical": tuned("backlog_critical", above=55)})
        story.at("15s", waiting=60)
        assert (story.incident.threshold, story.incident.revision) == (55, 2)

    @pytest.mark.parametrize("restarts", [False, True])
    def test_the_same_with_a_restart_before_each_evaluation(self, restarts):
        story = Timeline(restarts=restarts)
        story.at("0s", waiting=12).at("5m", waiting=12).ack("bob")
        story.at("6m", waiting=60, failures=9, gap=True)
        story.at("7m", waiting=12, active=[job("a", since="0s")])
        story.silence("s1", until="1h").at("8m")
        story.expect(
            "resolved backlog", "firing failure_spike warning silenced", "resolved job_timeout"
        )
        assert [entry.what.value for entry in story.incidents[1].timeline] == [
            "fired", "acknowledged", "escalated", "eased", "silenced", "resolved",
        ]  # fmt: skip
        assert story.incidents[1].revision == 6
        assert story.story == ["fired", "silenced", "resolved"]


class TestFacts:
    def test_what_was_seen_beside_the_number(self):
        story = Timeline().at("0s", waiting=60, active=(), more_active=3, workers=2, finished=True)
        facts = story.incident.facts
        assert (facts.active, facts.workers, facts.last_progress) == (3, 2, moment("0s"))
        assert facts.trend_per_min is None
        assert facts.jobs == ()

    def test_unknown_workers_stay_unknown(self):
        assert Timeline().at("0s", waiting=60, workers=None).incident.facts.workers is None

    def test_the_groups_that_the_caller_found_are_kept(self):
        group = FailureGroup(
            code="WHMCS_ERROR", count=9, first_at=1, last_at=2, example_id="1", example_reason="x"
        )
        story = Timeline().at("0s", failed_set=9)
        found = replace(story.incident.facts, groups=(group,))
        story.incidents[1] = replace(story.incident, facts=found)
        story.at("15s", failed_set=10)
        assert story.incident.facts.groups == (group,)
        story.at("30s").expect("resolved failure_spike")
        assert story.incident.facts.groups == (group,)

    def test_a_steady_growth_is_the_trend(self):
        story = Timeline().at("0s", waiting=60)
        for step in range(1, 80):
            story.at(f"{15 * step}s", waiting=60 + step)
        assert story.incident.facts.trend_per_min == pytest.approx(4, abs=0.05)

    def test_the_trend_turns_within_a_few_minutes(self):
        story = Timeline().at("0s", waiting=100)
        for step in range(1, 41):
            story.at(f"{15 * step}s", waiting=100 + step)
        for step in range(1, 41):
            story.at(f"{600 + 15 * step}s", waiting=140 - step, started=True)
        assert story.incident.facts.trend_per_min == pytest.approx(-4, abs=0.5)

    def test_what_was_drained_is_no_trend(self):
        story = Timeline().at("0s", waiting=540).at("15s", waiting=540).at("30s", waiting=20)
        assert story.incident.facts.trend_per_min == 0
        unread = Timeline().at("0s", waiting=540).at("15s", waiting=20, gap=True)
        assert unread.incident.facts.trend_per_min == -2080

    def test_only_the_backlog_has_a_trend(self):
        story = Timeline().at("0s", waiting=1, failed_set=9).at("15s", waiting=9, failed_set=9)
        assert story.incident.family == "failure_spike"
        assert story.incident.facts.trend_per_min is None

    def test_after_a_long_time_away_the_trend_begins_anew(self):
        story = Timeline().at("0s", waiting=60).at("15s", waiting=90).at("30m", waiting=95)
        assert story.incident.facts.trend_per_min is None


class TestPending:
    def test_since_when(self):
        story = Timeline().at("0s", waiting=2, active=()).at("1m", waiting=12, active=())
        assert story.memory is not None
        assert pending(story.memory, story.policy) == (
            ("processor_down", moment("0s")),
            ("backlog", moment("1m")),
        )

    def test_a_firing_rule_is_not_pending(self):
        story = Timeline().at("0s", waiting=12).at("5m", waiting=12)
        assert pending(story.memory, story.policy) == ()
        assert story.memory.firing == ("backlog",)

    def test_a_rule_without_for_never_is(self):
        memory = QueueMemory(pending={"failure_spike": START})
        assert pending(memory, QueuePolicy()) == ()


class TestClocks:
    def test_a_late_sample_changes_nothing(self):
        story = Timeline().at("0s", waiting=12).at("5m", waiting=12).expect(FIRING)
        before = (story.memory, dict(story.incidents))
        story.at("4m30s", waiting=0, failures=100)
        assert (story.memory, story.incidents) == before
        story.at("5m15s", waiting=12).expect(FIRING)

    def test_the_same_sample_twice_counts_once(self):
        story = Timeline().at("0s", failures=5).expect()
        story.see(story.sample).expect()
        story.at("15s", failures=1).expect("firing failure_spike warning")
        assert story.incident.value == 6

    def test_a_clock_set_back_keeps_what_has_lasted(self):
        story = Timeline().at("2h", waiting=12).at("2h4m", waiting=12, failures=3, finished=True)
        story.at("1h", waiting=12).expect("pending backlog")
        assert story.memory.last_progress == moment("1h")
        story.at("1h59s", waiting=12, failures=2).expect("pending backlog")
        story.at("1h1m", waiting=12, failures=1).expect(FIRING, "firing failure_spike warning")
        assert story.incident.value == 6

    def test_a_clock_set_back_ends_nothing_and_fires_nothing(self):
        story = Timeline().at("2h", waiting=12).at("2h5m", waiting=12).expect(FIRING)
        story.at("1h", waiting=12).expect(FIRING)
        story.at("1h1m", waiting=2)
        assert story.incident.status is Status.RESOLVED
        assert story.incident.resolved_at == story.incident.fired_at == moment("2h5m")
        assert len(story.incidents) == 1

    def test_events_from_before_the_clock_was_set_back_do_not_count_for_ever(self):
        """A stream's ids never go back, so those of new events run ahead of the clock."""
        memory = remember(None, _sample(START), window=15 * MINUTE)
        ahead = ((START + 50 * MINUTE, 9),)
        memory = remember(memory, _sample(START + 15_000, failures=ahead), window=15 * MINUTE)
        assert memory.failures_within(15 * MINUTE, START + 15_000) == 9
        assert memory.last_progress == START + 15_000
        later = START + 16 * MINUTE
        memory = remember(memory, _sample(later), window=15 * MINUTE)
        assert memory.failures_within(15 * MINUTE, later) == 0
        assert memory.failures == ()


class TestOutages:
    def test_missed_evaluations_are_no_evaluations_at_which_it_did_not_hold(self):
        Timeline().at("0s", waiting=12).at("50m", waiting=12).expect(FIRING)

    def test_pending_starts_again_after_more_than_an_hour_away(self):
        story = Timeline().at("0s", waiting=12).at("1h1s", waiting=12).expect("pending backlog")
        story.at("1h5m1s", waiting=12).expect(FIRING)

    def test_what_fired_goes_on(self):
        story = Timeline().at("0s", waiting=12).at("5m", waiting=12).expect(FIRING)
        story.restart().at("9h", waiting=12).expect(FIRING)
        assert story.incident.began_at == moment("0s")
        assert len(story.incidents) == 1

    def test_a_long_for_is_reached_though_an_unchanged_memory_is_not_stored(self):
        slow = Timeline(backlog=tuned("backlog", for_=length("3h")))
        slow.at("0s", waiting=12).at("2h59m", waiting=12).expect("pending backlog")
        slow.at("3h", waiting=12).expect(FIRING)

    def test_a_memory_that_was_not_stored_again_changes_no_outcome(self):
        story = Timeline().at("0s", waiting=12)
        stored = story.memory
        for minute in range(1, 180):
            story.at(f"{minute}m", waiting=12)
            if replace(story.memory, evaluated_at=0, cursor="") != replace(
                stored, evaluated_at=0, cursor=""
            ):
                stored = story.memory
            story.memory = stored
            story.expect(FIRING if minute >= 5 else "pending backlog")
        assert len(story.incidents) == 1


class TestMemory:
    def test_a_new_queue(self):
        first = evaluate_queue(
            memory=None, open_incidents={}, sample=_sample(START), policy=QueuePolicy(),
            next_number=7,
        )  # fmt: skip
        assert (first.incidents, first.next_number) == ((), 7)
        assert (first.memory.cursor, first.memory.evaluated_at) == ("1-1", START)

    def test_backlog_since(self):
        story = Timeline().at("0s").at("1m", waiting=1).at("2m", waiting=5)
        assert story.memory.backlog_since == moment("1m")
        assert story.at("3m").memory.backlog_since is None

    def test_failures_are_kept_by_bucket_for_the_window_and_no_longer(self):
        story = Timeline(failure_spike=tuned("failure_spike", above=10**6))
        for step in range(1000):
            story.at(f"{5 * step}s", failures=1)
        assert len(story.memory.failures) <= 90
        assert all(count <= 2 for _, count in story.memory.failures)

    def test_pending_holds_only_what_holds(self):
        story = Timeline().at("0s", waiting=12, failed_set=9)
        assert set(story.memory.pending) == {"backlog", "failure_spike"}
        assert set(story.memory.pending) <= {one.name for one in RULES}
        assert story.at("1m").memory.pending == {}


def _sample(now, failures=()):
    """An idle queue; its events, where there are any, are of the same time as its failures."""
    events = EventsRead(
        cursor="1-1", failures=failures, last_finish=failures[-1][0] if failures else None
    )
    return Sample(queue=QUEUE, taken_at=now, counts=Counts(), events=events)
