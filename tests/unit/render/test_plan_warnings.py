"""A plan's warnings: each only when it is true."""

from bot.domain.plan_warnings import may_fail_again, plan_warnings
from bot.domain.plans import PlanGroup
from bot.domain.policy import QueuePolicy
from bot.domain.times import MINUTE
from tests.unit.render.samples import NOW, ORDER_POLICY, SIM_POLICY

WHMCS = (PlanGroup("WHMCS_ERROR", 9),)
CONFLICT = (PlanGroup("OPERATION_CONFLICT", 2),)
PLAIN = QueuePolicy(errors=ORDER_POLICY.errors)


def test_nothing_to_warn_of():
    assert plan_warnings(WHMCS, PLAIN, now=NOW, workers=2) == ()
    assert not may_fail_again(WHMCS, PLAIN)


def test_errors_that_a_retry_does_not_help():
    groups = (PlanGroup("MAPPING_ERROR", 4), PlanGroup("bad `x` *y*\n<!here>", 1))
    fix, unknown = plan_warnings(groups, PLAIN, now=NOW, workers=2)
    assert fix == (
        "4 × MAPPING_ERROR will fail again until the cause is fixed: "
        "Add `WH_Product_ID__c` to Product2 in Salesforce"
    )
    assert unknown == 'Unknown whether a retry helps: 1 × "bad x y!here"'
    assert may_fail_again(groups, PLAIN)


def test_many_unknown_errors_are_summed():
    groups = [PlanGroup(f"E_{index}", 1) for index in range(5)]
    (warning,) = plan_warnings(groups, PLAIN, now=NOW, workers=2)
    assert warning.endswith("1 × E_0, 1 × E_1, 1 × E_2, 2 more kinds")


def test_the_gap_between_tries():
    recent = plan_warnings(CONFLICT, SIM_POLICY, now=NOW, workers=2, last_failed=NOW - 3 * MINUTE)
    assert recent == ("Wait at least 30 min between tries: the last failure was 3 min ago",)
    long_ago = NOW - 30 * MINUTE
    assert plan_warnings(CONFLICT, SIM_POLICY, now=NOW, workers=2, last_failed=long_ago) == ()


def test_another_way_is_recommended_only_without_credentials():
    (warning,) = plan_warnings(WHMCS, ORDER_POLICY, now=NOW, workers=2)
    assert "Salesforce" in warning
    assert plan_warnings(WHMCS, ORDER_POLICY, now=NOW, workers=2, salesforce=True) == ()


def test_who_would_run_them():
    def said(**state):
        return " ".join(plan_warnings(WHMCS, PLAIN, now=NOW, **state))

    assert "paused" in said(paused=True, workers=1)
    assert "No worker" in said(workers=0)
    assert "Unknown whether a worker" in said(workers=None)
