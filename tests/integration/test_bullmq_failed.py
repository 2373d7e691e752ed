"""Failed jobs: grouped, listed and collected inside Redis, against what brute force says."""

import asyncio
import json
import random
from collections import Counter
from dataclasses import replace

import pytest

from bot.adapters import bullmq_failures
from bot.adapters.bullmq_reader import BullmqReader
from bot.adapters.sources import Sources
from bot.domain.failures import OTHER, failure_code
from bot.domain.jobs import FailedRef, FailureFilter
from tests.support.node_bullmq import VERSIONS
from tests.support.valkey_bullmq import ORDERS, now_ms, write_failed, write_meta

ANY = FailureFilter()
REASONS = [
    "MAPPING_ERROR: product {} has no mapping",
    "WHMCS_ERROR: HTTP 502 for order {}",
    "Request failed with status code 504 after {} ms",
    'No "thing {}" here',
    "",
]


def rows(many, *, seed=1, same_score=False):
    dice = random.Random(seed)
    start = now_ms() - many
    return [
        (
            str(number),
            start if same_score else start + number // 7,
            dice.choice(REASONS).format(dice.randrange(10**6)),
            dice.choice(["work", "other"]),
        )
        for number in range(many)
    ]


async def collect(reader, wanted=ANY):
    return [ref async for batch in reader.select_failed(ORDERS, wanted) for ref in batch]


async def test_groups_of_20000_are_those_of_brute_force(reader, redis, record_property):
    jobs = rows(20_000)
    write_meta(redis, ORDERS)
    write_failed(redis, ORDERS, jobs, options={"removeOnFail": {"count": 25_000}})
    redis.config_resetstat()

    report = await reader.failures(ORDERS, ANY)

    stats = redis.info("commandstats")["cmdstat_evalsha"]
    record_property("calls", stats["calls"])
    record_property("usec_per_call", stats["usec_per_call"])
    assert stats["calls"] >= 20_000 / bullmq_failures.STEP
    truth = Counter(failure_code(reason) for _, _, reason, _ in jobs)
    assert {group.code: group.count for group in report.groups} == truth
    assert [group.count for group in report.groups] == sorted(truth.values(), reverse=True)
    assert (report.total, report.kept, report.vanished) == (20_000, 20_000, 0)
    assert (report.kept_limit, report.newest) == (25_000, jobs[-1][1])
    for group in report.groups:
        mine = [(at, id_) for id_, at, reason, _ in jobs if failure_code(reason) == group.code]
        assert (group.first_at, group.last_at) == (min(mine)[0], max(mine)[0])
        assert (group.last_at, group.example_id) in mine


@pytest.mark.parametrize("same_score", [False, True])
async def test_filters_choose_the_same_jobs_everywhere(reader, redis, same_score):
    jobs = rows(3_000, same_score=same_score)
    write_failed(redis, ORDERS, jobs)
    since, until = jobs[500][1], jobs[2_500][1]
    wanted = FailureFilter(code="MAPPING_ERROR", name="work", since=since, until=until)
    truth = [
        (at, id_)
        for id_, at, reason, name in jobs
        if failure_code(reason) == "MAPPING_ERROR" and name == "work" and since <= at <= until
    ]
    truth.sort()

    report = await reader.failures(ORDERS, wanted)
    assert [(group.code, group.count) for group in report.groups] == [("MAPPING_ERROR", len(truth))]
    refs = await collect(reader, wanted)
    assert refs == [FailedRef(id_, at) for at, id_ in truth]
    listed = await reader.failed_jobs(ORDERS, wanted, limit=50, offset=30)
    assert [(job.failed_at, job.id) for job in listed] == truth[::-1][30:80]
    assert all(job.code == "MAPPING_ERROR" for job in listed)


async def test_all_are_collected_though_2000_share_one_score_and_some_leave(reader, redis):
    write_failed(redis, ORDERS, rows(2_000, same_score=True))
    seen = []
    async for batch in reader.select_failed(ORDERS, ANY):
        assert len(batch) <= 500
        seen += [ref.id for ref in batch]
        if len(seen) == 1_000:  # all that were seen leave, the place included
            redis.zrem(ORDERS.key("failed"), *seen)
    assert len(seen) == len(set(seen)) == 2_000


async def test_what_fails_meanwhile_does_not_keep_a_report_going(reader, redis, monkeypatch):
    write_failed(redis, ORDERS, rows(1_200))
    real, asked = bullmq_failures.scripts.run, []

    async def run(client, script, call):
        asked.append(call)
        at = now_ms() + 1_000 + len(asked)
        write_failed(
            redis, ORDERS, [(f"new{len(asked)}-{n}", at, "NEW_ONE", "work") for n in range(600)]
        )
        return await real(client, script, call)

    monkeypatch.setattr(bullmq_failures.scripts, "run", run)
    report = await reader.failures(ORDERS, ANY)
    assert report.total == 1_200
    assert len(asked) < 12


async def test_vanished_hashes_are_counted_and_never_grouped(reader, redis):
    jobs = rows(1_000)
    write_failed(redis, ORDERS, jobs)
    redis.delete(*[ORDERS.key(str(number)) for number in range(690)])

    report = await reader.failures(ORDERS, ANY)

    assert (report.total, report.vanished, report.kept) == (310, 690, 1_000)
    assert len(await collect(reader)) == 1_000
    assert len(await reader.failed_jobs(ORDERS, ANY, limit=500)) == 310
    found = await reader.failed_refs(ORDERS, ["5", "999", "none"])
    assert (found["5"], found["none"], found["999"].id) == (None, None, "999")


