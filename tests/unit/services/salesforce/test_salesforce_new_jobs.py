"""What became of orders that were set: their new jobs, or what their own state tells."""

import pytest

from bot.domain.salesforce import NewJob, OrderJob, Retried, forms
from bot.domain.times import MINUTE, SECOND
from bot.ports import Ended
from tests.support.fakes import ORDERS, START
from tests.unit.services.salesforce.orders import ONE, THREE, TWO, add, fail


async def test_a_new_job_is_watched_until_it_has_ended(retry, queue, outcomes, plays):
    fail(queue, "1", ONE)
    fail(queue, "2", TWO)
    told = []

    async def tell(known):
        told.append(dict(known))

    plays += [
        lambda: add(queue, "11", ONE),
        lambda: (add(queue, "12", TWO), outcomes.ended.update({"11": Ended("completed")})),
        lambda: outcomes.ended.update({"12": Ended("failed", "MAPPING_ERROR")}),
    ]
    found = await retry.await_new_jobs(
        ORDERS, dict.fromkeys([ONE, TWO], START), limit=15 * MINUTE, old=["1", "2"], told=tell
    )
    assert found == {
        ONE: NewJob(order_id=ONE, job_id="11", state="completed"),
        TWO: NewJob(order_id=TWO, job_id="12", state="failed", code="MAPPING_ERROR"),
    }
    assert [set(one) for one in told] == [{ONE}, {ONE, TWO}, {ONE, TWO}]
    assert plays == []


async def test_either_form_of_the_id_is_the_same_order(retry, salesforce, queue, outcomes, plays):
    short, long = forms("8014x000000ABCD")
    salesforce.put(long, "Failed")
    add(queue, "2", long, "delayed")
    done = await retry.reactivate(ORDERS, [OrderJob("1", short)])
    assert done["1"].what is Retried.HAS_JOB
    outcomes.ended["2"] = Ended("completed")
    found = await retry.await_new_jobs(ORDERS, {short: START}, limit=MINUTE)
    assert found == {short: NewJob(order_id=short, job_id="2", state="completed")}


async def test_jobs_from_before_are_not_new(retry, queue, salesforce):
    salesforce.put(ONE, "Activating")
    fail(queue, "1", ONE, START - 10 * SECOND)
    add(queue, "2", ONE, "completed", created_at=START - 2 * MINUTE, finished_at=START)
    found = await retry.await_new_jobs(ORDERS, {ONE: START}, limit=MINUTE, old=["1"])
    assert found == {}


async def test_each_order_has_its_own_time_from_which_a_job_is_new(retry, queue, salesforce):
    """A job that had ended by then did not come of it, whatever its producer's clock said."""
    late = START + 10 * MINUTE
    for order in (ONE, TWO, THREE):
        salesforce.put(order, "Activating")
    add(queue, "11", ONE)
    add(queue, "12", TWO)
    add(queue, "13", THREE, "failed", created_at=late + MINUTE, finished_at=START)
    set_at = {ONE: START, TWO: late, THREE: late}
    found = await retry.await_new_jobs(ORDERS, set_at, limit=0)
    assert found == {ONE: NewJob(order_id=ONE, state="waiting", job_id="11")}


async def test_a_job_that_was_removed_when_it_ended_is_known_by_its_order(
    retry, queue, salesforce, outcomes, plays
):
    for id_ in (ONE, TWO, THREE):
        salesforce.put(id_, "Activating")
    plays += [
        lambda: add(queue, "13", THREE),
        lambda: (
            outcomes.ended.update({"13": Ended("gone")}),
            salesforce.put(ONE, "Activated"),
            salesforce.put(TWO, "Failed", "WHMCS_ERROR: down"),
            salesforce.put(THREE, "Activated"),
        ),
    ]
    found = await retry.await_new_jobs(
        ORDERS, dict.fromkeys([ONE, TWO, THREE], START), limit=15 * MINUTE
    )
    assert found == {
        ONE: NewJob(order_id=ONE, state="completed"),
        TWO: NewJob(order_id=TWO, state="failed", code="WHMCS_ERROR"),
        THREE: NewJob(order_id=THREE, state="completed", job_id="13"),
    }


