"""The main messages as people read them. Read the snapshots aloud when they change."""

from dataclasses import replace

from bot.domain.health import StatusView, assess
from bot.domain.incidents import Acknowledgement, Happening, Silence, Status, TimelineEntry
from bot.domain.jobs import FailureFilter, RetryOutcome
from bot.domain.memory import QueueMemory
from bot.domain.plan_warnings import plan_warnings
from bot.domain.plans import PlanGroup
from bot.domain.policy import Severity
from bot.domain.queues import QueueId
from bot.domain.sample import Counts
from bot.domain.times import HOUR, MINUTE
from bot.render import alerts, failures, job, plans, problems, status
from tests.unit.render import samples as given

CATALOG = given.CATALOG
NOW = given.NOW
WRITER = alerts.AlertRenderer(CATALOG)
TAKEN = Acknowledgement("U0BOB", NOW)
HUSHED = TimelineEntry(at=NOW, what=Happening.SILENCED, by="U0BOB", until=NOW + HOUR, text="deploy")
OUTCOME = RetryOutcome(moved=tuple("abcdefgh"), not_failed=1, vanished=1)
GROUPS = (
    PlanGroup("WHMCS_ERROR", 9),
    PlanGroup("MAPPING_ERROR", 4),
    PlanGroup('Cannot read properties of undefined (reading "…")', 1),
)


def healths(*samples):
    return tuple(assess(one, CATALOG.policy(one.queue), CATALOG.health) for one in samples)


def view(*samples, **more):
    return StatusView(now=NOW, healths=healths(*samples), **more)


def test_overview_of_few_queues(matches):
    seen = view(
        given.sims(),
        given.sample(),
        incidents=(given.incident(),),
        memories={given.ORDERS: QueueMemory(last_progress=NOW - 9 * MINUTE, trend=-2.5)},
        not_seen=("mail",),
    )
    matches(status.overview(seen, CATALOG), "overview_few")


def test_overview_of_a_thousand_queues(matches):
    samples = [
        given.sample(
            QueueId("main", "bull", f"queue-{index:04}"),
            counts=Counts(waiting=max(0, index - 940)),
            failed_in_day=0,
        )
        for index in range(1000)
    ]
    matches(status.overview(view(*samples), CATALOG), "overview_thousand")


def test_overview_with_a_source_away(matches):
    seen = view(
        given.sims(),
        unreachable={"main": "Redis stopped answering at 03:10."},
        broken={"order-provisioning": "its keys are of the wrong type"},
        stale=True,
    )
    matches(status.overview(seen, CATALOG), "overview_blind")


def test_detail_of_a_queue(matches):
    seen = view(given.sample(), incidents=(given.incident(), given.timeout()))
    matches(status.detail(seen.healths[0], seen, CATALOG), "status_detail")


def test_detail_of_a_paused_queue_of_bullmq_3(matches):
    sample = given.sims(
        paused=True,
        version="bullmq:3.16.2",
        counts=Counts(paused_list=20, prioritized=2, overdue=1, delayed=3, waiting_children=1),
        processing_p95=None,
    )
    seen = view(sample)
    matches(status.detail(seen.healths[0], seen, CATALOG), "status_detail_paused")


def test_detail_of_a_queue_that_cannot_be_read(matches):
    seen = StatusView(now=NOW, unreachable={"main": "Redis does not answer since 03:10."})
    matches(status.detail(None, seen, CATALOG, queue=given.ORDERS), "status_unreadable")


def test_failures_by_error(matches):
    message = failures.report(given.report(), given.ORDER_POLICY, FailureFilter(), CATALOG)
    matches(message, "failed")


def test_failures_as_a_viewer_with_a_filter_and_a_limit(matches):
    report = given.report(groups=given.GROUPS[:1], total=9, kept=500, vanished=2, kept_limit=500)
    wanted = FailureFilter(code="WHMCS_ERROR", name="provision", since=NOW - 2 * HOUR)
    message = failures.report(report, given.ORDER_POLICY, wanted, CATALOG, may_retry=False)
    matches(message, "failed_filtered")


def test_failures_of_sims_wait_for_the_gap(matches):
    conflict = given.group("OPERATION_CONFLICT", 3, "OPERATION_CONFLICT simAccount=08077052946")
    report = given.report(queue=given.SIMS, groups=(conflict,), total=3, kept=3, kept_limit=None)
    message = failures.report(report, given.SIM_POLICY, FailureFilter(), CATALOG)
    matches(message, "failed_sims")


