"""The main messages as people read them. Read the snapshots aloud when they change."""

from dataclasses import replace

from bot.domain.health import StatusView, assess
from bot.domain.incidents import Silence
from bot.domain.jobs import BatchOutcome, FailureFilter
from bot.domain.memory import QueueMemory
from bot.domain.plan_choice import COMPLETED, NEWER, Superseded, TooSoon
from bot.domain.plan_consequences import Known
from bot.domain.plan_facts import PlanFacts
from bot.domain.plan_warnings import plan_warnings
from bot.domain.plans import Change, PlanGroup, PlanKind
from bot.domain.queues import QueueId
from bot.domain.sample import ActiveJob, Counts
from bot.domain.times import DAY, HOUR, MINUTE, SECOND
from bot.render import failures, job, plans, status
from tests.unit.render import samples as given
from tests.unit.render.conftest import readable

CATALOG = given.CATALOG
NOW = given.NOW
OUTCOME = BatchOutcome(done=tuple("abcdefgh"), changed=1, vanished=1)
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


def test_no_end_is_foretold_where_no_worker_is_connected():
    def told(**seen):
        memories = {given.ORDERS: QueueMemory(last_progress=NOW, trend=-2.5)}
        return str(status.overview(view(given.sample(**seen), memories=memories), CATALOG))

    assert "clears in" in told(workers=2)
    assert "clears in" not in told(workers=0)
    assert "clears in" not in told(paused=True)


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


def test_a_job_whose_worker_has_died_can_be_unstuck(matches):
    dead = ActiveJob(id="17", name="provision", started_at=NOW - 400_000, attempt=1, locked=False)
    seen = view(given.sample(active_jobs=(dead,), processing_p95=None, workers=0))
    matches(status.detail(seen.healths[0], seen, CATALOG), "status_detail_stuck")
    two = (dead, replace(dead, id="18", started_at=NOW - 41_000))
    seen = view(given.sample(active_jobs=two))
    text = str(status.detail(seen.healths[0], seen, CATALOG).blocks)
    assert "*2 active jobs* without a worker, the first begun 6 min 40 s ago" in text
    viewer = status.detail(seen.healths[0], seen, CATALOG, may_retry=False)
    assert "Unstick" not in readable(viewer)
    young = replace(dead, started_at=NOW - 2_000)
    seen = view(given.sample(active_jobs=(young,)))
    assert "nstick" not in str(status.detail(seen.healths[0], seen, CATALOG).blocks)


def test_silences_are_named_in_both_kinds_of_status(matches):
    silence = Silence(
        id="s1", queue="order-provisioning", rule="backlog", until=NOW + HOUR, by="U0BOB", at=NOW,
        reason="deploy",
    )  # fmt: skip
    everything = replace(silence, id="s2", queue=None, rule=None, reason="")
    idle = given.sample(workers=0, counts=Counts(waiting=4), failed_in_day=53)
    seen = view(idle, silences=(silence, everything))
    matches(status.overview(seen, CATALOG), "overview_silenced")
    matches(status.detail(seen.healths[0], seen, CATALOG, may_retry=False), "status_silenced")


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


def test_more_attempts_than_are_allowed_are_not_said_to_be_of_them():
    again = given.job(attempts_made=4, attempts=3)
    text = str(job.detail(again, given.ORDER_POLICY, CATALOG, NOW).blocks)
    assert "*4 attempts*, 3 allowed" in text


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


def test_an_active_job_as_a_viewer(matches):
    running = given.job(
        state="active", failed_reason=None, started_at=NOW - 90 * SECOND, finished_at=None,
        locked=True, stacktrace=(), log_count=0, attempts_made=0,
    )  # fmt: skip
    seen = job.detail(running, given.ORDER_POLICY, CATALOG, NOW, may_retry=False, attempt=1)
    matches(seen, "job_active")


def test_stack_and_logs(matches):
    traces = (
        "Error: A\n    at one",
        "Error: B\n    at two",
        "Error: B\n    at two",
        "Error: B\n    at two",
    )
    matches(job.stack(given.job(stacktrace=traces), given.ORDER_POLICY, CATALOG), "job_stack_same")
    matches(job.stack(given.job(), given.ORDER_POLICY, CATALOG), "job_stack")
    lines = ["calling WHMCS", "Authorization: Bearer abc.def.ghi", "answer 504"]
    matches(job.logs(given.job(), lines, given.ORDER_POLICY, CATALOG), "job_logs")


