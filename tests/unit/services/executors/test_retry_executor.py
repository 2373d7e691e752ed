"""A retry looks ahead: what others have done since its card is left out, however long it takes."""

import pytest

from bot.domain.operations import Tally
from bot.domain.plans import PlanKind
from bot.domain.policy import Catalog, QueuePolicy
from bot.domain.salesforce import SalesforcePolicy
from bot.domain.subjects import JobAbout
from bot.errors import SalesforceUnavailableError
from bot.services.operations import ahead
from bot.services.operations.ahead import FRESH, RetryAhead
from bot.services.operations.retry import RetryExecutor
from bot.services.operations.selection import Upcoming
from bot.services.overtaken import DoneElsewhere
from bot.services.settled_orders import SettledOrders
from tests.support.fake_salesforce import order_id
from tests.support.fakes import ORDERS, START
from tests.support.salesforce_office import PATH, fail
from tests.unit.services.executors import running
from tests.unit.services.executors.running import by_twos, run

THROUGH = Catalog(default=QueuePolicy(business_id=PATH, retry_via="salesforce"))
DONE = "a newer, an open or a completed one for the same order by now"


@pytest.fixture
def queue(queue, salesforce):
    """Seven failed jobs, w0 to w6, each with a failed order."""
    fail(salesforce, queue, range(7), START - 1000)
    return queue


@pytest.fixture
def elsewhere(queues, salesforce):
    return of(queues, THROUGH, salesforce)


def of(queues, catalog, salesforce=None):
    settled = SettledOrders(system=salesforce, policy=SalesforcePolicy(), catalog=catalog)
    return DoneElsewhere(reader=queues, catalog=catalog, settled=settled)


@pytest.fixture
def retry(queues, elsewhere):
    return executor(queues, elsewhere)


def executor(queues, elsewhere):
    return RetryExecutor(
        reader=queues, operator=queues, done=queues, catalog=THROUGH, elsewhere=elsewhere
    )


def retrying(count=7, **more):
    """What a filter selects."""
    return running.plan(PlanKind.RETRY, count, **more)


def complete(queue, *numbers):
    """Other jobs about the orders of these numbers have completed."""
    for number in numbers:
        queue.contents.add(
            JobAbout(id=f"c{number}", state="completed", created_at=START, finished_at=START),
            **{PATH: order_id(number)},
        )


def moved(queue):
    return [job for job, _ in queue.retried]


async def test_orders_that_are_done_while_a_retry_drips_are_left_out_and_said(
    retry, queue, salesforce, monkeypatch
):
    monkeypatch.setattr(ahead, "FRESH", 0.0)
    tally, notes = Tally(), []
    async for step in retry.steps(retrying(), by_twos()):
        tally = tally.plus(step.outcome)
        notes += [step.note] if step.note else []
        if moved(queue) == ["w0", "w1"]:
            complete(queue, 3, 5)
            salesforce.put(order_id(6), "Activated")
    assert moved(queue) == ["w0", "w1", "w2", "w4"]
    assert tally == Tally(done=4, left_out=3)
    assert (
        notes[-1]
        == f"2 jobs have {DONE}; 1 job has an order that is Activated in Salesforce by now"
    )


async def test_jobs_that_come_back_meanwhile_and_were_done_long_ago_take_no_room(retry, queue):
    """An undo brings them back below the edge of the filter, before those that were shown."""
    steps = retry.steps(retrying(), by_twos())
    tally = Tally()
    async for step in steps:
        tally = tally.plus(step.outcome)
        if moved(queue) == ["w0", "w1"] and "w10" not in queue.failed:
            for number in range(10, 13):
                queue.fail(f"w{number}", "WHMCS_ERROR: down", START - 998)
                queue.contents.data[f"w{number}"] = {PATH: order_id(number)}
            complete(queue, 10, 11, 12)
    assert moved(queue) == [f"w{number}" for number in range(7)]
    assert tally == Tally(done=7, left_out=tally.left_out)


@pytest.mark.parametrize("retry_via", ["bullmq", "salesforce"])
async def test_the_next_jobs_are_asked_about_together_once(queues, queue, salesforce, retry_via):
    catalog = Catalog(default=QueuePolicy(business_id=PATH, retry_via=retry_via))
    asked = counted(queues, "jobs_about")
    await run(executor(queues, of(queues, catalog, salesforce)), retrying())
    assert len(moved(queue)) == 7
    assert asked == ["jobs_about"]
    assert salesforce.calls == (1 if retry_via == "salesforce" else 0)


