"""The retry through Salesforce over fakes: which orders are set, and what became of them."""

from dataclasses import replace

import pytest

from bot.domain.salesforce import NewJob, OrderJob, Retried, SalesforcePolicy, forms
from bot.domain.subjects import JobAbout
from bot.domain.times import MINUTE, SECOND
from bot.errors import RedisUnavailableError, SalesforceUnavailableError
from bot.ports import Ended
from bot.services.salesforce_retry import SalesforceRetry, order_jobs
from tests.support.fake_salesforce import FakeSalesforce, order_id
from tests.support.fakes import ORDERS, START

ONE, TWO, THREE = order_id(1), order_id(2), order_id(3)


class FakeOutcomes:
    """Satisfies OutcomeReader as far as the retry asks."""

    def __init__(self):
        self.ended = {}

    async def outcomes(self, queue, ids):
        assert queue == ORDERS
        assert 0 < len(ids) <= 500
        return {id_: self.ended.get(id_, Ended("waiting")) for id_ in ids}

    async def finished_events(self, queue, after, *, limit=1000):
        raise NotImplementedError


@pytest.fixture
def salesforce(clock):
    return FakeSalesforce(clock)


@pytest.fixture
def queue(queues):
    return queues.add(ORDERS)


@pytest.fixture
def outcomes():
    return FakeOutcomes()


@pytest.fixture
def plays():
    """What happens in one pause after another."""
    return []


@pytest.fixture
def retry(clock, queues, salesforce, outcomes, plays):
    async def sleep(seconds):
        clock.forward(int(seconds * 1000) + 1)
        if plays:
            plays.pop(0)()

    return SalesforceRetry(
        orders=salesforce, reader=queues, outcomes=outcomes, policy=salesforce.policy,
        sleep=sleep, monotonic=lambda: clock.now / 1000,
    )  # fmt: skip


def fail(queue, job_id, order, at=START - MINUTE):
    queue.fail(job_id, "WHMCS_ERROR: connect ETIMEDOUT", at)
    queue.contents.data[job_id] = {"sfOrderId": order}


def add(queue, job_id, order, state="wait", **times):
    job = JobAbout(id=job_id, state=state, **{"created_at": START, **times})
    queue.contents.add(job, sfOrderId=order)


async def whats(retry, *jobs, **more):
    done = await retry.reactivate(ORDERS, [OrderJob(*job) for job in jobs], **more)
    return {job_id: outcome.what for job_id, outcome in done.items()}


async def test_the_four_steps(retry, salesforce, queue):
    salesforce.put(ONE, "Failed", "WHMCS_ERROR: connect ETIMEDOUT")
    fail(queue, "1", ONE)
    done = await retry.reactivate(ORDERS, [OrderJob("1", ONE)])
    assert done["1"].what is Retried.SET
    assert done["1"].status == "Failed", "what it was"
    order = salesforce.at(ONE)
    assert (order.status, order.error, order.error_at) == ("Activating", None, None)


async def test_each_job_is_told_what_became_of_its_order(retry, salesforce, queue):
    salesforce.put(ONE, "failed")
    salesforce.put(TWO, "Activated")
    salesforce.put(THREE, "Activating")
    jobs = [("1", ONE), ("2", ONE[:15]), ("3", TWO), ("4", THREE), ("5", order_id(5)), ("6", None)]
    assert await whats(retry, *jobs, ("7", "no id")) == {
        "1": Retried.SET,
        "2": Retried.SET,
        "3": Retried.UNEXPECTED,
        "4": Retried.ALREADY,
        "5": Retried.GONE,
        "6": Retried.NO_ID,
        "7": Retried.NO_ID,
    }
    assert salesforce.activated == [ONE], "two jobs about one order set it once"


async def test_without_a_list_of_states_all_but_activating_are_expected(retry, salesforce, queue):
    salesforce.policy = replace(SalesforcePolicy(), failed=())
    retry._policy = salesforce.policy
    salesforce.put(ONE, "On hold")
    salesforce.put(TWO, "Activating")
    assert await whats(retry, ("1", ONE), ("2", TWO)) == {"1": Retried.SET, "2": Retried.ALREADY}


