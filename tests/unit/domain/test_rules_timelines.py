"""The five rules of the runbook, told as timelines."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.policy import QueuePolicy, RuleSettings, Severity
from bot.domain.rules import FAMILIES, RULES, rule, settings_of
from bot.domain.rules.base import number
from bot.domain.times import MINUTE
from tests.support.timelines import Timeline, job, length, moment, tuned

DOWN = "firing processor_down critical"
SOON = "pending processor_down"


def quiet_backlog(**more):
    """Backlog alone, with thresholds high enough that the backlog rules stay silent."""
    return Timeline(
        backlog=tuned("backlog", above=1000), backlog_critical=tuned("backlog_critical", above=1000)
    , **more)  # fmt: skip


class TestBacklog:
    def test_fires_when_it_has_held_for_exactly_five_minutes(self):
        story = Timeline().at("0s", waiting=11).expect("pending backlog")
        story.every("15s", until="4m45s", waiting=11).expect("pending backlog")
        story.at("4m59s", waiting=11).expect("pending backlog")
        story.at("5m", waiting=11).expect("firing backlog warning")
        assert story.incident.began_at == moment("0s")
        assert story.incident.fired_at == moment("5m")
        assert (story.incident.value, story.incident.threshold) == (11, 10)

    def test_ten_is_not_above_ten(self):
        Timeline().at("0s", waiting=10).expect().every("1m", until="10m", waiting=10).expect()

    def test_one_false_evaluation_starts_again(self):
        story = Timeline().at("0s", waiting=12).every("15s", until="4m45s", waiting=12)
        story.at("4m50s", waiting=10).expect()
        story.at("5m", waiting=12).expect("pending backlog")
        story.at("9m59s", waiting=12).expect("pending backlog")
        story.at("10m", waiting=12).expect("firing backlog warning")

    def test_a_restart_in_between_keeps_pending_time(self):
        story = Timeline().at("0s", waiting=12).at("2m", waiting=12).restart()
        story.at("4m", waiting=12).expect("pending backlog")
        story.restart().at("5m", waiting=12).expect("firing backlog warning")
        story.restart().at("6m", waiting=12).expect("firing backlog warning")
        assert story.changed == () or story.changed[0].revision == 1
        assert len(story.incidents) == 1

    def test_everything_that_could_run_counts(self):
        story = Timeline().at("0s", waiting=3, prioritized=3, overdue=5).expect("pending backlog")
        story.at("5m", waiting=3, prioritized=3, overdue=5).expect("firing backlog warning")
        assert story.incident.value == 11

    def test_overdue_delayed_jobs_alone_are_a_backlog(self):
        Timeline().at("0s", overdue=51).expect(
            "pending backlog", "firing backlog_critical critical"
        )

    def test_a_paused_queue_can_have_a_backlog(self):
        story = Timeline().at("0s", paused_list=12, paused=True)
        story.at("5m", paused_list=12, paused=True).expect("firing backlog warning")
        assert story.incident.facts.paused


class TestBacklogCritical:
    def test_fires_at_once(self):
        story = Timeline().at("0s", waiting=51)
        story.expect("pending backlog", "firing backlog_critical critical")
        assert story.incident.began_at == story.incident.fired_at == moment("0s")

    def test_fifty_is_not_above_fifty(self):
        Timeline().at("0s", waiting=50).expect("pending backlog")

    def test_one_incident_rises_falls_and_ends(self):
        story = (
            Timeline().at("0s", waiting=14).at("5m", waiting=14).expect("firing backlog warning")
        )
        story.at("6m", waiting=52).expect("firing backlog_critical critical")
        story.at("7m", waiting=71).expect("firing backlog_critical critical")
        story.at("8m", waiting=30).expect("firing backlog warning")
        story.at("9m", waiting=3).expect("resolved backlog")
        assert len(story.incidents) == 1
        ended = story.incident
        assert story.story == ["fired", "escalated", "eased", "resolved"]
        assert [entry.value for entry in ended.timeline] == [14, 52, 30, 3]
        assert [entry.threshold for entry in ended.timeline] == [10, 50, 10, 10]
        assert (ended.peak, ended.value, ended.resolved_at) == (71, 3, moment("9m"))
        assert ended.revision == 4

    def test_a_number_alone_changes_no_revision(self):
        story = Timeline().at("0s", waiting=60)
        story.at("15s", waiting=70).at("30s", waiting=65)
        assert (story.incident.value, story.incident.peak, story.incident.revision) == (65, 70, 1)

    def test_severity_comes_from_the_settings(self):
        loud = tuned("backlog", severity=Severity.CRITICAL, for_=0)
        story = Timeline(backlog=loud).at("0s", waiting=60)
        story.expect("firing backlog_critical critical")
        story.at("15s", waiting=20).expect("firing backlog critical")
        assert story.story == ["fired"]
        assert (story.incident.threshold, story.incident.revision) == (10, 2)


class TestFailureSpike:
    def test_failures_in_the_failed_set_fire_at_once(self):
        story = Timeline().at("0s", failed_set=5).expect()
        story.at("15s", failed_set=6).expect("firing failure_spike warning")
        assert story.incident.window == 15 * MINUTE

    def test_jobs_removed_on_failure_count_through_events(self):
        story = Timeline().at("0s", failures=3).expect()
        story.at("5m", failures=3).expect("firing failure_spike warning")
        assert story.incident.value == 6
        story.at("14m50s").expect("firing failure_spike warning")
        story.at("15m").expect("resolved failure_spike")

    def test_retried_jobs_leave_the_failed_set_and_still_count(self):
        story = Timeline().at("0s", failures=8, failed_set=8).expect("firing failure_spike warning")
        story.at("1m", failed_set=0).expect("firing failure_spike warning")
        assert story.incident.value == 8

    def test_the_larger_number_is_believed(self):
        story = Timeline().at("0s", failures=7, failed_set=9)
        assert story.incident.value == 9

    def test_failures_before_a_restart_still_count(self):
        story = Timeline(restarts=True).at("0s", failures=3).at("14m", failures=3)
        story.expect("firing failure_spike warning")

    def test_a_gap_in_the_stream_says_at_least_for_as_long_as_the_window(self):
        story = Timeline().at("0s", failures=9, gap=True)
        assert story.incident.facts.at_least
        story.at("14m", failures=9)
        assert story.incident.facts.at_least
        story.at("15m", failures=9)
        assert not story.incident.facts.at_least

    def test_the_window_is_a_setting(self):
        brief = tuned("failure_spike", within=MINUTE)
        story = Timeline(failure_spike=brief).at("0s", failures=4).at("1m", failures=4).expect()
        story.at("1m30s", failures=4).expect("firing failure_spike warning")


class TestProcessorDown:
    def test_fires_ten_minutes_after_the_last_finish(self):
        story = quiet_backlog().at("0s", waiting=2, active=(), finished=True).expect(SOON)
        story.every("15s", until="9m45s", waiting=2, idle=True).expect(SOON)
        story.at("10m", waiting=2, active=()).expect(DOWN)
        assert story.incident.began_at == moment("0s")
        assert story.incident.value == story.incident.threshold == 10 * MINUTE
        assert story.incident.facts.last_progress == moment("0s")
        story.at("12m", waiting=2, active=()).expect(DOWN)
        assert story.incident.value == 12 * MINUTE

    def test_a_first_look_proves_nothing(self):
        story = quiet_backlog().at("0s", waiting=2, active=()).expect(SOON)
        story.every("1m", until="9m", waiting=2, idle=True).expect(SOON)
        story.at("10m", waiting=2, active=()).expect(DOWN)

    def test_the_first_job_of_an_idle_queue_has_its_ten_minutes(self):
        story = quiet_backlog().at("0s", active=(), finished=True)
        story.every("15m", until="3h", idle=True).expect()
        story.at("3h1m", waiting=1, active=()).expect(SOON)
        story.at("3h10m", waiting=1, active=()).expect(SOON)
        story.at("3h11m", waiting=1, active=()).expect(DOWN)

    @pytest.mark.parametrize("sign", ["started", "finished"])
    def test_progress_starts_the_clock_again(self, sign):
        story = quiet_backlog().at("0s", waiting=2, active=())
        story.at("9m", waiting=2, active=(), **{sign: True}).expect(SOON)
        story.at("18m", waiting=2, active=()).expect(SOON)
        story.at("19m", waiting=2, active=()).expect(DOWN)
        story.at("20m", waiting=2, active=(), **{sign: True}).expect(
            SOON, "resolved processor_down"
        )

    def test_a_failing_processor_is_not_down(self):
        story = quiet_backlog(failure_spike=tuned("failure_spike", above=1000))
        for minute in range(30):
            story.at(f"{minute}m", waiting=2, active=(), finished=True, failures=1).expect(SOON)

    def test_an_empty_queue_is_not_down(self):
        quiet_backlog().at("0s", active=()).every("1m", until="30m", idle=True).expect()

    def test_overdue_delayed_jobs_are_a_backlog(self):
        story = quiet_backlog().at("0s", overdue=1, active=())
        story.at("10m", overdue=1, active=()).expect(DOWN)

    @pytest.mark.parametrize(
        "why", [{"paused": True}, {"concurrency": 2, "more_active": 2}, {"rate_limited": "30s"}]
    )
    def test_a_queue_that_is_held_back_is_not_down_and_coming_back_starts_the_clock(self, why):
        story = quiet_backlog().at("0s", waiting=2, active=())
        for minute in range(5, 31):
            story.at(f"{minute}m", waiting=2, active=(), **why).expect()
        story.at("31m", waiting=2, active=()).expect(SOON)
        story.at("39m59s", waiting=2, active=()).expect(SOON)
        story.at("40m", waiting=2, active=()).expect(DOWN)

    def test_pausing_ends_it(self):
        story = quiet_backlog().at("0s", waiting=2, active=()).at("10m", waiting=2, active=())
        story.at("11m", paused_list=2, active=(), paused=True).expect("resolved processor_down")

    def test_long_jobs_with_live_locks_are_work(self):
        story = quiet_backlog().at("0s", waiting=2, active=[job("long", since="0s")], started=True)
        story.at("20m", waiting=2, active=[job("long", since="0s")])
        story.expect("firing job_timeout warning")

    def test_a_dead_lock_and_a_backlog_are_down(self):
        dead = [job("orphan", since="0s", locked=False)]
        story = quiet_backlog().at("0s", waiting=2, active=dead, started=True).expect(SOON)
        story.at("10m", waiting=2, active=dead)
        story.expect(DOWN, "firing job_timeout warning")

    def test_dead_jobs_that_use_up_the_concurrency_hold_nothing_back(self):
        dead = [job("orphan", since="0s", locked=False)]
        story = quiet_backlog().at("0s", waiting=2, active=dead, started=True, concurrency=1)
        story.at("10m", waiting=2, active=dead, concurrency=1)
        story.expect(DOWN, "firing job_timeout warning")

    def test_a_dead_worker_among_live_ones_is_not_down(self):
        both = [job("orphan", since="0s", locked=False), job("long", since="0s")]
        story = quiet_backlog().at("0s", waiting=2, active=both, started=True)
        story.at("10m", waiting=2, active=both).expect("firing job_timeout warning")

    def test_progress_is_remembered_across_restarts_and_an_outage(self):
        story = quiet_backlog(restarts=True).at("0s", waiting=2, active=(), finished=True)
        story.at("3h", waiting=2, active=(), finished=True).expect(SOON)
        story.at("3h10m", waiting=2, active=()).expect(DOWN)


class TestJobTimeout:
    def test_a_job_active_for_more_than_five_minutes(self):
        one = [job("a", since="0s")]
        story = Timeline().at("0s", active=one).at("5m", active=one).expect()
        story.at("5m1s", active=one).expect("firing job_timeout warning")
        assert (story.incident.value, story.incident.threshold) == (length("5m1s"), 5 * MINUTE)

    def test_one_incident_lists_the_jobs_longest_first(self):
        jobs = [job("young", since="9m"), job("b", since="2m"), job("a", since="1m", locked=False)]
        story = Timeline().at("10m", active=jobs).expect("firing job_timeout warning")
        assert [one.id for one in story.incident.facts.jobs] == ["a", "b"]
        assert story.incident.value == 9 * MINUTE
        story.at("11m", active=jobs[:2]).expect("firing job_timeout warning")
        assert [one.id for one in story.incident.facts.jobs] == ["b"]
        story.at("12m", active=jobs[:1]).expect("resolved job_timeout")
        assert story.incident.peak == 9 * MINUTE
        assert len(story.incidents) == 1

    def test_a_job_whose_start_is_unknown_has_no_age(self):
        unknown = replace(job("a", since="0s"), started_at=None)
        Timeline().at("1h", active=[unknown]).expect()

    def test_a_worker_whose_clock_is_ahead_makes_no_negative_age(self):
        story = Timeline().at("0s", active=[job("a", since="5m")]).expect()
        assert story.incidents == {}


class TestRulesAsData:
    def test_names_and_families(self):
        assert [one.name for one in RULES] == [
            "backlog", "backlog_critical", "failure_spike", "processor_down", "job_timeout",
        ]  # fmt: skip
        assert {family: [one.name for one in rules] for family, rules in FAMILIES.items()} == {
            "backlog": ["backlog", "backlog_critical"],
            "failure_spike": ["failure_spike"],
            "processor_down": ["processor_down"],
            "job_timeout": ["job_timeout"],
        }
        assert all(one.advice and one.title for one in RULES)

    def test_an_unknown_rule(self):
        with pytest.raises(KeyError):
            rule("no_such_rule")

    def test_the_config_may_leave_numbers_out(self):
        said = RuleSettings(severity=Severity.CRITICAL, above=25)
        settings = settings_of(rule("backlog"), QueuePolicy(rules={"backlog": said}))
        assert settings == RuleSettings(severity=Severity.CRITICAL, above=25, for_=5 * MINUTE)

    def test_a_missing_number_is_an_error(self):
        assert number(0) == 0
        with pytest.raises(ValueError, match="missing"):
            number(None)
