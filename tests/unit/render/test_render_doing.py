"""What a card and the message of an operation say of pace, of waiting, and of how it went."""

from dataclasses import replace

import pytest

from bot.domain.operations import Operation, Phase, Receipt, Tally
from bot.domain.plan_warnings import doubts
from bot.domain.plans import PlanGroup, PlanKind, PlanStatus
from bot.domain.times import MINUTE, SECOND
from bot.render import plans
from bot.render.operations import OperationRenderer
from tests.unit.render import samples as given
from tests.unit.render.samples import CATALOG, NOW

RENDERER = OperationRenderer(CATALOG)
RUNNING = Operation(
    id="p7f3a", attempt="1", phase=Phase.RUNNING, began_at=NOW - MINUTE, moved_at=NOW,
    tally=Tally(done=300),
)  # fmt: skip


def card(**changes):
    return str(plans.card(given.plan(**changes), given.ORDER_POLICY, CATALOG, NOW).blocks)


def running(**changes):
    plan = given.plan(count=2_031)
    return str(RENDERER.progress(plan, replace(RUNNING, **changes), now=NOW).blocks)


@pytest.mark.parametrize(
    ("rate", "canary", "said"),
    [
        (5 / 60, 0, "At most 5 a minute: about 6 h 46 min"),
        (1.5, 0, "At most 90 a minute: about 22 min"),
        (50.0, 0, "At most 50 a second: about 41 s"),
        (5 / 60, 20, "At most 5 a minute: about 4 min"),
    ],
)
def test_a_card_says_how_long_its_rate_takes(rate, canary, said):
    assert said in card(count=2_031, rate=rate, canary=canary)


def test_a_slow_operation_is_told_by_the_minute():
    assert "5/s \u00b7 5 min 46 s left" in running()
    assert "30/min \u00b7 1 h 6 min left" in running(tally=Tally(done=30))


def test_while_it_waits_there_is_no_time_left_but_since_when():
    notice = "Salesforce did not answer. Trying again"
    waits = running(notice=notice, moved_at=NOW - 2 * MINUTE)
    assert "/s" not in waits
    assert "left" not in waits
    assert "300 of 2,031" in waits
    assert "|03:10 UTC>: Salesforce did not answer. Trying again" in waits
    assert "Waiting: Salesforce" in running(notice=notice, moved_at=NOW - SECOND)


def test_who_else_is_at_work_is_named_and_nothing_else_is_a_mention():
    busy = "<@U0ALICE> has begun to retry 609 here: not over yet"
    shown = card(warnings=(busy, "see <@U0EVE>"))
    assert "\u2022 <@U0ALICE> has begun to retry 609 here" in shown
    assert "see &lt;@U0EVE&gt;" in shown


def test_the_dialog_says_which_errors_fail_again_and_until_when():
    groups = (PlanGroup("MAPPING_ERROR", 598), PlanGroup("E_NEW", 3))
    dialog = card(groups=groups, count=601)
    assert (
        "598 × MAPPING_ERROR will fail again until the cause is fixed: Add WH_Product_ID__c to "
        "Product2 in Salesforce. Unknown whether a retry helps: 3 × E_NEW."
    ) in dialog
    many = tuple(PlanGroup("MAPPING_ERROR", 1, NOW) for _ in range(4))
    assert len(doubts(many, given.ORDER_POLICY, now=NOW)) == 4
    assert "And 2 more." in card(groups=many)


@pytest.mark.parametrize("kind", [PlanKind.SALESFORCE, PlanKind.RETRY, PlanKind.UNDO])
def test_an_operation_that_left_most_out_is_no_success(kind):
    plan = given.plan(kind=kind, count=12, archive="a1")
    ended = replace(
        RUNNING, phase=Phase.ENDED, tally=Tally(done=1, left_out=11), receipt=Receipt(completed=1)
    )
    assert RENDERER.progress(plan, ended, now=NOW).text.startswith("\u26a0\ufe0f")
    most = replace(ended, tally=Tally(done=11, left_out=1))
    assert RENDERER.progress(plan, most, now=NOW).text.startswith("\u2705")


def test_a_try_that_left_most_out_does_not_offer_the_rest_as_if_all_was_well():
    plan = given.plan(count=16_011, canary=5, status=PlanStatus.TRIED)
    ended = replace(RUNNING, phase=Phase.ENDED, receipt=Receipt(completed=2))
    few = replace(ended, tally=Tally(done=2, left_out=3))
    shown = RENDERER.progress(plan, few, now=NOW)
    assert "*Most were left out.* 16,009 are left." in str(shown.blocks)
    assert "'style': 'primary'" not in str(shown.blocks)
    well = RENDERER.progress(plan, replace(ended, tally=Tally(done=5)), now=NOW)
    assert "*All went well.* 16,006 are left." in str(well.blocks)
    assert "'style': 'primary'" in str(well.blocks)


def test_a_receipt_is_a_success_only_where_jobs_completed():
    def told(**counts):
        ended = replace(RUNNING, phase=Phase.ENDED, receipt=Receipt(**counts))
        return RENDERER.receipt(given.plan(), ended).text

    assert told(completed=3).startswith("\u2705 3 completed")
    assert told(gone=3).startswith("0 completed")
    assert told(completed=3, waiting=1).startswith("3 completed")
    assert told(completed=3, failed={"TIMEOUT": 1}).startswith("\u26a0\ufe0f 3 completed")
