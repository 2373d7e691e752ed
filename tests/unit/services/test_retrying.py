"""Retry: one at once, more through a plan that acts once on a frozen set."""

from dataclasses import replace

import pytest

from bot.adapters.redis_audit_log import RedisAuditLog
from bot.adapters.redis_plan_store import RedisPlanStore
from bot.adapters.redis_watch_store import RedisWatchStore
from bot.domain.access import Actor
from bot.domain.audit import Outcome
from bot.domain.jobs import FailedRef, FailureFilter
from bot.domain.plans import PLAN_LIFETIME, PlanStatus
from bot.domain.policy import Catalog, QueuePolicy
from bot.errors import JobGoneError, RedisUnavailableError, RefusedError, StaleError
from bot.services.journal import Journal
from bot.services.retry_plans import RetryPlanner
from bot.services.retrying import Retrying
from tests.support.fakes import ORDERS, START

BOB = Actor(user="UBOB", channel="C1")
EVE = Actor(user="UEVE", channel="C1")


@pytest.fixture
def audit(redis):
    return RedisAuditLog(client=redis)


class Bench:
    """The planner and the retrying, as commands use them."""

    def __init__(self, redis, queues, audit):
        catalog = Catalog(default=QueuePolicy())
        plans = RedisPlanStore(client=redis)
        self.plans, self.queues = plans, queues
        self.planner = RetryPlanner(reader=queues, plans=plans, catalog=catalog)
        self.retrying = Retrying(
            reader=queues,
            operator=queues,
            plans=plans,
            journal=Journal(audit=audit, reader=queues, catalog=catalog),
            store=RedisWatchStore(client=redis),
            catalog=catalog,
        )
        self.propose = self.planner.propose
        self.confirm, self.cancel = self.retrying.confirm, self.retrying.cancel

    async def single(self, actor, queue, job_id, *, fresh):
        job = self.queues.queues[queue].failed.get(job_id)
        ref = FailedRef(job_id, job.failed_at if job else 1)
        return await self.retrying.single(actor, queue, ref, fresh=fresh)


@pytest.fixture
def retrying(redis, queues, audit):
    queue = queues.add(ORDERS)
    for number in range(5):
        queue.fail(f"w{number}", "WHMCS_ERROR: connect ETIMEDOUT", START - 100 + number)
    queue.fail("m1", "MAPPING_ERROR: no mapping", START - 50)
    return Bench(redis, queues, audit)


async def newest(audit):
    return (await audit.recent(limit=1))[0]


async def test_one_job_is_retried_at_once_and_recorded(retrying, queues, audit):
    assert await retrying.single(BOB, ORDERS, "w1", fresh=True)
    assert queues.queues[ORDERS].retried == [("w1", True)]
    entry = await newest(audit)
    assert (entry.user, entry.jobs, entry.outcome) == ("UBOB", ("w1",), Outcome.DONE)


async def test_a_job_that_is_not_failed_says_so_and_is_recorded(retrying, audit):
    with pytest.raises(JobGoneError, match="nope is not in order-provisioning"):
        await retrying.single(BOB, ORDERS, "nope", fresh=False)
    assert (await newest(audit)).outcome is Outcome.FAILED


async def test_a_plan_moves_what_matches_and_nothing_else(retrying, queues):
    proposal = await retrying.propose(BOB, ORDERS, FailureFilter(code="WHMCS_ERROR"))
    assert proposal.plan.count == 5
    assert queues.queues[ORDERS].retried == [], "a proposal moves nothing"
    done = await retrying.confirm(BOB, proposal.plan.id)
    assert len(done.outcome.done) == 5
    assert set(queues.queues[ORDERS].failed) == {"m1"}


