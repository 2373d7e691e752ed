"""What QueueOperator and DoneSets promise, asked of the fake and of the real adapters alike."""

import pytest

from bot.domain.jobs import BatchOutcome, FailedRef, FailureFilter
from bot.domain.times import SECOND
from bot.errors import RefusedError
from tests.support.queue_worlds import NOWHERE, ORDERS, SIMS, members, selected


async def test_retried_jobs_are_failed_no_longer_and_cannot_be_retried_again(failed):
    refs = await selected(failed, FailureFilter(code="WHMCS_ERROR"))
    outcome = await failed.operator.retry(ORDERS, refs, fresh=False, configured=None)
    assert outcome == BatchOutcome(done=("a", "c", "d"))
    assert [ref.id for ref in await selected(failed)] == list("bef")
    again = await failed.operator.retry(ORDERS, refs, fresh=False, configured=None)
    assert again == BatchOutcome(changed=3)


async def test_each_job_is_judged_by_the_failure_it_was_shown_with(failed, start):
    failed.fail(ORDERS, ("b", start + 99 * SECOND, "MAPPING_ERROR: again", "provision"))
    failed.empty(ORDERS, "c")
    refs = [
        FailedRef("b", start + 10 * SECOND),  # has failed again since
        FailedRef("c", start + 20 * SECOND),  # its job is gone
        FailedRef("a", start),
        FailedRef("a", start),  # named twice
        FailedRef("nope", start),
    ]
    outcome = await failed.operator.retry(ORDERS, refs, fresh=False, configured=None)
    assert outcome == BatchOutcome(done=("a",), changed=2, vanished=1)


async def test_the_version_table_is_asked_even_for_no_job_at_all(failed):
    failed.pause(ORDERS)
    refs = await selected(failed)
    for some in (refs, []):
        with pytest.raises(RefusedError, match="paused") as caught:
            await failed.operator.retry(ORDERS, some, fresh=False, configured=None)
        assert caught.value.done == BatchOutcome()
    assert [ref.id for ref in await selected(failed)] == list("abcdef")


@pytest.mark.parametrize(
    ("version", "configured", "fresh", "allowed"),
    [
        ("bullmq:4.18.0", None, True, False),
        ("bullmq:5.81.5", None, True, True),
        ("bullmq:6.7.0", 4, True, False),
        (None, None, True, False),
        (None, 6, True, True),
        (None, None, False, True),
    ],
)
async def test_fresh_attempts_only_where_the_version_knows_them(
    world, start, version, configured, fresh, allowed
):
    world.make(ORDERS, version)
    world.fail(ORDERS, ("a", start, "WHMCS_ERROR", "x"))
    retry = world.operator.retry(
        ORDERS, [FailedRef("a", start)], fresh=fresh, configured=configured
    )
    if allowed:
        assert (await retry).done == ("a",)
    else:
        with pytest.raises(RefusedError, match="Fresh attempts"):
            await retry


@pytest.mark.parametrize(("version", "left_out"), [("bullmq:3.15.0", 1), ("bullmq:4.18.0", 0)])
async def test_prioritized_jobs_are_left_out_where_they_would_be_lost(
    world, start, version, left_out
):
    world.make(ORDERS, version)
    world.fail(ORDERS, ("a", start, "A_B", "x"), ("urgent", start, "A_B", "x"))
    world.prioritize(ORDERS, "urgent")
    refs = [FailedRef("a", start), FailedRef("urgent", start)]
    outcome = await world.operator.retry(ORDERS, refs, fresh=False, configured=None)
    assert (len(outcome.done), outcome.left_out) == (2 - left_out, left_out)


async def test_an_operation_that_is_run_again_changes_no_job_twice(failed, start):
    refs = await selected(failed, FailureFilter(code="WHMCS_ERROR"))

    async def run(some):
        return await failed.operator.retry(
            ORDERS, some, fresh=False, configured=None, operation="op"
        )

    assert await run(refs[:2]) == BatchOutcome(done=("a", "c"))
    failed.fail(ORDERS, ("a", start + 99 * SECOND, "WHMCS_ERROR: again", "provision"))
    assert await run(refs) == BatchOutcome(done=("d",), already=2)
    assert await run([FailedRef("a", start + 99 * SECOND)]) == BatchOutcome(already=1)
    assert await failed.done.count(ORDERS, "op") == 3
    assert await members(failed, "op") == {"a", "c", "d"}


