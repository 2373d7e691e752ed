"""How a receipt begins that has nothing good to tell, and what is said of two."""

from dataclasses import replace

import pytest

from bot.domain.listing import all_of
from bot.domain.operations import Receipt
from bot.domain.plans import PlanKind
from bot.domain.policy import QueuePolicy
from bot.render.operations import receipt_words
from bot.services import plan_words
from tests.unit.render.samples import plan as sample

PLAN = sample()

ABSENT = replace(PLAN, warnings=("No worker is connected: jobs will wait until one is",))
NONE_ENDED = Receipt(waiting=9, watched=9, of=9)


def words(receipt, plan, **options):
    return receipt_words(receipt, QueuePolicy(), plan, **options)


def test_jobs_that_wait_for_a_worker_that_was_not_there_say_so():
    said = words(NONE_ENDED, ABSENT, over=False)

    assert said.endswith("9 not seen to end yet \u00b7 no worker was connected when it was asked")
    assert "worker" not in words(NONE_ENDED, replace(PLAN, warnings=()))
    assert "worker" not in words(Receipt(completed=1, waiting=8, watched=9, of=9), ABSENT)


@pytest.mark.parametrize(
    ("kind", "failed"), [("promote", "5 failed ("), ("retry", "5 failed again (")]
)
def test_only_what_was_retried_fails_again(kind, failed):
    plan, ended = replace(PLAN, kind=PlanKind(kind)), Receipt(failed={"TIMEOUT": 5})

    assert failed in words(ended, plan)
    assert failed in plan_words.receipt(ended, (), plan.kind)


def test_two_are_both():
    assert (all_of(2), all_of(1_204)) == ("Both", "All 1,204")


def test_what_cleans_is_one_family_of_words():
    for kind in (PlanKind.CLEAN, PlanKind.SWEEP):
        plan = replace(PLAN, kind=kind, state="ghosts" if kind is PlanKind.SWEEP else "failed")
        assert plan_words.what(plan, ()).startswith("clean ")
        assert plan_words.note(plan, 3, ()).startswith("removed 3 ")
        assert (kind.verb, kind.doing) == ("clean", "Removing")
