"""A second admin: who may approve, when, how often, and what is said where it is refused."""

import asyncio
from dataclasses import replace

import pytest

from bot.domain.access import AccessPolicy
from bot.domain.audit import Outcome
from bot.domain.emergencies import Verdict, verdict
from bot.domain.plans import APPROVAL_LIFETIME, PLAN_LIFETIME, PlanKind, PlanStatus
from bot.domain.sample import Counts
from bot.errors import (
    AccessDeniedError,
    JobGoneError,
    NotPausedError,
    PlanExpiredError,
    RedisUnavailableError,
    RefusedError,
    StaleError,
    UsageError,
)
from tests.support.fakes import ORDERS
from tests.support.toolbox import ALICE, build_office
from tests.support.two_admins import DANA, NAME, asked, hold, propose, two_admins


@pytest.fixture
async def office(redis, queues, messenger):
    return await two_admins(redis, queues, messenger)


@pytest.fixture
def queue(office):
    return hold(office, waiting=12, delayed=20, prioritized=2)


async def stored(office, plan):
    return await office.toolbox.approving.plan(plan.id)


async def test_approved_by_another_admin_it_begins_and_names_both(office, queue):
    plan = await asked(office)
    assert plan.status is PlanStatus.ASKED
    assert not office.submitted.waiting, "asking begins nothing"
    begun = await office.toolbox.approving.approve(DANA, plan.id)
    assert (begun.status, begun.confirmed_by, begun.approved_by) == (
        PlanStatus.RUNNING, ALICE.user, DANA.user,
    )  # fmt: skip
    assert [one for one, _ in office.submitted.waiting] == [plan.id]
    [started] = [e for e in await office.history() if e.outcome is Outcome.STARTED]
    assert (started.user, started.approver, started.what) == (
        ALICE.user, DANA.user, "drain 34 jobs",
    )  # fmt: skip
    [request] = [e for e in await office.history() if e.action == "ask"]
    assert (request.user, request.what) == (ALICE.user, "ask to drain 34 jobs")


@pytest.mark.parametrize("typed", ["", "order", "ORDER-PROVISIONING", "main/order-provisioning"])
async def test_another_name_asks_nobody(office, queue, typed):
    plan = await propose(office)
    assert not office.toolbox.approving.is_named(plan, typed)
    with pytest.raises(UsageError, match="not the queue's name"):
        await office.toolbox.approving.ask(ALICE, plan.id, typed)
    assert (await stored(office, plan)).status is PlanStatus.PROPOSED


async def test_a_dialog_is_the_askers_own_and_submits_once(office, queue):
    plan = await propose(office)
    with pytest.raises(StaleError, match="someone else"):
        await office.toolbox.approving.ask(DANA, plan.id, NAME)
    await office.toolbox.approving.ask(ALICE, plan.id, NAME)
    with pytest.raises(StaleError, match="asked already"):
        await office.toolbox.approving.ask(ALICE, plan.id, NAME)


async def test_a_dialog_that_was_open_for_too_long_asks_nobody(office, queue):
    plan = await propose(office)
    office.clock.forward(PLAN_LIFETIME)
    with pytest.raises(PlanExpiredError):
        await office.toolbox.approving.ask(ALICE, plan.id, NAME)


async def test_a_queue_that_changed_while_the_dialog_was_open_asks_nobody(office, queue):
    plan = await propose(office)
    hold(office, waiting=20)
    with pytest.raises(StaleError, match="34 jobs were shown, 20 are there now"):
        await office.toolbox.approving.ask(ALICE, plan.id, NAME)
    assert (await stored(office, plan)).status is PlanStatus.PROPOSED


async def test_who_asked_cannot_approve(office, queue):
    plan = await asked(office)
    with pytest.raises(AccessDeniedError, match="another admin must approve it") as caught:
        await office.toolbox.approving.approve(ALICE, plan.id)
    assert caught.value.people == (DANA.user,)
    assert (await stored(office, plan)).status is PlanStatus.ASKED
    tried = (await office.history())[0]
    assert (tried.what, tried.word, tried.asked_by) == (
        "approve: drain 34 jobs", "not allowed", None,
    )  # fmt: skip
    await office.toolbox.approving.approve(DANA, plan.id)


async def test_what_was_not_asked_cannot_be_approved(office, queue):
    plan = await propose(office)
    with pytest.raises(StaleError):
        await office.toolbox.approving.approve(DANA, plan.id)
    assert not office.submitted.waiting