@pytest.mark.parametrize("state", ["wait", "active", "delayed", "paused", "waiting-children"])
async def test_an_order_with_a_job_under_way_would_be_provisioned_twice(
    retry, salesforce, queue, state
):
    salesforce.put(ONE, "Failed")
    fail(queue, "1", ONE)
    add(queue, "2", ONE, state)
    assert await whats(retry, ("1", ONE)) == {"1": Retried.HAS_JOB}
    assert salesforce.activated == []


async def test_finished_jobs_of_the_order_are_the_plans_business(retry, salesforce, queue):
    salesforce.put(ONE, "Failed")
    add(queue, "2", ONE, "completed", finished_at=START - 1)
    assert await whats(retry, ("1", ONE)) == {"1": Retried.SET}


async def test_what_was_looked_at_once_is_not_looked_at_again(retry, salesforce, queue, queues):
    salesforce.put(ONE, "Failed")
    about = await retry.jobs_of(ORDERS, [OrderJob("1", ONE)])
    queues.down["main"] = "Redis is away."
    assert await whats(retry, ("1", ONE), about=about) == {"1": Retried.SET}


async def test_away_is_raised_and_nothing_is_changed(retry, salesforce, queues, queue):
    salesforce.put(ONE, "Failed")
    queues.down["main"] = "Redis is away."
    with pytest.raises(RedisUnavailableError):
        await whats(retry, ("1", ONE))
    queues.down.clear()
    salesforce.go_away()
    with pytest.raises(SalesforceUnavailableError):
        await whats(retry, ("1", ONE))
    assert salesforce.activated == []


async def test_a_refusal_is_told_in_salesforces_words(retry, salesforce, queue):
    salesforce.put(ONE, "Failed")
    salesforce.refusing[ONE] = "FIELD_CUSTOM_VALIDATION_EXCEPTION: frozen"
    done = await retry.reactivate(ORDERS, [OrderJob("1", ONE)])
    assert (done["1"].what, done["1"].reason) == (
        Retried.REFUSED,
        "FIELD_CUSTOM_VALIDATION_EXCEPTION: frozen",
    )


async def test_an_answer_that_was_lost_is_looked_for(retry, salesforce, queue, clock):
    salesforce.put(ONE, "Failed")
    clock.forward(SECOND)
    salesforce.lost = True
    assert await whats(retry, ("1", ONE)) == {"1": Retried.SET}


async def test_an_answer_that_cannot_be_found_stays_unclear(retry, salesforce, queue, clock):
    salesforce.put(ONE, "Failed")
    clock.forward(SECOND)
    salesforce.lost = True
    whole = salesforce.reactivate

    async def reactivate(seen):
        done = await whole(seen)
        salesforce.go_away()
        return done

    salesforce.reactivate = reactivate
    assert await whats(retry, ("1", ONE)) == {"1": Retried.UNCLEAR}


async def test_run_again_after_a_crash_nothing_is_set_twice(retry, salesforce, queue):
    salesforce.put(ONE, "Failed")
    salesforce.put(TWO, "Failed")
    await whats(retry, ("1", ONE))
    assert await whats(retry, ("1", ONE), ("2", TWO)) == {"1": Retried.ALREADY, "2": Retried.SET}
    assert salesforce.activated == [ONE, TWO]


async def test_stuck_orders_are_set_anew_once(retry, salesforce, queue, clock):
    salesforce.put(ONE, "Activating")
    salesforce.put(TWO, "Activating")
    fail(queue, "9", TWO)
    clock.forward(20 * MINUTE)
    before = clock.now - 10 * MINUTE
    jobs = [(one, one) for one in (ONE, TWO)]
    expected = {ONE: Retried.SET, TWO: Retried.HAS_JOB}
    assert await whats(retry, *jobs, stuck_since=before) == expected
    again = {ONE: Retried.ALREADY, TWO: Retried.HAS_JOB}
    assert await whats(retry, *jobs, stuck_since=before) == again
    assert salesforce.activated == [ONE]


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
        ORDERS, [ONE, TWO], since=START, limit=15 * MINUTE, old=["1", "2"], told=tell
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
    assert await whats(retry, ("1", short)) == {"1": Retried.HAS_JOB}
    outcomes.ended["2"] = Ended("completed")
    found = await retry.await_new_jobs(ORDERS, [short], since=START, limit=MINUTE)
    assert found == {short: NewJob(order_id=short, job_id="2", state="completed")}