@pytest.mark.parametrize("error", ["", None, "WHMCS_ERROR: down"])
async def test_an_order_that_failed_without_a_new_job_has_failed(retry, queue, salesforce, error):
    """Its error was emptied when it was set: that there is none now says nothing."""
    salesforce.put(ONE, "Failed", error)
    found = await retry.await_new_jobs(ORDERS, {ONE: START}, limit=2 * MINUTE)
    code = "WHMCS_ERROR" if error else "(no reason)"
    assert found == {ONE: NewJob(order_id=ONE, state="failed", code=code)}
    assert not found[ONE].exists


@pytest.mark.parametrize("status", ["Cancelled", "Draft"])
async def test_of_an_order_in_another_state_no_job_need_come(
    retry, queue, salesforce, clock, status
):
    salesforce.put(ONE, status)
    began = clock.now
    found = await retry.await_new_jobs(ORDERS, {ONE: START}, limit=5 * MINUTE)
    assert found == {ONE: NewJob(order_id=ONE, state="gone", status=status)}
    assert not found[ONE].exists
    assert clock.now - began >= 5 * MINUTE, "a flow may have states of its own in between"


async def test_a_job_that_comes_of_an_order_in_another_state_is_its_job(
    retry, queue, salesforce, outcomes, plays
):
    salesforce.put(ONE, "Provisioning")
    outcomes.ended["11"] = Ended("completed")
    plays += [*[lambda: None] * 14, lambda: add(queue, "11", ONE)]
    found = await retry.await_new_jobs(ORDERS, {ONE: START}, limit=15 * MINUTE)
    assert found == {ONE: NewJob(order_id=ONE, job_id="11", state="completed")}
    assert plays == []


async def test_an_order_that_is_activating_again_is_not_given_up(retry, queue, salesforce, plays):
    salesforce.put(ONE, "Draft")
    plays += [*[lambda: None] * 14, lambda: salesforce.put(ONE, "Activating")]
    found = await retry.await_new_jobs(ORDERS, {ONE: START}, limit=15 * MINUTE)
    assert found == {}


async def test_the_watch_ends_by_its_limit_and_says_what_it_knows(
    retry, queue, salesforce, clock, plays
):
    salesforce.put(TWO, "Activating")
    plays.append(lambda: add(queue, "11", ONE))
    began = clock.now
    found = await retry.await_new_jobs(ORDERS, dict.fromkeys([ONE, TWO], START), limit=5 * MINUTE)
    assert found == {ONE: NewJob(order_id=ONE, job_id="11", state="waiting")}
    assert 5 * MINUTE <= clock.now - began < 6 * MINUTE
    assert salesforce.calls < 10


async def test_while_redis_or_salesforce_is_away_the_watch_waits(
    retry, queue, queues, salesforce, outcomes, plays
):
    salesforce.go_away()
    queues.down["main"] = "Redis is away."
    plays += [
        lambda: None,
        lambda: (queues.down.clear(), add(queue, "11", ONE)),
        lambda: outcomes.ended.update({"11": Ended("completed")}),
    ]
    found = await retry.await_new_jobs(ORDERS, {ONE: START}, limit=15 * MINUTE)
    assert found[ONE].state == "completed"


async def test_a_job_that_is_gone_waits_until_salesforce_has_been_asked(
    retry, queue, salesforce, outcomes, plays
):
    """It is asked within ten seconds, and not first after a minute."""
    salesforce.put(ONE, "Activating")
    told = []

    async def tell(known):
        told.append(known[ONE].state)

    plays += [
        lambda: add(queue, "11", ONE),
        lambda: (outcomes.ended.update({"11": Ended("gone")}), salesforce.put(ONE, "Activated")),
    ]
    found = await retry.await_new_jobs(ORDERS, {ONE: START}, limit=30 * SECOND, told=tell)
    assert found[ONE].state == "completed"
    assert told == ["waiting", "completed"]


async def test_a_job_that_is_gone_and_whose_order_never_tells_is_gone_in_the_end(
    retry, queue, salesforce, outcomes, plays
):
    salesforce.put(ONE, "Activating")
    plays += [
        lambda: (add(queue, "11", ONE), outcomes.ended.update({"11": Ended("gone")})),
    ]
    found = await retry.await_new_jobs(ORDERS, {ONE: START}, limit=MINUTE)
    assert found[ONE] == NewJob(order_id=ONE, state="gone", job_id="11")
