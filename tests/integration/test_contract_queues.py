"""What QueueReader promises, and pause and resume, asked of the fake and of the adapters alike.

The unit tests believe the fake; this file and test_contract_operator.py are why they may.
"""

import pytest

from bot.domain.jobs import BatchOutcome, FailedRef, FailureFilter
from bot.domain.sample import Counts, SampleRequest
from bot.domain.times import SECOND
from bot.errors import RedisUnavailableError, RefusedError
from tests.support.queue_worlds import ANY, LOST, NOWHERE, ORDERS, SIMS, members, selected
from tests.support.valkey_bullmq import now_ms


async def ids_of(world, wanted):
    """The same by three ways: the ids that a filter means, oldest first."""
    refs = await selected(world, wanted)
    newest_first = await world.reader.failed_jobs(ORDERS, wanted, limit=50)
    assert [ref.id for ref in refs] == [job.id for job in newest_first][::-1]
    assert (await world.reader.failures(ORDERS, wanted)).total == len(refs)
    return "".join(ref.id for ref in refs)


async def test_failures_are_grouped_the_most_frequent_first(failed, start):
    report = await failed.reader.failures(ORDERS, ANY)
    groups = [(group.code, group.count, group.first_at, group.last_at) for group in report.groups]
    assert groups == [
        ("WHMCS_ERROR", 3, start, start + 20 * SECOND),
        ("MAPPING_ERROR", 2, start + 10 * SECOND, start + 40 * SECOND),
        ("timed out after # ms", 1, start + 30 * SECOND, start + 30 * SECOND),
    ]
    assert (report.queue, report.total, report.kept, report.vanished) == (ORDERS, 6, 6, 0)
    assert report.newest == start + 40 * SECOND


async def test_groups_of_one_size_are_in_order_of_their_codes(world, start):
    world.fail(ORDERS, ("1", start, "B_CODE", "x"), ("2", start + 1 * SECOND, "A_CODE", "x"))
    report = await world.reader.failures(ORDERS, ANY)
    assert [group.code for group in report.groups] == ["A_CODE", "B_CODE"]


async def test_the_example_of_a_group_is_its_newest_failure(failed):
    example = (await failed.reader.failures(ORDERS, ANY)).groups[1]
    assert (example.example_id, example.example_reason) == ("f", "MAPPING_ERROR: no mapping of 4")


async def test_a_filtered_report_still_tells_how_many_there_are_in_all(failed, start):
    report = await failed.reader.failures(ORDERS, FailureFilter(code="WHMCS_ERROR"))
    assert [(group.code, group.count) for group in report.groups] == [("WHMCS_ERROR", 3)]
    assert (report.total, report.kept, report.newest) == (3, 6, start + 40 * SECOND)


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        ({}, "abcdef"),
        ({"code": "WHMCS_ERROR"}, "acd"),
        ({"code": "timed out after # ms"}, "e"),
        ({"code": "WHMCS"}, ""),
        ({"name": "terminate"}, "cf"),
        ({"since": 20}, "cdef"),
        ({"until": 20}, "abcd"),
        ({"since": 11, "until": 30}, "cde"),
        ({"code": "MAPPING_ERROR", "name": "terminate", "since": 40, "until": 40}, "f"),
        ({"since": 41}, ""),
    ],
)
async def test_a_filter_means_the_same_jobs_everywhere(failed, start, wanted, ids):
    edges = {
        key: start + value * SECOND for key, value in wanted.items() if key in ("since", "until")
    }
    assert await ids_of(failed, FailureFilter(**{**wanted, **edges})) == ids


async def test_failed_jobs_come_a_page_at_a_time_newest_first(failed, start):
    pages = [
        [job.id for job in await failed.reader.failed_jobs(ORDERS, ANY, limit=4, offset=offset)]
        for offset in (0, 4, 8)
    ]
    assert pages == [["f", "e", "d", "c"], ["b", "a"], []]
    assert await failed.reader.failed_jobs(ORDERS, ANY, limit=0) == []
    newest = (await failed.reader.failed_jobs(ORDERS, ANY, limit=1))[0]
    assert (newest.name, newest.code, newest.failed_at) == (
        "terminate", "MAPPING_ERROR", start + 40 * SECOND,
    )  # fmt: skip
    assert newest.attempts_made == 3


async def test_refs_carry_the_time_of_the_failure(failed, start):
    assert (await selected(failed, FailureFilter(name="terminate"))) == [
        FailedRef("c", start + 20 * SECOND),
        FailedRef("f", start + 40 * SECOND),
    ]


async def test_ids_are_looked_up_and_what_is_not_failed_is_none(failed, start):
    failed.empty(ORDERS, "b")
    found = await failed.reader.failed_refs(ORDERS, ["a", "nope", "b"])
    assert list(found) == ["a", "nope", "b"]
    assert (found["a"].failed_at, found["nope"], found["b"]) == (start, None, None)
    assert await failed.reader.failed_refs(ORDERS, []) == {}


async def test_a_failed_id_without_a_job_is_counted_as_vanished(failed):
    failed.empty(ORDERS, "a")
    report = await failed.reader.failures(ORDERS, ANY)
    assert (report.total, report.kept, report.vanished) == (5, 6, 1)
    assert [ref.id for ref in await selected(failed, ANY)] == list("abcdef")
    assert [ref.id for ref in await selected(failed, FailureFilter(code="WHMCS_ERROR"))] == [
        "c",
        "d",
    ]
    assert await failed.reader.job(ORDERS, "a") is None


