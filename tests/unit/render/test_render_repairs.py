"""Cards and messages of the repairs besides retry. Read the snapshots aloud when they change."""

from dataclasses import replace

import pytest

from bot.domain.archives import ArchiveInfo
from bot.domain.jobs import ORPHAN, FailureFilter
from bot.domain.message import MessageRef
from bot.domain.operations import Operation, Phase, Receipt, Tally
from bot.domain.plans import PlanKind, PlanStatus
from bot.domain.times import DAY, MINUTE, SECOND
from bot.render import plans, repairs
from bot.render.operations import OperationRenderer, began
from tests.unit.render import samples as given

CATALOG = given.CATALOG
NOW = given.NOW
ARCHIVE = ArchiveInfo(
    id="4f1c2a9b7d30", queue=given.ORDERS, state="failed", kind="clean", by="U0BOB",
    at=NOW - 3 * DAY, expires_at=NOW + 4 * DAY, jobs=1_204, bytes=612_000,
)  # fmt: skip
CLEAN = given.plan(
    kind=PlanKind.CLEAN, state="failed", count=1_204, matching=1_204, groups=(),
    filter=FailureFilter(until=NOW - 30 * DAY), archive="abcdef012345",
    warnings=(
        "The oldest failed 94 d ago, the newest 31 d ago",
        "Archived first: kept 7 d, up to 256 MB of archives; about 596 KB of it",
    ),
)  # fmt: skip
OPERATIONS = OperationRenderer(CATALOG)


def card(plan, *, archive=None, orphans=0):
    return plans.card(
        plan, CATALOG.policy(plan.queue), CATALOG, NOW,
        lines=repairs.lines(plan, archive, NOW),
        asks=repairs.asks(plan, archive),
        offers=repairs.offers(plan, CATALOG, orphans=orphans),
    )  # fmt: skip


def ended(plan, **changes):
    done = replace(plan, status=PlanStatus.DONE, confirmed_by="U0BOB")
    made = {
        "phase": Phase.ENDED, "began_at": NOW, "moved_at": NOW + 4 * SECOND,
        "message": MessageRef("C1", "1.0"), "tally": Tally(done=plan.count),
    }  # fmt: skip
    operation = Operation(id=plan.id, attempt="a1", **{**made, **changes})
    return OPERATIONS.progress(done, operation, now=NOW + 4 * SECOND)


def test_promote(matches):
    plan = given.plan(
        queue=given.SIMS, kind=PlanKind.PROMOTE, state="delayed", count=12, groups=(),
        filter=FailureFilter(), ids=tuple((str(n), n) for n in range(12)), rate=5.0,
        later_at=NOW + 24 * MINUTE,
        warnings=("2 SIM accounts were tried less than 30 min ago",),
    )  # fmt: skip
    matches(card(plan), "promote_card")
    receipt = Receipt(completed=11, failed={"OPERATION_CONFLICT": 1}, watched=12, of=12)
    matches(ended(plan, receipt=receipt), "promote_ended")
    matches(repairs.promoted(given.SIMS, "4711", "U0BOB", CATALOG), "promoted_single")


def test_unstick(matches):
    plan = given.plan(
        kind=PlanKind.UNSTICK, state="active", count=2, groups=(), filter=FailureFilter(),
        ids=(("4711", 1), ("4712", 2)),
        warnings=(
            "Their worker has died or lost them: 4711 and 4712, the first begun 12 min ago",
            "1 job is locked by a worker, and left alone: 4713 (12 s)",
            "BullMQ looks for such jobs again in 20 s: that is waited out first",
            "No worker is connected: they wait until one is",
        ),
    )  # fmt: skip
    matches(card(plan), "unstick_card")
    running = replace(plan, status=PlanStatus.RUNNING, confirmed_by="U0BOB")
    operation = Operation(
        id=plan.id, attempt="a1", phase=Phase.RUNNING, began_at=NOW,
        notice="BullMQ looks for jobs without a worker again in 20 s.",
    )  # fmt: skip
    matches(OPERATIONS.progress(running, operation, now=NOW + SECOND), "unstick_waits")
    matches(ended(plan, tally=Tally(done=1, changed=1)), "unstick_ended")


def test_clean(matches):
    matches(card(CLEAN, orphans=1_204), "clean_card")
    matches(began(CLEAN, CATALOG), "clean_begun")
    matches(ended(CLEAN, tally=Tally(done=1_200, left_out=4)), "clean_ended")
    full = "The archive is full: it keeps 256 MB for a week."
    matches(ended(CLEAN, tally=Tally(done=700), stopped=full), "clean_full")
    nothing = ended(CLEAN, tally=Tally(), stopped="The queue is paused.")
    matches(nothing, "clean_refused")


def test_clean_of_completed_jobs(matches):
    plan = replace(
        CLEAN, state="completed", archive="",
        warnings=("Completed jobs are not archived: they cannot be brought back",),
    )  # fmt: skip
    matches(card(plan), "clean_completed_card")
    matches(ended(plan), "clean_completed_ended")


def test_remove(matches):
    plan = replace(
        CLEAN, named=True, count=1, matching=1, ids=(("4711", NOW),), filter=FailureFilter(),
        warnings=("It is failed, 3 of 3 attempts used",),
    )  # fmt: skip
    matches(card(plan), "remove_card")
    matches(ended(plan), "remove_ended")
    matches(ended(plan, tally=Tally(left_out=1)), "remove_left_out")


