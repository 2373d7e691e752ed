"""The retry through Salesforce over fakes: which orders are set, and which are left alone."""

from dataclasses import replace

import pytest

from bot.domain.salesforce import OrderJob, Retried, SalesforcePolicy
from bot.domain.times import MINUTE, SECOND
from bot.errors import (
    RedisUnavailableError,
    SalesforceHalfDoneError,
    SalesforceRefusedError,
    SalesforceUnavailableError,
)
from bot.services.order_notes import OrderNotes
from bot.services.salesforce_retry import order_jobs
from tests.support.fake_salesforce import order_id
from tests.support.fakes import ORDERS, START
from tests.unit.services.salesforce.orders import ONE, THREE, TWO, add, fail


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


async def test_a_job_deep_in_the_backlog_counts_as_well(retry, salesforce, queue):
    salesforce.put(ONE, "Failed")
    add(queue, "2", ONE, "wait")
    queue.contents.deep.add("2")
    assert await whats(retry, ("1", ONE)) == {"1": Retried.HAS_JOB}


async def test_where_not_all_jobs_could_be_looked_at_none_found_is_not_none(
    retry, salesforce, queue, clock
):
    salesforce.put(ONE, "Failed")
    salesforce.put(TWO, "Activated")
    salesforce.put(THREE, "Activating")
    clock.forward(20 * MINUTE)
    queue.contents.complete = False
    jobs = ("1", ONE), ("2", TWO), ("3", THREE)
    expected = {"1": Retried.UNSURE, "2": Retried.UNEXPECTED, "3": Retried.ALREADY}
    assert await whats(retry, *jobs) == expected
    stuck = await whats(retry, ("3", THREE), stuck_since=clock.now - 10 * MINUTE)
    assert stuck == {"3": Retried.UNSURE}
    assert salesforce.activated == []


async def test_finished_jobs_of_the_order_are_the_plans_business(retry, salesforce, queue):
    salesforce.put(ONE, "Failed")
    add(queue, "2", ONE, "completed", finished_at=START - 1)
    assert await whats(retry, ("1", ONE)) == {"1": Retried.SET}


async def test_after_a_thorough_look_only_the_newest_jobs_are_looked_at_again(
    retry, salesforce, queue
):
    salesforce.put(ONE, "Failed")
    salesforce.put(TWO, "Failed")
    about = await retry.jobs_of(ORDERS, [OrderJob("1", ONE), OrderJob("2", TWO)])
    add(queue, "11", ONE)
    add(queue, "12", TWO)
    queue.contents.deep.add("12")
    expected = {"1": Retried.HAS_JOB, "2": Retried.SET}
    assert await whats(retry, ("1", ONE), ("2", TWO), about=about) == expected


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


async def test_an_orders_second_job_is_its_too_in_a_later_batch(retry, salesforce, queues, queue):
    salesforce.put(ONE, "Failed")
    notes = OrderNotes(queues, ORDERS, "op")
    assert await whats(retry, ("1", ONE), notes=notes) == {"1": Retried.SET}
    assert await whats(retry, ("2", ONE[:15]), notes=notes) == {"2": Retried.SET}
    assert salesforce.activated == [ONE]
    assert {note.job_id for note in await OrderNotes(queues, ORDERS, "op").read()} == {"1", "2"}


async def test_a_note_that_cannot_be_written_leaves_the_order_alone(
    retry, salesforce, queues, queue, monkeypatch
):
    async def away(*_):
        raise RedisUnavailableError("Redis is away.")

    monkeypatch.setattr(queues, "remember", away)
    salesforce.put(ONE, "Failed")
    with pytest.raises(RedisUnavailableError):
        await whats(retry, ("1", ONE), notes=OrderNotes(queues, ORDERS, "op"))
    assert salesforce.activated == []


@pytest.mark.parametrize(
    ("error", "noted"),
    [
        (SalesforceUnavailableError("The reserve is reached."), 0),
        (SalesforceRefusedError("Salesforce refuses."), 0),
        (SalesforceUnavailableError("No answer.", unclear=True), 1),
    ],
)
async def test_a_note_stays_only_where_it_is_not_clear_that_nothing_was_done(
    retry, salesforce, queues, queue, monkeypatch, error, noted
):
    async def fails(_seen):
        raise error

    salesforce.put(ONE, "Failed")
    monkeypatch.setattr(salesforce, "reactivate", fails)
    notes = OrderNotes(queues, ORDERS, "op")
    with pytest.raises(type(error)):
        await whats(retry, ("1", ONE), notes=notes)
    assert len(await notes.read()) == noted


async def test_a_stuck_order_that_was_left_half_way_is_set_on(
    retry, salesforce, queues, queue, clock, monkeypatch
):
    """The other one went all the way: it is not set twice."""
    salesforce.put(ONE, "Activating")
    salesforce.put(TWO, "Activating")
    clock.forward(20 * MINUTE)
    before = clock.now - 10 * MINUTE

    async def half_done(seen):
        salesforce.put(ONE, "Failed")
        salesforce.put(TWO, "Activating")
        raise SalesforceHalfDoneError("No answer.")

    more = {"stuck_since": before, "notes": OrderNotes(queues, ORDERS, "op")}
    with monkeypatch.context() as patch:
        patch.setattr(salesforce, "reactivate", half_done)
        with pytest.raises(SalesforceHalfDoneError):
            await whats(retry, (ONE, ONE), (TWO, TWO), **more)
    clock.forward(SECOND)
    done = await whats(retry, (ONE, ONE), (TWO, TWO), **more)
    assert done == {ONE: Retried.SET, TWO: Retried.SET}
    assert salesforce.activated == [ONE]


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


def test_jobs_with_the_values_at_the_path():
    assert order_jobs({"1": ONE, "2": None, "3": "29951", "4": ONE[:15]}) == [
        OrderJob("1", ONE),
        OrderJob("2", None),
        OrderJob("3", None),
        OrderJob("4", ONE[:15]),
    ]