async def test_a_done_set_is_told_and_forgotten(failed):
    done = failed.done
    assert await done.count(ORDERS, "op") == 0
    assert await members(failed, "op") == set()
    assert await done.contains(ORDERS, "op", ["a"]) == frozenset()
    refs = await selected(failed)
    await failed.operator.retry(ORDERS, refs, fresh=False, configured=None, operation="op")
    assert await members(failed, "op") == set("abcdef")
    assert await done.contains(ORDERS, "op", ["a", "nope", "f"]) == {"a", "f"}
    assert await done.contains(ORDERS, "op", []) == frozenset()
    assert await done.count(ORDERS, "other") == await done.count(SIMS, "op") == 0
    await done.take_back(ORDERS, "op", ["a", "nope"])
    await done.take_back(ORDERS, "op", [])
    assert await members(failed, "op") == set("bcdef")
    await done.forget(ORDERS, "op")
    assert await done.count(ORDERS, "op") == 0


async def test_what_is_no_operation_is_not_remembered(failed):
    await failed.operator.retry(ORDERS, await selected(failed), fresh=False, configured=None)
    assert await failed.done.count(ORDERS, "") == 0


async def promote(world, *ids, operation="op"):
    return await world.operator.promote(ORDERS, ids, configured=None, operation=operation)


async def test_delayed_jobs_are_promoted_once(world):
    world.make(ORDERS)
    world.delay(ORDERS, "a", "b", "c", "gone")
    world.empty(ORDERS, "gone")
    assert await promote(world, "a", "b", "b", "nope", "gone") == BatchOutcome(
        done=("a", "b"), changed=1, vanished=1
    )
    assert await promote(world, "a", "c") == BatchOutcome(done=("c",), already=1)
    assert await promote(world, "a", operation="other") == BatchOutcome(changed=1)
    assert await members(world, "op") == {"a", "b", "c"}


@pytest.mark.parametrize(("version", "left_out"), [("bullmq:3.15.0", 1), ("bullmq:4.18.0", 0)])
async def test_prioritized_jobs_are_promoted_where_they_are_read(world, version, left_out):
    world.make(ORDERS, version)
    world.delay(ORDERS, "a", "urgent")
    world.prioritize(ORDERS, "urgent")
    outcome = await promote(world, "a", "urgent")
    assert (len(outcome.done), outcome.left_out) == (2 - left_out, left_out)


async def test_a_paused_queue_before_6_is_neither_promoted_nor_unstuck(world):
    world.make(ORDERS)
    world.delay(ORDERS, "a")
    world.take(ORDERS, "b")
    world.pause(ORDERS)
    for change in (promote(world, "a"), promote(world), unstick(world)):
        with pytest.raises(RefusedError, match="paused") as caught:
            await change
        assert caught.value.done == BatchOutcome()
    assert await members(world, "op") == set()


async def unstick(world, operation="op"):
    return await world.operator.unstick(ORDERS, configured=None, operation=operation)


async def test_what_lost_its_worker_is_marked_first_and_moved_then(world):
    world.make(ORDERS)
    world.take(ORDERS, "a", "b", "c", locked=["b"])
    listed = await world.reader.active(ORDERS)
    assert (listed.total, [(job.id, job.locked) for job in listed.jobs]) == (
        3, [("a", False), ("b", True), ("c", False)],
    )  # fmt: skip
    assert await world.operator.stalled_check(ORDERS) == 0

    assert await unstick(world) == BatchOutcome()
    assert 0 < await world.operator.stalled_check(ORDERS) <= 5 * SECOND
    assert await unstick(world) == BatchOutcome(), "not before the check has ended"
    assert (await world.reader.active(ORDERS)).total == 3
    world.let_check_end(ORDERS)
    outcome = await unstick(world)

    assert outcome == BatchOutcome(done=outcome.done)
    assert set(outcome.done) == {"a", "c"} == await members(world, "op")
    assert [job.id for job in (await world.reader.active(ORDERS)).jobs] == ["b"]
    world.let_check_end(ORDERS)
    assert await unstick(world) == BatchOutcome()


async def test_a_queue_without_active_jobs(world):
    assert (await world.reader.active(NOWHERE)).total == 0