async def test_a_confirmation_of_a_card_begins_neither(office, queue):
    """What a forged press of the ordinary button would do."""
    for plan in (await propose(office), await asked(office)):
        with pytest.raises(StaleError, match="second admin must approve"):
            await office.toolbox.confirming.confirm(ALICE, plan.id)
    assert not office.submitted.waiting


@pytest.mark.parametrize("plan_id", ["", "nonsense", "*", "x" * 3000])
async def test_a_forged_id_does_nothing(office, queue, plan_id):
    approving = office.toolbox.approving
    for step in (approving.approve, approving.refuse):
        with pytest.raises(StaleError, match="not known"):
            await step(DANA, plan_id)
    with pytest.raises(StaleError, match="not known"):
        await approving.ask(ALICE, plan_id, NAME)


async def test_a_plan_of_another_kind_is_none_of_these(office, queue):
    plan = await propose(office)
    await office.toolbox.confirming._plans.save(replace(plan, kind=PlanKind.CLEAN))
    with pytest.raises(StaleError, match="not known"):
        await office.toolbox.approving.approve(DANA, plan.id)


async def test_after_ten_minutes_nobody_can_approve(office, queue):
    plan = await asked(office)
    office.clock.forward(APPROVAL_LIFETIME - 1)
    with pytest.raises(AccessDeniedError):
        await office.toolbox.approving.approve(ALICE, plan.id)
    office.clock.forward(1)
    late = await office.toolbox.approving.approve(DANA, plan.id)
    assert verdict(late) is Verdict.EXPIRED
    assert verdict(await stored(office, plan)) is Verdict.EXPIRED
    with pytest.raises(StaleError, match="over"):
        await office.toolbox.approving.approve(DANA, plan.id)
    assert not office.submitted.waiting
    ended = (await office.history())[0]
    assert (ended.user, ended.ended_by, ended.word) == (ALICE.user, DANA.user, "expired")


async def test_the_approval_is_void_when_more_than_a_tenth_has_gone(office, queue):
    plan = await asked(office)
    hold(office, waiting=26, delayed=4)
    void = await office.toolbox.approving.approve(DANA, plan.id)
    assert verdict(void) is Verdict.VOID
    assert (void.count, void.matching, void.groups[0].count) == (34, 30, 26)
    assert not office.submitted.waiting
    ended = (await office.history())[0]
    assert (ended.user, ended.word, ended.ended_by) == (ALICE.user, "void", DANA.user)
    why = "12 waiting, now 26; 2 prioritized, now 0; 20 delayed, now 4"
    assert ended.detail == f"34 when it was asked, 30 now ({why})"


async def test_what_a_drain_does_not_touch_voids_nothing(office, queue):
    """What was added since stays, and a delayed job that has come due still waits."""
    shown = await propose(office)
    hold(office, waiting=60, delayed=4)
    plan = await office.toolbox.approving.ask(ALICE, shown.id, NAME)
    hold(office, waiting=200)
    assert verdict(await office.toolbox.approving.approve(DANA, plan.id)) is Verdict.APPROVED


async def test_as_many_other_jobs_are_not_those_that_were_approved(office):
    hold(office, failed=20).paused = True
    shown = await propose(office, PlanKind.OBLITERATE)
    plan = await asked(office, PlanKind.OBLITERATE)
    hold(office, waiting=20)
    with pytest.raises(StaleError, match="0 waiting, now 20; 20 failed, now 0"):
        await office.toolbox.approving.ask(ALICE, shown.id, NAME)
    assert verdict(await office.toolbox.approving.approve(DANA, plan.id)) is Verdict.VOID
    assert not office.submitted.waiting
    assert (await office.history())[0].detail.endswith("(0 waiting, now 20; 20 failed, now 0)")


async def test_a_tenth_is_no_drift(office, queue):
    plan = await asked(office)
    hold(office, waiting=9, delayed=20, prioritized=2)
    assert verdict(await office.toolbox.approving.approve(DANA, plan.id)) is Verdict.APPROVED