async def test_jobs_from_before_are_not_new(retry, queue, salesforce):
    salesforce.put(ONE, "Activating")
    fail(queue, "1", ONE, START - 10 * SECOND)
    add(queue, "2", ONE, "completed", created_at=START - 2 * MINUTE, finished_at=START)
    found = await retry.await_new_jobs(ORDERS, [ONE], since=START, limit=MINUTE, old=["1"])
    assert found == {}


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
    found = await retry.await_new_jobs(ORDERS, [ONE, TWO, THREE], since=START, limit=15 * MINUTE)
    assert found == {
        ONE: NewJob(order_id=ONE, state="completed"),
        TWO: NewJob(order_id=TWO, state="failed", code="WHMCS_ERROR"),
        THREE: NewJob(order_id=THREE, state="completed", job_id="13"),
    }


@pytest.mark.parametrize("error", ["", None, "WHMCS_ERROR: down"])
async def test_an_order_that_failed_without_a_new_job_has_failed(retry, queue, salesforce, error):
    """Its error was emptied when it was set: that there is none now says nothing."""
    salesforce.put(ONE, "Failed", error)
    found = await retry.await_new_jobs(ORDERS, [ONE], since=START, limit=2 * MINUTE)
    code = "WHMCS_ERROR" if error else "(no reason)"
    assert found == {ONE: NewJob(order_id=ONE, state="failed", code=code)}
    assert not found[ONE].exists


@pytest.mark.parametrize("status", ["Cancelled", "Draft"])
async def test_of_an_order_in_another_state_no_job_need_come(
    retry, queue, salesforce, clock, status
):
    salesforce.put(ONE, status)
    began = clock.now
    found = await retry.await_new_jobs(ORDERS, [ONE], since=START, limit=5 * MINUTE)
    assert found == {ONE: NewJob(order_id=ONE, state="gone", status=status)}
    assert not found[ONE].exists
    assert clock.now - began >= 5 * MINUTE, "a flow may have states of its own in between"


async def test_a_job_that_comes_of_an_order_in_another_state_is_its_job(
    retry, queue, salesforce, outcomes, plays
):
    salesforce.put(ONE, "Provisioning")
    outcomes.ended["11"] = Ended("completed")
    plays += [*[lambda: None] * 14, lambda: add(queue, "11", ONE)]
    found = await retry.await_new_jobs(ORDERS, [ONE], since=START, limit=15 * MINUTE)
    assert found == {ONE: NewJob(order_id=ONE, job_id="11", state="completed")}
    assert plays == []


async def test_an_order_that_is_activating_again_is_not_given_up(retry, queue, salesforce, plays):
    salesforce.put(ONE, "Draft")
    plays += [*[lambda: None] * 14, lambda: salesforce.put(ONE, "Activating")]
    found = await retry.await_new_jobs(ORDERS, [ONE], since=START, limit=15 * MINUTE)
    assert found == {}


async def test_the_watch_ends_by_its_limit_and_says_what_it_knows(
    retry, queue, salesforce, clock, plays
):
    salesforce.put(TWO, "Activating")
    plays.append(lambda: add(queue, "11", ONE))
    began = clock.now
    found = await retry.await_new_jobs(ORDERS, [ONE, TWO], since=START, limit=5 * MINUTE)
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
    found = await retry.await_new_jobs(ORDERS, [ONE], since=START, limit=15 * MINUTE)
    assert found[ONE].state == "completed"


def test_jobs_with_the_values_at_the_path():
    assert order_jobs({"1": ONE, "2": None, "3": "29951", "4": ONE[:15]}) == [
        OrderJob("1", ONE),
        OrderJob("2", None),
        OrderJob("3", None),
        OrderJob("4", ONE[:15]),
    ]