async def test_they_are_asked_about_again_when_that_was_long_ago(queues, queue, elsewhere):
    at = [1000.0]
    look = RetryAhead(elsewhere, queues, retrying(), monotonic=lambda: at[0])
    upcoming = Upcoming(queues.select_failed(ORDERS, retrying().filter))
    assert await look.look(upcoming, 2)
    complete(queue, 1)
    at[0] += FRESH - 1
    assert not await look.look(upcoming, 2)
    assert look.sorted_out(await upcoming.take(1))[1] == 0
    at[0] += 1
    assert await look.look(upcoming, 2)
    assert look.sorted_out(await upcoming.take(2))[1] == 1


@pytest.mark.parametrize(
    ("options", "asked"),
    [({"rate": 0.1}, [3, 3, 3]), ({"canary": 3}, [3]), ({"rate": 0.1, "canary": 2}, [2])],
)
async def test_no_more_are_asked_about_than_it_comes_to_in_that_time(
    retry, queues, queue, options, asked
):
    about, real = [], queues.plan_facts

    async def plan_facts(queue_id, wanted, *, ids=(), business=None, subject=None):
        about.append(len(ids))
        return await real(queue_id, wanted, ids=ids, business=business, subject=subject)

    queues.plan_facts = plan_facts
    await run(retry, retrying(**options))
    assert about[::2] == asked, "the queue's jobs, and then their orders"


async def test_where_nothing_can_tell_nothing_is_asked(queues, queue, salesforce):
    asked = counted(queues, "jobs_about", "plan_facts", "contains")
    plain = Catalog(default=QueuePolicy())
    for elsewhere in (of(queues, plain), of(queues, plain, salesforce)):
        queue.retried.clear()
        fail(salesforce, queue, range(7), START - 1000)
        await run(executor(queues, elsewhere), retrying(id=f"op{id(elsewhere)}"))
        assert len(moved(queue)) == 7
    assert (asked, salesforce.calls) == ([], 0)


async def test_a_look_says_nothing_of_how_fast_redis_is(retry, queue):
    steps = [step async for step in retry.steps(retrying(), by_twos())]
    assert [step.asked for step in steps].count(True) == 1
    assert not any(step.outcome.done for step in steps if step.asked)


async def test_what_it_has_moved_itself_and_failed_again_is_not_left_out(retry, queue):
    """It is begun again by another process; the first job is failed anew, and its order is done."""
    named = tuple((job.id, job.failed_at) for job in queue.in_order())
    first, _ = await run(retry, retrying(ids=named), steps=2)
    queue.fail("w0", "WHMCS_ERROR: down", START)
    complete(queue, 0)
    tally, _ = await run(retry, retrying(ids=named), before=first.done)
    assert tally == Tally(done=7)


async def test_what_a_card_has_said_of_named_jobs_is_no_news(retry, queue):
    named = tuple((job.id, job.failed_at) for job in queue.in_order())
    complete(queue, 0, 1)
    tally, notes = await run(retry, retrying(ids=named, named=True, doubled=("w0",)))
    assert "w0" in moved(queue)
    assert (tally, notes[-1]) == (Tally(done=6, left_out=1), f"1 job has {DONE}")


async def test_while_salesforce_does_not_answer_nothing_is_moved(retry, queue, salesforce):
    salesforce.go_away()
    with pytest.raises(SalesforceUnavailableError, match="Not checked in Salesforce which"):
        await run(retry, retrying())
    assert moved(queue) == []


async def test_whoever_was_told_that_salesforce_could_not_be_asked_is_not_kept_waiting(
    retry, queue, salesforce
):
    """What the queue itself tells is left out all the same."""
    salesforce.go_away()
    complete(queue, 0)
    tally, _ = await run(retry, retrying(unchecked=True))
    assert tally == Tally(done=6, left_out=1)


async def test_nobody_was_told_of_the_time_for_which_it_was_put_off(retry, queue, salesforce):
    salesforce.go_away()
    with pytest.raises(SalesforceUnavailableError):
        await run(retry, retrying(unchecked=True, begin_at=START))
    assert moved(queue) == []


def counted(queues, *names):
    """The names of these calls, as they are made."""
    made = []

    def counting(name, real):
        async def call(*args, **options):
            made.append(name)
            return await real(*args, **options)

        return call

    for name in names:
        setattr(queues, name, counting(name, getattr(queues, name)))
    return made
