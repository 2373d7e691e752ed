"""A plan's warnings: each only when it is true."""

from dataclasses import replace

from bot.domain.plan_consequences import Known
from bot.domain.plan_warnings import doubts, gap_over_at, is_safe, plan_warnings
from bot.domain.plans import PlanGroup, PlanKind
from bot.domain.policy import QueuePolicy
from bot.domain.times import MINUTE, SECOND
from tests.unit.render.samples import NOW, ORDER_POLICY, SIM_POLICY

WHMCS = (PlanGroup("WHMCS_ERROR", 9),)
CONFLICT = (PlanGroup("OPERATION_CONFLICT", 2),)
PLAIN = QueuePolicy(errors=ORDER_POLICY.errors)


def test_nothing_to_warn_of():
    assert plan_warnings(WHMCS, PLAIN, now=NOW, workers=2) == ()
    assert not doubts(WHMCS, PLAIN, now=NOW)


def test_errors_that_a_retry_does_not_help():
    groups = (PlanGroup("MAPPING_ERROR", 4), PlanGroup("bad `x` *y*\n<!here>", 1))
    fix, unknown = plan_warnings(groups, PLAIN, now=NOW, workers=2)
    assert fix == (
        "4 × MAPPING_ERROR will fail again until the cause is fixed: "
        "Add `WH_Product_ID__c` to Product2 in Salesforce"
    )
    assert unknown == 'Unknown whether a retry helps: 1 × "bad x y!here"'
    assert doubts(groups, PLAIN, now=NOW)


def test_many_unknown_errors_are_summed():
    groups = [PlanGroup(f"E_{index}", 1) for index in range(5)]
    (warning,) = plan_warnings(groups, PLAIN, now=NOW, workers=2)
    assert warning.endswith("1 × E_0, 1 × E_1, 1 × E_2, 2 more kinds")


def failed(group, ago):
    return (replace(group[0], last_at=NOW - ago),)


def test_while_the_cause_still_burns():
    groups = failed(WHMCS, 2 * SECOND)
    assert plan_warnings(groups, PLAIN, now=NOW, workers=2) == (
        "Still failing: the last WHMCS_ERROR was 2 s ago. Check WHMCS connectivity and logs first",
    )
    assert doubts(groups, PLAIN, now=NOW)
    assert not is_safe(groups, PLAIN, now=NOW)


def test_a_quiet_error_that_a_retry_helps_is_safe():
    groups = failed(WHMCS, 2 * MINUTE)
    assert plan_warnings(groups, PLAIN, now=NOW, workers=2) == ()
    assert not doubts(groups, PLAIN, now=NOW)
    assert is_safe(groups, PLAIN, now=NOW)
    assert not is_safe(WHMCS, PLAIN, now=NOW), "nobody knows whether it is quiet"


def test_each_group_burns_by_itself():
    groups = (*failed(WHMCS, 2 * MINUTE), *failed(CONFLICT, SECOND))
    policy = QueuePolicy(errors={**PLAIN.errors, **SIM_POLICY.errors}, min_gap=30 * MINUTE)
    (wait,) = plan_warnings(groups, policy, now=NOW, workers=2, last_failed=NOW)
    assert wait == "Wait at least 30 min between tries: the last OPERATION_CONFLICT was 1 s ago"


def test_the_gap_between_tries():
    said = ("Wait at least 30 min between tries: the last OPERATION_CONFLICT was 3 min ago",)
    recent = failed(CONFLICT, 3 * MINUTE)
    assert plan_warnings(recent, SIM_POLICY, now=NOW, workers=2) == said
    assert doubts(recent, SIM_POLICY, now=NOW)
    alone = plan_warnings(CONFLICT, SIM_POLICY, now=NOW, workers=2, last_failed=NOW - 3 * MINUTE)
    assert alone == said
    over = failed(CONFLICT, 30 * MINUTE)
    assert plan_warnings(over, SIM_POLICY, now=NOW, workers=2) == ()
    assert not doubts(over, SIM_POLICY, now=NOW)
    assert not is_safe(over, SIM_POLICY, now=NOW)


def test_a_code_that_is_a_message_is_masked():
    groups = (PlanGroup("Authorization: Bearer abc.def", 3), PlanGroup("no sim 08040778179", 1))
    (unknown,) = plan_warnings(groups, SIM_POLICY, now=NOW, workers=2)
    assert unknown == (
        'Unknown whether a retry helps: 3 × "Authorization: \u2022\u2022\u2022\u2022", '
        '1 × "no sim \u2022\u2022\u2022\u2022"'
    )


def test_another_way_is_recommended_with_credentials_and_without():
    best = "Best retried through Salesforce (idempotency, audit trail)"
    (warning,) = plan_warnings(WHMCS, ORDER_POLICY, now=NOW, workers=2)
    assert warning == f"{best}, but it has no credentials: BullMQ retries"
    (warning,) = plan_warnings(WHMCS, ORDER_POLICY, now=NOW, workers=2, salesforce=True)
    assert warning == f"{best}: this goes past it"
    that_way = Known(kind=PlanKind.SALESFORCE)
    assert plan_warnings(WHMCS, ORDER_POLICY, now=NOW, workers=2, known=that_way) == ()


def test_some_are_tried_first_where_many_are_unknown():
    few, many = (PlanGroup("E_NEW", 5),), (PlanGroup("E_NEW", 6),)
    (warning,) = plan_warnings(few, PLAIN, now=NOW, workers=2)
    assert "first" not in warning
    (warning,) = plan_warnings(many, PLAIN, now=NOW, workers=2)
    assert warning == "Unknown whether a retry helps: 6 × E_NEW. Try 5 first"


def test_when_the_gap_is_over_for_the_errors_that_need_it():
    groups = (*failed(CONFLICT, 3 * MINUTE), *failed(WHMCS, SECOND))
    assert gap_over_at(groups, SIM_POLICY, now=NOW) == NOW + 27 * MINUTE
    assert gap_over_at(failed(CONFLICT, 30 * MINUTE), SIM_POLICY, now=NOW) is None


def test_who_would_run_them():
    def said(**state):
        return " ".join(plan_warnings(WHMCS, PLAIN, now=NOW, **state))

    assert "paused" in said(paused=True, workers=1)
    assert "No worker" in said(workers=0)
    assert "worker is connected: Redis does not let me look" in said(workers=None)
    assert "worker is connected: none is seen, but" in said(workers=None, busy=True)