def test_a_plan(matches):
    quiet = given.plan(groups=(PlanGroup("WHMCS_ERROR", 9, NOW - 5 * MINUTE),))
    matches(plans.card(quiet, given.ORDER_POLICY, CATALOG, NOW), "plan_plain")


def test_a_plan_while_the_cause_burns(matches):
    groups = (PlanGroup("WHMCS_ERROR", 9, NOW - 2 * SECOND),)
    warnings = plan_warnings(groups, given.ORDER_POLICY, now=NOW, workers=2, salesforce=True)
    plan = given.plan(groups=groups, warnings=warnings)
    matches(plans.card(plan, given.ORDER_POLICY, CATALOG, NOW), "plan_burning")


def test_a_plan_with_every_warning(matches):
    groups = (
        PlanGroup("WHMCS_ERROR", 9, NOW - 2 * SECOND),
        *GROUPS[1:],
        PlanGroup("OPERATION_CONFLICT", 2, NOW - 3 * MINUTE),
    )
    policy = replace(
        given.ORDER_POLICY,
        min_gap=30 * MINUTE,
        errors={**given.ORDER_POLICY.errors, **given.SIM_POLICY.errors},
    )
    warnings = plan_warnings(
        groups, policy, now=NOW, last_failed=NOW - 2 * SECOND, paused=True, workers=0
    )
    plan = given.plan(groups=groups, count=16, filter=FailureFilter(), warnings=warnings)
    matches(plans.card(plan, policy, CATALOG, NOW, allowed_fresh=True), "plan_warned")


def test_a_plan_with_consequences_of_all_kinds(matches):
    groups = (PlanGroup("OPERATION_CONFLICT", 1_980, NOW - 3 * MINUTE),)
    policy = replace(given.SIM_POLICY, business_id="orderId", subject="simAccount")
    facts = PlanFacts(
        count=1_983, exhausted=1_983, attempts=3, prioritized=12, children=9, orphaned=2,
        vanished=4, oldest_created=NOW - 3 * DAY,
    )  # fmt: skip
    known = Known(
        facts=facts,
        superseded=Superseded(jobs=("1", "2", "3"), values=3, kinds=frozenset({NEWER, COMPLETED})),
        soon=TooSoon(subjects=2, later_at=NOW + 24 * MINUTE + SECOND),
        may_be_fresh=True,
        kept=2_000,
        kept_limit=2_000,
    )
    warnings = plan_warnings(groups, policy, now=NOW, workers=None, known=known)
    plan = given.plan(
        queue=given.SIMS, groups=groups, count=1_980, matching=1_983, warnings=warnings,
        filter=FailureFilter(code="OPERATION_CONFLICT"), later_at=known.soon.later_at, rate=50.0,
    )  # fmt: skip
    matches(plans.card(plan, policy, CATALOG, NOW, allowed_fresh=True), "plan_consequences")
    change = Change(was=1_500, matching=1_983, left_out=(0, 3), drifted=True)
    again = plans.card(plan, policy, CATALOG, NOW, change=change)
    matches(again, "plan_drawn_again")


def test_a_plan_that_begins_with_a_few(matches):
    groups = (PlanGroup("WHMCS_ERROR", 51, NOW - 5 * MINUTE),)
    plan = given.plan(groups=groups, count=51)
    matches(plans.card(plan, given.ORDER_POLICY, CATALOG, NOW), "plan_offers_a_few_first")
    asked = replace(plan, canary=3, kind=PlanKind.SALESFORCE)
    matches(plans.card(asked, given.ORDER_POLICY, CATALOG, NOW), "plan_canary")


def test_a_plan_to_clean(matches):
    plan = given.plan(
        kind=PlanKind.CLEAN, state="completed", count=1_204, groups=(), filter=FailureFilter()
    )
    matches(plans.card(plan, given.ORDER_POLICY, CATALOG, NOW), "plan_clean")


def test_what_came_of_a_plan(matches):
    plan = given.plan()
    matches(plans.outcome(plan, OUTCOME, CATALOG), "plan_outcome")
    stopped = plans.outcome(
        plan, BatchOutcome(left_out=2), CATALOG, stopped="The queue is paused.", recorded=False
    )
    matches(stopped, "plan_stopped")
    matches(plans.announcement(plan, OUTCOME, "U0BOB", CATALOG), "plan_announced")
    matches(plans.single_retried(given.ORDERS, "4711", "U0BOB", True, CATALOG), "retried_single")
    matches(plans.cancelled(plan), "plan_cancelled")
    matches(plans.expired(plan), "plan_expired")
