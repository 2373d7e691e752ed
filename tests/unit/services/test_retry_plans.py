"""Proposing a retry: what is left out, what is said, and what is stored."""

from dataclasses import replace

import pytest

from bot.adapters.redis_plan_store import RedisPlanStore
from bot.domain.access import Actor
from bot.domain.jobs import FailureFilter
from bot.domain.plans import PlanKind, drifted
from bot.domain.policy import Catalog, ErrorPolicy, QueuePolicy, Retryable
from bot.domain.subjects import JobAbout
from bot.domain.times import HOUR, MINUTE
from bot.errors import JobGoneError, RefusedError
from bot.services import plan_freezing
from bot.services.retry_plans import RetryPlanner
from tests.support.fake_queues import FakeQueue
from tests.support.fake_salesforce import order_id
from tests.support.fakes import ORDERS, START

BOB = Actor(user="UBOB", channel="C1")
ALL = FailureFilter()
WHMCS = FailureFilter(code="WHMCS_ERROR")
SECRET = "08040778179"
POLICY = QueuePolicy(
    business_id="sfOrderId",
    subject="simAccount",
    min_gap=30 * MINUTE,
    redact=("simAccount",),
    errors={"WHMCS_ERROR": ErrorPolicy(code="WHMCS_ERROR", retryable=Retryable.YES)},
)


def planner(redis, queues, policy=POLICY, *, salesforce=False):
    return RetryPlanner(
        reader=queues, plans=RedisPlanStore(client=redis), catalog=Catalog(default=policy),
        salesforce=salesforce,
    )  # fmt: skip


@pytest.fixture
def queue(queues) -> FakeQueue:
    """Five orders that failed an hour ago, and one with another error."""
    queue = queues.add(ORDERS)
    for number in range(5):
        queue.fail(f"w{number}", "WHMCS_ERROR: connect ETIMEDOUT", START - HOUR + number)
        queue.contents.data[f"w{number}"] = {"sfOrderId": f"o{number}", "simAccount": f"s{number}"}
    queue.fail("m1", "MAPPING_ERROR: no mapping", START - HOUR)
    queue.contents.data["m1"] = {"sfOrderId": "o9", "simAccount": SECRET}
    return queue


def completed(queue, id_, order, *, at=START - 50 * MINUTE, sim="s"):
    job = JobAbout(id=id_, state="completed", created_at=at - 1, started_at=at, finished_at=at)
    queue.contents.add(job, sfOrderId=order, simAccount=sim)


def waiting(queue, id_, order, *, made):
    queue.contents.add(JobAbout(id=id_, state="wait", created_at=made), sfOrderId=order)


async def test_orders_with_a_newer_or_a_completed_job_are_left_out(redis, queues, queue):
    completed(queue, "c1", "o0")
    waiting(queue, "n1", "o1", made=START)
    completed(queue, "c2", "another order")
    proposal = await planner(redis, queues).propose(BOB, ORDERS, WHMCS)
    plan = proposal.plan
    assert [id_ for id_, _ in plan.ids] == ["w2", "w3", "w4"]
    assert set(plan.excluded) == {"w0", "w1"}
    assert (plan.count, plan.matching) == (3, 5)
    assert [(one.code, one.count) for one in plan.groups] == [("WHMCS_ERROR", 3)]
    assert (
        "2 orders already have a newer or a completed job: left out, a retry would run them twice"
    ) in plan.warnings


async def test_an_order_is_one_whichever_form_of_its_id_a_job_holds(redis, queues, queue):
    """Salesforce's ids have 15 characters or 18."""
    for number in (0, 1):
        queue.contents.data[f"w{number}"] = {"sfOrderId": order_id(number)}
    waiting(queue, "n0", order_id(0)[:15], made=START)
    queue.contents.data["w2"] = {"sfOrderId": order_id(1)[:15]}
    made = planner(redis, queues)
    plan = (await made.propose(BOB, ORDERS, WHMCS)).plan
    assert [id_ for id_, _ in plan.ids] == ["w2", "w3", "w4"]
    assert any(said.startswith("2 orders already have a newer job") for said in plan.warnings)
    assert not await made.is_harmless(ORDERS, "w0")


async def test_of_two_failures_of_an_order_the_newer_one_is_retried(redis, queues, queue):
    queue.fail("w9", "WHMCS_ERROR: again", START - 50 * MINUTE)
    queue.contents.data["w9"] = {"sfOrderId": "o0"}
    plan = (await planner(redis, queues).propose(BOB, ORDERS, WHMCS)).plan
    assert plan.excluded == ("w0",)
    assert "w9" in dict(plan.ids)


async def test_groups_lose_those_that_are_left_out(redis, queues, queue):
    completed(queue, "c1", "o0")
    completed(queue, "c2", "o9")
    plan = (await planner(redis, queues).propose(BOB, ORDERS, ALL)).plan
    assert [(one.code, one.count) for one in plan.groups] == [("WHMCS_ERROR", 4)]
    assert plan.count == 4