def test_sweep(matches):
    plan = given.plan(
        kind=PlanKind.SWEEP, count=1_204, groups=(), filter=FailureFilter(),
        state=ORPHAN, archive="4f1c2a9b7d30",
        warnings=(
            (
                "Such as 17, 18 and 1,202 more: their data is there, but the queue does not know "
                "them any more"
            ),
            "No worker can reach them, but each may be the last copy of a job's data",
            "Archived first: kept 7 d, up to 256 MB of archives; about 812 KB of it",
        ),
    )  # fmt: skip
    matches(card(plan), "sweep_card")
    matches(ended(plan), "sweep_ended")


def test_undo(matches):
    plan = given.plan(
        kind=PlanKind.UNDO, state="failed", count=1_204, groups=(), filter=FailureFilter(),
        archive=ARCHIVE.id,
        warnings=(
            "2 jobs have an id that is in use again (4711 and 4712): they stay archived",
            "They come back as they were: state, order, data, logs, attempts",
        ),
    )  # fmt: skip
    matches(card(plan, archive=ARCHIVE), "undo_card")
    matches(ended(plan, tally=Tally(done=1_202, changed=2)), "undo_ended")


def test_an_undo_of_jobs_that_were_not_all_looked_at_promises_none(matches):
    archive = replace(ARCHIVE, kind="retry through Salesforce", jobs=18_371)
    plan = given.plan(
        kind=PlanKind.UNDO, state="failed", count=16_371, matching=18_371, at_most=True, groups=(),
        filter=FailureFilter(), archive=ARCHIVE.id,
    )  # fmt: skip
    drawn = card(plan, archive=archive)
    matches(drawn, "undo_at_most_card")
    assert "Bring back up to 16,371 all the same?" in str(drawn.blocks)
    assert "Those that are done are left out as they come." in str(drawn.blocks)
    matches(began(plan, CATALOG), "undo_at_most_begun")
    running = Operation(id=plan.id, attempt="a1", phase=Phase.RUNNING, tally=Tally(left_out=16_371))
    shown = OPERATIONS.progress(replace(plan, status=PlanStatus.RUNNING), running, now=NOW)
    matches(shown, "undo_at_most_running")
    matches(ended(plan, tally=Tally(done=396, left_out=17_975)), "undo_at_most_ended")


@pytest.mark.parametrize(
    ("receipt", "phase", "offered"),
    [
        (Receipt(completed=12), Phase.ENDED, False),
        (Receipt(completed=8, waiting=4), Phase.WATCHING, False),
        (Receipt(completed=8, waiting=4), Phase.ENDED, True),
        (Receipt(completed=8, gone=4), Phase.ENDED, True),
        (Receipt(completed=8, failed={"WHMCS_ERROR": 4}), Phase.WATCHING, True),
    ],
)
def test_undo_is_offered_of_a_retry_through_salesforce_whose_orders_may_not_all_be_done(
    receipt, phase, offered
):
    plan = given.plan(kind=PlanKind.SALESFORCE, count=12)
    note = "\n12 old jobs archived: `/queue undo p7f3a`"
    message = ended(plan, phase=phase, receipt=receipt, note=note)
    assert ("Undo\u2026" in str(message.blocks)) is offered


def test_archives(matches):
    mine = frozenset({ARCHIVE.id})
    other = replace(
        ARCHIVE, id="aaaa", queue=given.SIMS, state="wait", kind="remove", jobs=1, bytes=812
    )
    listed = repairs.archives([ARCHIVE, other], mine, NOW, CATALOG, cap=256_000_000, kept=7 * DAY)
    matches(listed, "archives")
    left = replace(other, id="bbbb", jobs=3, left_out=2)
    lost = replace(ARCHIVE, lost=1_204)
    some = replace(ARCHIVE, id="cccc", lost=204, left_out=1)
    mine |= {"cccc"}
    listed = repairs.archives([left, lost, some], mine, NOW, CATALOG, cap=256_000_000, kept=7 * DAY)
    matches(listed, "archives_left_and_lost")
    empty = repairs.archives([], (), NOW, CATALOG, cap=256_000_000, kept=7 * DAY)
    matches(empty, "archives_none")


def test_what_has_expired_is_asked_for_again_by_its_own_command(matches):
    matches(plans.expired(CLEAN, CATALOG), "clean_expired")
    named = replace(CLEAN, named=True, ids=(("4711", 1),))
    assert "remove order-provisioning 4711" in str(plans.expired(named, CATALOG).blocks)
    for kind, command in (
        (PlanKind.PROMOTE, "promote order-provisioning --all"),
        (PlanKind.UNSTICK, "unstick order-provisioning"),
        (PlanKind.SWEEP, "clean order-provisioning orphans"),
        (PlanKind.UNDO, f"undo {ARCHIVE.id}"),
    ):
        plan = given.plan(kind=kind, archive=ARCHIVE.id, filter=FailureFilter(), groups=())
        assert command in str(plans.expired(plan, CATALOG).blocks)
    drained = given.plan(kind=PlanKind.DRAIN, filter=FailureFilter(), groups=())
    assert "Ask again" not in str(plans.expired(drained, CATALOG).blocks)