async def test_jobs_that_fail_after_the_plan_was_made_are_not_touched(retrying, queues):
    plan = (await retrying.propose(BOB, ORDERS, FailureFilter(code="WHMCS_ERROR"))).plan
    queue = queues.queues[ORDERS]
    queue.fail("late", "WHMCS_ERROR: again", START + 5)
    queue.fail("w0", "WHMCS_ERROR: retried meanwhile, and failed again", START + 6)
    done = await retrying.confirm(BOB, plan.id)
    assert sorted(done.outcome.done) == ["w1", "w2", "w3", "w4"]
    assert {"late", "w0"} <= set(queue.failed)


async def test_pressing_twice_acts_once(retrying, queues):
    plan = (await retrying.propose(BOB, ORDERS, FailureFilter(code="WHMCS_ERROR"))).plan
    await retrying.confirm(BOB, plan.id)
    with pytest.raises(StaleError, match=r"UBOB did this already at .*: moved 5 of 5"):
        await retrying.confirm(BOB, plan.id)
    assert len(queues.queues[ORDERS].retried) == 5


async def test_named_jobs_are_bound_to_the_failure_they_were_shown_with(retrying, queues):
    plan = (await retrying.propose(BOB, ORDERS, FailureFilter(), ids=["w0", "w1", "w0"])).plan
    assert plan.count == 2
    queues.queues[ORDERS].fail("w1", "MAPPING_ERROR: another failure", START + 9)
    done = await retrying.confirm(BOB, plan.id)
    assert done.outcome.done == ("w0",)
    assert done.outcome.not_failed == 1


async def test_another_persons_plan_is_refused(retrying, queues):
    plan = (await retrying.propose(BOB, ORDERS, FailureFilter())).plan
    with pytest.raises(StaleError, match="someone else"):
        await retrying.confirm(EVE, plan.id)
    assert queues.queues[ORDERS].retried == []


async def test_an_expired_plan_does_nothing(retrying, queues, clock):
    plan = (await retrying.propose(BOB, ORDERS, FailureFilter())).plan
    clock.forward(PLAN_LIFETIME)
    with pytest.raises(StaleError, match="expired"):
        await retrying.confirm(BOB, plan.id)
    assert queues.queues[ORDERS].retried == []


async def test_a_cancelled_plan_does_nothing(retrying, queues):
    plan = (await retrying.propose(BOB, ORDERS, FailureFilter())).plan
    await retrying.cancel(BOB, plan.id)
    with pytest.raises(StaleError, match="cancelled"):
        await retrying.confirm(BOB, plan.id)
    assert queues.queues[ORDERS].retried == []


@pytest.mark.parametrize("plan_id", ["", "nonsense", "*", "x" * 3000])
async def test_a_forged_plan_id_does_nothing(retrying, queues, plan_id):
    with pytest.raises(StaleError, match="not known"):
        await retrying.confirm(BOB, plan_id)
    assert queues.queues[ORDERS].retried == []


async def test_a_pause_since_the_card_was_drawn_is_refused_and_the_plan_stays(
    retrying, queues, audit
):
    queues.queues[ORDERS].version = "bullmq:5.81.0"
    plan = (await retrying.propose(BOB, ORDERS, FailureFilter())).plan
    queues.queues[ORDERS].paused = True
    with pytest.raises(RefusedError, match="paused"):
        await retrying.confirm(BOB, plan.id)
    assert (await newest(audit)).outcome is Outcome.REFUSED
    queues.queues[ORDERS].paused = False
    assert len((await retrying.confirm(BOB, plan.id)).outcome.done) == 6


async def test_fresh_attempts_are_refused_where_they_do_nothing(retrying, queues):
    queues.queues[ORDERS].version = "bullmq:4.18.0"
    with pytest.raises(RefusedError, match="Fresh attempts do nothing on BullMQ 4"):
        await retrying.propose(BOB, ORDERS, FailureFilter(), fresh=True)
    assert not (await retrying.propose(BOB, ORDERS, FailureFilter())).may_be_fresh


async def test_nothing_that_matches_is_said(retrying):
    with pytest.raises(JobGoneError, match="No failed job matches"):
        await retrying.propose(BOB, ORDERS, FailureFilter(code="NO_SUCH_CODE"))