async def test_when_all_are_left_out_it_says_why_and_stores_nothing(redis, queues, queue):
    completed(queue, "c2", "o9")
    wanted = FailureFilter(code="MAPPING_ERROR")
    with pytest.raises(JobGoneError, match=r"1 order already has a newer.*`retry QUEUE ID`"):
        await planner(redis, queues).propose(BOB, ORDERS, wanted)
    assert not await redis.keys("*plan*")


async def test_a_named_job_is_in_it_all_the_same_and_warned_about(redis, queues, queue):
    completed(queue, "c1", "o0")
    plan = (await planner(redis, queues).propose(BOB, ORDERS, ALL, ids=["w0", "w1"])).plan
    assert [id_ for id_, _ in plan.ids] == ["w0", "w1"]
    assert plan.excluded == ()
    assert (plan.count, plan.matching, plan.named) == (2, 2, True)
    assert plan.warnings[0] == "1 order already has a completed job: a retry would run it twice"


async def test_more_than_can_be_frozen_by_id_are_frozen_by_the_filter_without_some(
    redis, queues, queue, monkeypatch
):
    monkeypatch.setattr(plan_freezing, "FROZEN_BY_ID", 3)
    completed(queue, "c1", "o0")
    plan = (await planner(redis, queues).propose(BOB, ORDERS, WHMCS)).plan
    assert plan.ids == ()
    assert plan.excluded == ("w0",)
    assert (plan.count, plan.matching) == (4, 5)
    assert plan.filter.until is not None


async def test_subjects_tried_just_now_are_offered_for_later(redis, queues, queue):
    completed(queue, "c1", "o77", at=START - 10 * MINUTE, sim="s1")
    completed(queue, "c2", "o78", at=START - 20 * MINUTE, sim="s2")
    proposal = await planner(redis, queues).propose(BOB, ORDERS, WHMCS)
    assert proposal.plan.count == 5, "they are not left out"
    assert proposal.plan.later_at == START + 20 * MINUTE
    assert "2 SIM accounts were tried less than 30 min ago" in proposal.plan.warnings


async def test_subjects_tried_long_ago_are_not(redis, queues, queue):
    completed(queue, "c1", "o77", at=START - 30 * MINUTE, sim="s1")
    plan = (await planner(redis, queues).propose(BOB, ORDERS, WHMCS)).plan
    assert plan.later_at is None
    assert not any("tried" in one for one in plan.warnings)


async def test_the_business_id_stands_in_for_the_subject(redis, queues, queue):
    completed(queue, "c1", "o0", at=START - 10 * MINUTE)
    policy = replace(POLICY, subject=None)
    plan = (await planner(redis, queues, policy).propose(BOB, ORDERS, WHMCS)).plan
    assert plan.later_at is None, "its order is left out"
    plan = (await planner(redis, queues, policy).propose(BOB, ORDERS, ALL, ids=["w0"])).plan
    assert plan.later_at == START + 20 * MINUTE
    assert "1 order was tried less than 30 min ago" in plan.warnings


async def test_without_a_path_the_errors_that_need_a_gap_tell_when_it_is_over(redis, queues, queue):
    gap = ErrorPolicy(code="WHMCS_ERROR", retryable=Retryable.AFTER_GAP)
    policy = QueuePolicy(min_gap=2 * HOUR, errors={"WHMCS_ERROR": gap})
    plan = (await planner(redis, queues, policy).propose(BOB, ORDERS, WHMCS)).plan
    assert plan.later_at == START - HOUR + 4 + 2 * HOUR
    assert plan.warnings[0].startswith("Wait at least 2 h between tries")


async def test_no_value_of_a_job_stands_in_a_warning(redis, queues, queue):
    completed(queue, "c1", "o0", at=START - MINUTE, sim=SECRET)
    plan = (await planner(redis, queues).propose(BOB, ORDERS, ALL)).plan
    assert plan.later_at is not None
    said = " ".join(plan.warnings)
    assert SECRET not in said
    assert "o0" not in said


async def test_consequences_with_their_numbers(redis, queues, queue):
    queue.prioritized |= {"w0", "w1"}
    queue.contents.children |= {"w1", "w2"}
    queue.contents.orphans |= {"w2"}
    queue.emptied |= {"w4"}
    queue.workers = 0
    plan = (await planner(redis, queues, QueuePolicy()).propose(BOB, ORDERS, WHMCS)).plan
    assert set(plan.warnings) >= {
        "All 4 used their 3 attempts: each gets one more try, unless given fresh attempts",
        "2 have a priority, kept",
        "1 flow child: re-linked, its parent waits for it",
        "1 flow child whose parent has already left: no retry brings it back",
        "1 failed job has vanished: only its id is left",
        "No worker is connected: jobs will wait until one is",
    }