async def test_refused_or_taken_back_it_is_over(office, queue):
    plan = await asked(office)
    assert verdict(await office.toolbox.approving.refuse(DANA, plan.id)) is Verdict.REFUSED
    with pytest.raises(StaleError, match="U0DANA refused this") as caught:
        await office.toolbox.approving.approve(DANA, plan.id)
    assert caught.value.people == (DANA.user,)
    own = await asked(office)
    assert (await office.toolbox.approving.refuse(ALICE, own.id)).confirmed_by == ALICE.user
    told = [e for e in await office.history() if e.outcome is Outcome.REFUSED]
    assert [(e.user, e.ended, e.ended_by) for e in told] == [
        (ALICE.user, "taken back", None), (ALICE.user, "refused", DANA.user),
    ]  # fmt: skip
    assert not office.submitted.waiting


async def test_approve_and_refuse_at_once_have_one_winner(office, queue):
    approving = office.toolbox.approving
    for _ in range(10):
        plan = await asked(office)
        steps = [approving.approve, approving.refuse] * 2
        presses = (step(DANA, plan.id) for step in steps)
        ended = await asyncio.gather(*presses, return_exceptions=True)
        won = [one for one in ended if not isinstance(one, StaleError)]
        assert len(won) == 1
        submitted = [one for one, _ in office.submitted.waiting]
        assert submitted.count(plan.id) == (verdict(won[0]) is Verdict.APPROVED)


async def test_a_press_after_the_queue_refused_hands_it_over(office, queue):
    plan = await asked(office)
    office.submitted.down = "Bullhorn's own Redis cannot be reached."
    with pytest.raises(RedisUnavailableError):
        await office.toolbox.approving.approve(DANA, plan.id)
    office.submitted.down = ""
    with pytest.raises(StaleError, match="U0DANA approved this already"):
        await office.toolbox.approving.approve(DANA, plan.id)
    assert [one for one, _ in office.submitted.waiting] == [plan.id]


async def test_a_request_that_was_not_posted_is_put_aside(office, queue):
    plan = await asked(office)
    await office.toolbox.approving.unsent(plan)
    with pytest.raises(StaleError, match="over"):
        await office.toolbox.approving.approve(DANA, plan.id)


async def test_nothing_to_drain_is_said(office):
    hold(office, active=3, completed=9, failed=1)
    with pytest.raises(JobGoneError, match="nothing to drain"):
        await propose(office)


async def test_a_paused_queue_before_6_is_not_drained(office, queue):
    queue.version, queue.paused = "bullmq:5.81.0", True
    with pytest.raises(RefusedError, match="paused and runs BullMQ 5: drain could lose jobs"):
        await propose(office)


async def test_a_pause_of_it_since_it_was_asked_is_refused_and_it_stays_open(office, queue):
    queue.version = "bullmq:5.81.0"
    plan = await asked(office)
    queue.paused = True
    with pytest.raises(RefusedError, match="Resume it first"):
        await office.toolbox.approving.approve(DANA, plan.id)
    queue.paused = False
    assert verdict(await office.toolbox.approving.approve(DANA, plan.id)) is Verdict.APPROVED


async def test_obliterate_needs_a_pause_and_no_active_job(office):
    queue = hold(office, waiting=5, active=2)
    with pytest.raises(NotPausedError) as caught:
        await propose(office, PlanKind.OBLITERATE)
    assert caught.value.active == 2
    queue.paused = True
    plan = await asked(office, PlanKind.OBLITERATE)
    assert plan.count == 7
    with pytest.raises(RefusedError, match="2 jobs are active"):
        await office.toolbox.approving.approve(DANA, plan.id)
    hold(office, waiting=5, completed=2)
    begun = await office.toolbox.approving.approve(DANA, plan.id)
    assert verdict(begun) is Verdict.APPROVED


async def test_resumed_in_between_it_is_not_obliterated(office):
    queue = hold(office, waiting=5)
    queue.paused = True
    plan = await asked(office, PlanKind.OBLITERATE)
    queue.paused = False
    with pytest.raises(NotPausedError):
        await office.toolbox.approving.approve(DANA, plan.id)
    assert not office.submitted.waiting


async def test_who_is_the_only_admin_hears_that_there_is_no_other(redis, queues, messenger):
    queues.add(ORDERS).counts = Counts(waiting=3)
    alone = AccessPolicy(admins=frozenset({ALICE.user}))
    office = build_office(redis=redis, queues=queues, messenger=messenger, access=alone)
    plan = await asked(office)
    with pytest.raises(AccessDeniedError, match=r"there is none: see `access\.admins`"):
        await office.toolbox.approving.approve(ALICE, plan.id)