async def test_redis_away_changes_nothing(retrying, queues):
    plan = (await retrying.propose(BOB, ORDERS, FailureFilter())).plan
    queues.down["main"] = "Redis does not answer"
    with pytest.raises(RedisUnavailableError, match="Nothing was changed"):
        await retrying.confirm(BOB, plan.id)
    queues.down.clear()
    assert len((await retrying.confirm(BOB, plan.id)).outcome.done) == 6


async def test_a_failure_with_a_clock_behind_is_not_taken_for_one_of_the_frozen(retrying, queues):
    plan = (await retrying.propose(BOB, ORDERS, FailureFilter(code="WHMCS_ERROR"))).plan
    queue = queues.queues[ORDERS]
    # A worker whose clock is behind stamps a new failure with an old time.
    queue.fail("late", "WHMCS_ERROR: again", START - 99)
    queue.fail("w1", "WHMCS_ERROR: tried meanwhile", START - 98)
    done = await retrying.confirm(BOB, plan.id)
    assert sorted(done.outcome.done) == ["w0", "w2", "w3", "w4"]
    assert done.outcome.not_failed == 1


async def test_jobs_that_somebody_else_retried_are_counted(retrying, queues):
    plan = (await retrying.propose(BOB, ORDERS, FailureFilter(code="WHMCS_ERROR"))).plan
    for job_id in ("w0", "w1", "w2", "w3", "w4"):
        del queues.queues[ORDERS].failed[job_id]
    done = await retrying.confirm(BOB, plan.id)
    assert (done.outcome.done, done.outcome.not_failed) == ((), 5)


async def test_named_jobs_that_are_not_failed_are_said_on_the_card(retrying):
    plan = (await retrying.propose(BOB, ORDERS, FailureFilter(), ids=["w0", "x", "y", "w1"])).plan
    assert plan.count == 2
    assert plan.warnings[0] == "2 of the 4 named are not failed now: left out"


async def test_stopping_ends_a_retry_after_its_batch_and_says_so(retrying, queues, audit):
    plan = (await retrying.propose(BOB, ORDERS, FailureFilter())).plan
    retrying.retrying.stop()
    done = await retrying.confirm(BOB, plan.id)
    assert done.stopped.startswith("Bullhorn is stopping")
    assert (await newest(audit)).outcome is Outcome.FAILED
    assert queues.queues[ORDERS].retried == []


async def test_an_interrupted_one_says_how_far_it_came(retrying, clock):
    plan = (await retrying.propose(BOB, ORDERS, FailureFilter())).plan
    running = replace(
        plan, status=PlanStatus.RUNNING, confirmed_by="UBOB", confirmed_at=clock.now,
        progress_at=clock.now, moved=3,
    )  # fmt: skip
    await retrying.plans.advance(running, expected=PlanStatus.PROPOSED)
    with pytest.raises(StaleError, match="under way: 3 of 6 moved"):
        await retrying.confirm(BOB, plan.id)
    clock.forward(2 * 60_000)
    with pytest.raises(StaleError, match="interrupted: 3 of 6 moved"):
        await retrying.confirm(BOB, plan.id)


async def test_a_lost_reply_to_the_start_is_looked_into(retrying, queues):
    plan = (await retrying.propose(BOB, ORDERS, FailureFilter())).plan
    real = retrying.plans.advance

    async def lossy(plan, *, expected):
        await real(plan, expected=expected)
        retrying.plans.advance = real
        raise RedisUnavailableError("the answer was lost")

    retrying.plans.advance = lossy
    done = await retrying.confirm(BOB, plan.id)
    assert len(done.outcome.done) == 6


async def test_history_tells_the_end_not_the_beginning(retrying, audit):
    plan = (await retrying.propose(BOB, ORDERS, FailureFilter())).plan
    await retrying.confirm(BOB, plan.id)
    assert [entry.outcome for entry in await audit.recent(limit=9)] == [Outcome.DONE]