def test_no_failures(matches):
    report = given.report(groups=(), total=0, kept=0)
    message = failures.report(report, given.ORDER_POLICY, FailureFilter(), CATALOG)
    matches(message, "failed_none")


def test_jobs_of_a_group(matches):
    message = failures.jobs(
        given.ORDERS,
        [given.failed(index) for index in range(3)],
        FailureFilter(code="WHMCS_ERROR"),
        9,
        2,
        3,
        given.ORDER_POLICY,
        CATALOG,
    )
    matches(message, "failed_jobs")


def test_a_failed_job(matches):
    matches(job.detail(given.job(), given.ORDER_POLICY, CATALOG, NOW), "job_failed")


def test_a_job_with_much_data(matches):
    big = given.job(
        state="active",
        failed_reason=None,
        data={"payload": "x" * 12_000, "sfOrderId": "8014x", "list": list(range(200))},
        progress={"step": 3},
        stacktrace=(),
        log_count=0,
        priority=5,
    )
    matches(job.detail(big, given.ORDER_POLICY, CATALOG, NOW), "job_active_big")


def test_stack_and_logs(matches):
    matches(job.stack(given.job(), given.ORDER_POLICY, CATALOG), "job_stack")
    lines = ["calling WHMCS", "Authorization: Bearer abc.def.ghi", "answer 504"]
    matches(job.logs(given.job(), lines, given.ORDER_POLICY, CATALOG), "job_logs")


def test_a_plan(matches):
    matches(plans.card(given.plan(), given.ORDER_POLICY, CATALOG, NOW), "plan_plain")


def test_a_plan_with_every_warning(matches):
    groups = (*GROUPS, PlanGroup("OPERATION_CONFLICT", 2))
    policy = replace(
        given.ORDER_POLICY,
        min_gap=30 * MINUTE,
        errors={**given.ORDER_POLICY.errors, **given.SIM_POLICY.errors},
    )
    warnings = plan_warnings(
        groups, policy, now=NOW, last_failed=NOW - 3 * MINUTE, paused=True, workers=0
    )
    plan = given.plan(groups=groups, count=16, filter=FailureFilter(), warnings=warnings)
    matches(plans.card(plan, policy, CATALOG, NOW, allowed_fresh=True), "plan_warned")


def test_what_came_of_a_plan(matches):
    plan = given.plan()
    matches(plans.outcome(plan, OUTCOME, CATALOG), "plan_outcome")
    stopped = plans.outcome(
        plan, RetryOutcome(left_out=2), CATALOG, stopped="The queue is paused.", recorded=False
    )
    matches(stopped, "plan_stopped")
    matches(plans.announcement(plan, OUTCOME, "U0BOB", CATALOG), "plan_announced")
    matches(plans.single_retried(given.ORDERS, "4711", "U0BOB", True, CATALOG), "retried_single")
    matches(plans.cancelled(plan), "plan_cancelled")
    matches(plans.expired(plan), "plan_expired")


def test_alerts_of_each_rule(matches):
    matches(WRITER.alert(given.incident(), first=True), "alert_backlog")
    matches(WRITER.alert(given.spike(), first=True), "alert_spike")
    matches(WRITER.alert(given.timeout(), first=False), "alert_timeout")
    matches(WRITER.alert(given.down(), first=False), "alert_down")
    warning = given.incident(
        rule="backlog", severity=Severity.WARNING, value=14, threshold=10, peak=14
    )
    matches(WRITER.alert(warning, first=True), "alert_backlog_warning")


def test_alerts_in_each_state(matches):
    matches(WRITER.alert(given.incident(acknowledged=TAKEN), first=False), "alert_acknowledged")
    silenced = given.incident(silenced_by="s1", silenced_until=NOW + HOUR, timeline=(HUSHED,))
    matches(WRITER.alert(silenced, first=False), "alert_silenced")
    over = {"status": Status.RESOLVED, "value": 3, "resolved_at": NOW + 11 * MINUTE}
    matches(WRITER.alert(given.incident(acknowledged=TAKEN, **over), first=False), "alert_resolved")
    matches(WRITER.alert(given.down(**over), first=False), "alert_down_resolved")


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
    matches(alerts.test_alert("C0123", "U0BOB", CATALOG), "alerts_test")
    matches(problems.silence_set(silence, CATALOG), "silence_set")
    matches(problems.silence_ended(everything, "U0BOB", CATALOG), "silence_ended")
    matches(problems.acknowledged(given.incident(), "U0BOB"), "acknowledged")