async def test_priorities_that_bullmq_3_would_lose(redis, queues, queue):
    queue.version, queue.prioritized = "bullmq:3.16.2", {"w0"}
    proposal = await planner(redis, queues, QueuePolicy()).propose(BOB, ORDERS, WHMCS)
    said = "1 has a priority: left out, this BullMQ would lose it"
    assert said in proposal.plan.warnings
    assert not proposal.may_be_fresh


async def test_what_was_asked_for_is_in_the_plan(redis, queues, queue):
    made = planner(redis, queues)
    proposal = await made.propose(BOB, ORDERS, WHMCS, rate=50.0, canary=4, fresh=True)
    plan = proposal.plan
    assert (plan.rate, plan.canary, plan.fresh, plan.kind) == (50.0, 4, True, PlanKind.RETRY)
    assert await RedisPlanStore(client=redis).get(plan.id) == plan


async def test_through_salesforce_the_version_table_does_not_matter(redis, queues, queue):
    queue.version, queue.paused = "bullmq:5.81.0", True
    policy = replace(POLICY, retry_via="salesforce")
    made = planner(redis, queues, policy, salesforce=True)
    with pytest.raises(RefusedError):
        await made.propose(BOB, ORDERS, WHMCS)
    proposal = await made.propose(BOB, ORDERS, WHMCS, kind=PlanKind.SALESFORCE)
    assert proposal.plan.kind is PlanKind.SALESFORCE
    assert not proposal.may_be_fresh
    assert not any("Best retried" in one for one in proposal.plan.warnings)
    await made.check(proposal.plan)
    queue.paused = False
    past_it = (await made.propose(BOB, ORDERS, WHMCS)).plan
    assert any("this goes past it" in one for one in past_it.warnings)


async def test_a_recount_sees_what_has_failed_and_what_has_gone_since(redis, queues, queue):
    made = planner(redis, queues)
    plan = (await made.propose(BOB, ORDERS, WHMCS)).plan
    assert await made.recount(plan) == plan.matching == 5
    queue.fail("late", "WHMCS_ERROR: again", START + 5)
    assert await made.recount(plan) == 6
    assert drifted(plan, 6)
    for job_id in ("late", "w0", "w1"):
        del queue.failed[job_id]
    assert await made.recount(plan) == 3


async def test_a_recount_of_named_jobs_counts_the_same_failures(redis, queues, queue):
    made = planner(redis, queues)
    plan = (await made.propose(BOB, ORDERS, ALL, ids=["w0", "w1", "w2"])).plan
    assert await made.recount(plan) == 3
    del queue.failed["w0"]
    queue.fail("w1", "WHMCS_ERROR: again", START + 5)
    queue.fail("late", "WHMCS_ERROR: another", START + 6)
    assert await made.recount(plan) == 1


async def test_asking_again_takes_what_matches_now(redis, queues, queue):
    made = planner(redis, queues)
    first = (await made.propose(BOB, ORDERS, WHMCS, rate=9.0, canary=2)).plan
    queue.fail("late", "WHMCS_ERROR: again", START + 5)
    again = (await made.again(BOB, first)).plan
    assert again.id != first.id
    assert "late" in dict(again.ids)
    assert (again.rate, again.canary) == (9.0, 2)
    named = (await made.propose(BOB, ORDERS, ALL, ids=["w0", "w1"])).plan
    del queue.failed["w0"]
    assert [id_ for id_, _ in (await made.again(BOB, named)).plan.ids] == ["w1"]


async def test_a_job_that_is_harmless_alone(redis, queues, queue):
    made = planner(redis, queues)
    assert await made.is_harmless(ORDERS, "w0")
    completed(queue, "c1", "o0")
    assert not await made.is_harmless(ORDERS, "w0")
    completed(queue, "c2", "o50", at=START - MINUTE, sim="s1")
    assert not await made.is_harmless(ORDERS, "w1")
    assert await planner(redis, queues, QueuePolicy()).is_harmless(ORDERS, "w0")


async def test_where_another_jobs_data_cannot_be_read_a_card_says_so_and_no_job_is_harmless(
    redis, queues, queue
):
    """It may be about any of these orders."""
    queue.contents.unread |= {"large"}
    made = planner(redis, queues)
    plan = (await made.propose(BOB, ORDERS, WHMCS)).plan
    said = "1 job of the queue could not be read (over 64 KB, or no JSON): it may do the same work"
    assert said in plan.warnings
    assert plan.count == 5
    assert not await made.is_harmless(ORDERS, "w0")


async def test_a_job_is_not_harmless_while_not_all_others_were_looked_at(redis, queues, queue):
    queue.contents.complete = False
    assert not await planner(redis, queues).is_harmless(ORDERS, "w0")