@pytest.mark.parametrize("right", ["-sort_ro", "resetkeys ~bull:*"])
async def test_a_server_that_does_not_sort_is_asked_for_each_job(reader, redis, valkey, right):
    write_failed(redis, ORDERS, rows(1_500))
    redis.delete(*[ORDERS.key(str(number)) for number in range(700, 720)])
    redis.hset(ORDERS.key("3"), "failedReason", "")
    redis.hdel(ORDERS.key("4"), "failedReason")
    redis.config_resetstat()
    quick = await reader.failures(ORDERS, ANY)
    assert redis.info("commandstats")["cmdstat_sort_ro"]["calls"] >= 60
    assert redis.info("commandstats")["cmdstat_hmget"]["calls"] < 60

    redis.execute_command(f"ACL SETUSER plain on >secret ~* +@all {right}")
    try:
        url = valkey.url.replace("//", "//plain:secret@")
        sources = Sources({"main": (url, "bull")})
        slow = await BullmqReader(sources=sources, own=sources.client(ORDERS)).failures(ORDERS, ANY)
        await sources.aclose()
    finally:
        redis.acl_deluser("plain")

    assert replace(slow, taken_at=quick.taken_at) == quick
    assert (quick.total, quick.vanished) == (1_480, 20)


async def test_odd_scores_in_the_middle_are_counted_once(reader, redis):
    at = now_ms()
    write_failed(redis, ORDERS, [(str(n), at, f"ODD_ONE: {n}", "work") for n in range(1_400)])
    for number in range(1_400):
        score = (
            at + (number - 700) * 0.001 if number % 3 else float("inf") if number > 1_000 else at
        )
        redis.zadd(ORDERS.key("failed"), {str(number): score})

    report = await reader.failures(ORDERS, ANY)

    last = redis.zrange(ORDERS.key("failed"), 0, -1, withscores=True)
    counted = [score for _, score in last if score <= report.newest]
    assert [(group.code, group.count) for group in report.groups] == [("ODD_ONE", len(counted))]
    assert 1_000 < len(counted) < 1_400


async def test_who_stops_collecting_leaves_nothing_under_way(reader, redis):
    write_failed(redis, ORDERS, rows(2_000))
    batches = reader.select_failed(ORDERS, ANY)

    await anext(batches)
    assert len(asyncio.all_tasks()) > 1
    await batches.aclose()

    assert len(asyncio.all_tasks()) == 1


async def test_no_more_than_200_codes_are_told_apart(reader, redis):
    at = now_ms()
    jobs = [(str(n), at + n, f"CODE_{n % 300:03}: x", "work") for n in range(1_200)]
    write_failed(redis, ORDERS, jobs)
    report = await reader.failures(ORDERS, ANY)
    assert len(report.groups) == bullmq_failures.MOST_GROUPS + 1
    assert report.total == 1_200
    assert report.groups[0].code == OTHER


async def test_long_reasons_make_smaller_steps_and_short_examples(reader, redis):
    at = now_ms()
    write_failed(
        redis, ORDERS, [(str(n), at + n, "LONG_ONE: " + "é" * 20_000, "work") for n in range(60)]
    )
    redis.config_resetstat()
    report = await reader.failures(ORDERS, ANY)
    assert report.groups[0].count == 60
    assert len(report.groups[0].example_reason) <= 1_000
    assert redis.info("commandstats")["cmdstat_evalsha"]["calls"] >= 8


@pytest.mark.parametrize(
    ("rule", "limit"),
    [
        (500, 500),
        ({"count": 7, "age": 5}, 7),
        ({"age": 5}, None),
        (True, None),
        (-1, None),
        (None, None),
    ],
)
def test_the_limit_of_kept_jobs(rule, limit):
    assert bullmq_failures.kept_limit(json.dumps({"removeOnFail": rule})) == limit
    assert bullmq_failures.kept_limit("no json") is None
    assert bullmq_failures.kept_limit("[]") is None


@pytest.mark.parametrize("version", VERSIONS)
async def test_one_job_in_each_of_its_states(node, reader, version):
    queue = node.queue(version, "orders")
    worker = await queue.worker()
    failed, done = await queue.add(
        {
            "name": "order",
            "data": {"fail": "A_B: no", "log": "tried", "id": 7},
            "opts": {"attempts": 2},
        },
        {},
    )
    await queue.wait(failed=1, completed=1)
    await worker.stop()
    later, soon, first = await queue.add(
        {"opts": {"delay": 60_000}}, {}, {"opts": {"priority": 3, "lifo": False}}
    )

    job = await reader.job(ORDERS, failed)

    assert (job.state, job.name, job.data["id"], job.failed_reason) == (
        "failed",
        "order",
        7,
        "A_B: no",
    )
    assert (job.attempts_made, job.attempts, job.log_count) == (2, 2, 2)
    assert job.created_at <= job.started_at <= job.finished_at
    assert len(job.stacktrace) == 2
    assert "A_B: no" in job.stacktrace[0]
    assert await reader.job_logs(ORDERS, failed, limit=1) == ["tried"]
    assert abs(await reader.last_failure(ORDERS, failed) - job.finished_at) < 1_000
    assert await reader.last_failure(ORDERS, done) is None
    completed = await reader.job(ORDERS, done)
    assert (completed.state, completed.return_value) == ("completed", {"done": done})
    delayed = await reader.job(ORDERS, later)
    assert delayed.state == "delayed"
    assert abs(delayed.delay_until - delayed.created_at - 60_000) < 5
    assert (await reader.job(ORDERS, soon)).state == "waiting"
    urgent = await reader.job(ORDERS, first)
    assert (urgent.state, urgent.priority) == ("waiting" if version == 3 else "prioritized", 3)
    assert await reader.job(ORDERS, "none") is None
    assert await reader.job(ORDERS, "meta") is None