async def test_one_failed_job_and_its_logs(failed, start):
    failed.log(ORDERS, "a", "one", "two", "three")
    job = await failed.reader.job(ORDERS, "a")
    assert (job.id, job.name, job.state) == ("a", "provision", "failed")
    assert (job.failed_reason, job.finished_at) == ("WHMCS_ERROR: HTTP 502", start)
    assert (job.attempts_made, job.attempts, job.log_count) == (3, 3, 3)
    assert await failed.reader.job_logs(ORDERS, "a", limit=2) == ["two", "three"]
    assert await failed.reader.job_logs(ORDERS, "b", limit=2) == []
    assert await failed.reader.job(ORDERS, "nope") is None


async def test_a_queue_that_does_not_exist_is_an_empty_one(world):
    report = await world.reader.failures(NOWHERE, ANY)
    assert (report.total, report.kept, report.newest, report.groups) == (0, 0, None, ())
    assert await world.reader.failed_jobs(NOWHERE, ANY, limit=9) == []
    assert await selected(world, queue=NOWHERE) == []
    assert await world.reader.job(NOWHERE, "1") is None
    assert await world.reader.last_failure(NOWHERE, "1") is None
    sample = (await world.reader.sample([SampleRequest(queue=NOWHERE)])).samples[NOWHERE]
    assert (sample.counts, sample.version, sample.workers) == (Counts(), None, 0)


async def look(world):
    return (await world.reader.sample([SampleRequest(queue=ORDERS)])).samples[ORDERS]


@pytest.mark.parametrize("version", [3, 4, 5, 6])
async def test_a_pause_holds_the_jobs_back_and_a_resume_lets_them_go(world, version):
    world.make(ORDERS, f"bullmq:{version}.20.0")
    world.wait(ORDERS, 4)
    for switch, paused in ((world.operator.pause, True), (world.operator.resume, False)):
        done = await switch(ORDERS, configured=None)
        assert (done.changed, done.gathered) == (True, 0)
        sample = await look(world)
        assert (sample.paused, sample.counts.backlog) == (paused, 4)
        held = sample.counts.paused_list
        assert held == (4 if paused and version < 6 else 0), "BullMQ 6 has but one list"
        again = await switch(ORDERS, configured=None)
        assert (again.changed, again.gathered) == (False, 0)


@pytest.mark.parametrize(("version", "configured"), [(None, None), ("bullmq:9.0.0", 5)])
async def test_a_queue_of_unknown_version_is_neither_paused_nor_resumed(world, version, configured):
    world.make(ORDERS, version)
    for switch in (world.operator.pause, world.operator.resume):
        with pytest.raises(RefusedError, match="unknown BullMQ version"):
            await switch(ORDERS, configured=configured)
    assert not (await look(world)).paused


async def test_queues_are_discovered_and_forgotten(world, start):
    world.make(ORDERS)
    world.make(SIMS)
    assert (await world.reader.discover()).queues == {ORDERS, SIMS}
    world.drop(SIMS)
    found = await world.reader.discover()
    assert found.queues == {ORDERS}
    assert found.complete == {"main"}, "of a source that never answered nothing is known"
    assert found.unreachable == {"lost": 'Redis "lost" cannot be reached.'}


async def test_a_sample_counts_what_is_there(failed, start):
    failed.fail(ORDERS, ("old", start - 10 * 86_400_000, "A_B", "x"))
    failed.wait(ORDERS, 4)
    failed.pause(ORDERS)
    request = SampleRequest(queue=ORDERS, failure_window=now_ms() - start - 15 * SECOND)
    sample = (await failed.reader.sample([request])).samples[ORDERS]
    assert (sample.counts.waiting, sample.counts.failed, sample.counts.backlog) == (4, 7, 4)
    assert (sample.failed_in_window, sample.failed_in_day) == (4, 6)
    assert (sample.paused, sample.held_back, sample.version) == (True, "paused", "bullmq:5.81.5")
    assert abs(sample.taken_at - now_ms()) < 60_000


async def test_a_source_that_is_down_is_told_and_hurts_no_other(failed):
    requests = [SampleRequest(queue=ORDERS), SampleRequest(queue=LOST)]
    round_ = await failed.reader.sample(requests)
    assert list(round_.samples) == [ORDERS]
    assert round_.unreachable == {"lost": 'Redis "lost" cannot be reached.'}
    assert (await failed.reader.sample(requests[:1])).unreachable == {}
    assert (await failed.reader.discover()).queues == {ORDERS}


async def test_asking_a_source_that_is_down_says_which(world):
    reader = world.reader
    for question in (
        reader.failures(LOST, ANY),
        reader.failed_jobs(LOST, ANY, limit=5),
        reader.failed_refs(LOST, ["a"]),
        reader.job(LOST, "a"),
        reader.job_logs(LOST, "a", limit=5),
        reader.last_failure(LOST, "a"),
        reader.active(LOST),
        world.operator.stalled_check(LOST),
        world.done.count(LOST, "op"),
        world.done.contains(LOST, "op", ["a"]),
        world.done.forget(LOST, "op"),
        world.done.take_back(LOST, "op", ["a"]),
        members(world, "op", LOST),
        selected(world, queue=LOST),
    ):
        with pytest.raises(RedisUnavailableError, match='"lost" cannot be reached'):
            await question
    for switch in (world.operator.pause, world.operator.resume):
        with pytest.raises(RedisUnavailableError, match='"lost" cannot be reached'):
            await switch(LOST, configured=None)
    for change in (
        world.operator.retry(LOST, [FailedRef("a", 1)], fresh=False, configured=None),
        world.operator.promote(LOST, ["a"], configured=None, operation="op"),
        world.operator.unstick(LOST, configured=None, operation="op"),
    ):
        with pytest.raises(RedisUnavailableError, match="cannot be reached") as caught:
            await change
        assert caught.value.done == BatchOutcome()


async def test_the_clock_is_that_of_bullhorns_own_redis(world):
    assert abs(await world.reader.now() - now_ms()) < 60_000
