"""Looking for jobs by what they are about, in all states, on a real server, with hostile data."""

import json

import pytest

from bot.adapters import bullmq_subjects as subjects
from bot.adapters.bullmq_scripts import run
from bot.domain.queues import QueueId
from bot.errors import RedisUnavailableError
from tests.support.valkey_bullmq import ORDERS, contents, write_meta

LISTS = ("wait", "paused", "active")
AT = 1_700_000_000_000


def write(redis, state, id_, data, *, score=AT, **fields):
    """A job in one of BullMQ's sets."""
    text = data if isinstance(data, str | bytes) else json.dumps(data)
    job = {"name": "work", "data": text, "timestamp": AT, **fields}
    redis.hset(ORDERS.key(id_), mapping=job)
    if state in LISTS:
        redis.lpush(ORDERS.key(state), id_)
    else:
        redis.zadd(ORDERS.key(state), {id_: score})


def ids(about, value):
    return {job.id: job.state for job in about.found.get(value, ())}


@pytest.fixture(autouse=True)
def meta(redis):
    write_meta(redis, ORDERS)


async def test_jobs_in_every_state_are_found_and_no_others(redis, reader):
    for place, state in enumerate(subjects.STATES):
        write(redis, state, f"j{place}", {"order": {"id": "o1"}})
        write(redis, state, f"x{place}", {"order": {"id": "o2"}, "id": "o1"})
    redis.rpush(ORDERS.key("wait"), "0:1700000000000")  # a marker of BullMQ 4
    before = contents(redis)
    about = await reader.jobs_about(ORDERS, "order.id", ["o1", "o9"])
    assert ids(about, "o1") == {f"j{n}": state for n, state in enumerate(subjects.STATES)}
    assert set(about.found) == {"o1"}
    assert (about.complete, about.unread) == (True, 0)
    assert contents(redis) == before, "reading writes nothing"


async def test_a_job_is_told_with_its_times(redis, reader):
    write(redis, "completed", "1", {"o": "a"}, processedOn=AT + 5, finishedOn=AT + 9)
    write(redis, "failed", "2", {"o": "a"}, timestamp="soon", processedOn="inf")
    about = await reader.jobs_about(ORDERS, "o", ["a"])
    jobs = {job.id: job for job in about.found["a"]}
    one, two = jobs["1"], jobs["2"]
    assert (one.created_at, one.started_at, one.finished_at) == (AT, AT + 5, AT + 9)
    assert (two.created_at, two.started_at, two.finished_at) == (None, None, None)


async def test_numbers_count_as_their_digits(redis, reader):
    write(redis, "wait", "1", '{"o": 4711}')
    write(redis, "wait", "2", '{"o": 4711.0}')
    write(redis, "wait", "3", '{"o": "4711"}')
    write(redis, "wait", "4", '{"o": 9007199254740991}')
    write(redis, "wait", "5", '{"o": 1e400}')
    about = await reader.jobs_about(ORDERS, "o", ["4711", "9007199254740991", "inf"])
    assert set(ids(about, "4711")) == {"1", "2", "3"}
    assert set(ids(about, "9007199254740991")) == {"4"}
    assert "inf" not in about.found


HOSTILE = {
    "no JSON": "{",
    "empty": "",
    "bytes": b"\xff\xfe\x00",
    "text": '"a"',
    "number": "7",
    "null": "null",
    "array": '["a", {"o": "a"}]',
    "null at the path": '{"o": null}',
    "object at the path": '{"o": {"o": "a"}}',
    "list at the path": '{"o": ["a"]}',
    "true at the path": '{"o": true}',
    "empty at the path": '{"o": ""}',
    "deep": '{"o":' * 5_000 + "1" + "}" * 5_000,
    "a long value": json.dumps({"o": "a" * 300}),
    "half a character": '{"o": "\\ud83d"}',
    "infinite": '{"o": 1e999, "p": -1e999}',
    "too large": json.dumps({"o": "a", "rest": "x" * 65_536}),
}
UNREAD = {"no JSON", "empty", "bytes", "deep", "half a character", "too large"}


@pytest.mark.parametrize("kind", HOSTILE)
async def test_data_of_any_kind_is_passed_over_and_the_next_job_is_found(redis, reader, kind):
    for state in ("wait", "failed"):
        write(redis, state, f"bad-{state}", HOSTILE[kind])
        write(redis, state, f"good-{state}", {"o": "a"}, score=AT - 1)
    about = await reader.jobs_about(ORDERS, "o", ["a"])
    assert ids(about, "a") == {"good-wait": "wait", "good-failed": "failed"}
    assert about.unread_ids == ({"bad-wait", "bad-failed"} if kind in UNREAD else set())
    assert about.unread == len(about.unread_ids)
    assert about.complete


async def test_just_64_kb_is_read(redis, reader):
    rest = 65_536 - len('{"o": "a", "r": ""}')
    write(redis, "wait", "1", json.dumps({"o": "a", "r": "x" * rest}))
    about = await reader.jobs_about(ORDERS, "o", ["a"])
    assert (set(ids(about, "a")), about.unread) == ({"1"}, 0)


async def test_ids_without_a_hash_and_keys_that_are_none_are_passed_over(redis, reader):
    redis.zadd(ORDERS.key("failed"), {"gone": AT, "wait": AT, "": AT, "a\x00b": AT, "é": AT})
    write(redis, "wait", "1", {"o": "a"})
    about = await reader.jobs_about(ORDERS, "o", ["a"])
    assert set(ids(about, "a")) == {"1"}
    assert about.complete


async def test_values_and_paths_are_taken_as_they_are(redis, reader):
    odd = ["%s", "a.b", '"', "*", "\x00", "é", "null", "a b", "']] .. 1"]
    for place, value in enumerate(odd):
        write(redis, "wait", str(place), {"x-%d*": value})
    about = await reader.jobs_about(ORDERS, "x-%d*", odd)
    assert {value: set(ids(about, value)) for value in odd} == {
        value: {str(place)} for place, value in enumerate(odd)
    }


@pytest.mark.parametrize("count", [5, 150])
async def test_many_values_are_found_like_few(redis, reader, count):
    for number in range(200):
        write(redis, "completed", str(number), {"o": f"v{number}"}, score=AT + number)
    about = await reader.jobs_about(ORDERS, "o", [f"v{n}" for n in range(count)])
    assert {value: set(ids(about, value)) for value in about.found} == {
        f"v{n}": {str(n)} for n in range(count)
    }


async def test_many_of_one_score_are_all_seen_once_however_the_steps_fall(
    redis, reader, monkeypatch
):
    monkeypatch.setattr(subjects, "STEP", 7)
    for number in range(100):
        write(redis, "failed", f"f{number}", {"o": "a"})
        write(redis, "wait", f"w{number}", {"o": "a"})
    about = await reader.jobs_about(ORDERS, "o", ["a"])
    assert len(about.found["a"]) == 200
    assert about.complete


async def test_long_data_ends_a_step_early_and_nothing_is_missed(redis, reader):
    for number in range(40):
        write(redis, "wait", f"w{number}", {"o": "a", "rest": "x" * 20_000})
        write(redis, "failed", f"f{number}", {"o": "a", "rest": "x" * 20_000}, score=AT + number)
    about = await reader.jobs_about(ORDERS, "o", ["a"])
    assert len(about.found["a"]) == 80


async def test_no_more_than_a_most_are_looked_at_the_newest_of_each_set(
    redis, sources, monkeypatch
):
    monkeypatch.setattr(subjects, "STEP", 10)
    monkeypatch.setattr(subjects, "MOST", 40)
    for number in range(50):
        write(redis, "completed", f"c{number}", {"o": "a"}, score=AT + number)
        write(redis, "wait", f"w{number}", {"o": "a"})

    async def ask(script, call):
        return await run(sources.client("main"), script, call)

    about = await subjects.jobs_about(ask, ORDERS, "o", ["a"])
    assert not about.complete
    newest = {f"{kind}{number}" for kind in "cw" for number in range(30, 50)}
    assert set(ids(about, "a")) == newest


async def test_a_thorough_look_finds_the_oldest_job_behind_any_number(redis, reader, monkeypatch):
    monkeypatch.setattr(subjects, "STEP", 10)
    monkeypatch.setattr(subjects, "MOST", 40)
    for state in ("wait", "failed", "completed"):
        write(redis, state, f"{state}-first", {"o": "a"}, score=AT - 1)
        for number in range(100):
            write(redis, state, f"{state}{number}", {"o": "b"}, score=AT + number)
    assert ids(await reader.jobs_about(ORDERS, "o", ["a"]), "a") == {}
    about = await reader.jobs_about(ORDERS, "o", ["a"], thorough=True)
    assert set(ids(about, "a")) == {"wait-first", "failed-first", "completed-first"}
    assert about.sure


async def test_a_thorough_look_sees_what_has_not_finished_first_and_says_if_it_ends_early(
    redis, reader, monkeypatch
):
    monkeypatch.setattr(subjects, "STEP", 10)
    monkeypatch.setattr(subjects, "MOST_THOROUGH", 60)
    for number in range(50):
        write(redis, "wait", f"w{number}", {"o": "a"})
        write(redis, "completed", f"c{number}", {"o": "a"}, score=AT + number)
    about = await reader.jobs_about(ORDERS, "o", ["a"], thorough=True)
    assert {f"w{number}" for number in range(50)} <= set(ids(about, "a"))
    assert not about.complete
    about = await reader.jobs_about(ORDERS, "o", ["a"], since=AT + 100, thorough=True)
    assert about.complete, "what finished long ago is not asked for"


async def test_a_thorough_look_does_not_miss_jobs_that_run_meanwhile(redis, sources, monkeypatch):
    """Workers take the oldest, which is read last; one that fails may wait for its next try."""
    monkeypatch.setattr(subjects, "STEP", 10)
    for number in range(50):
        write(redis, "wait", f"w{number}", {"o": "a" if number < 2 else "b"})

    async def ask(script, call):
        answer = await run(sources.client("main"), script, call)
        if call.keys[0] == ORDERS.key("wait") and redis.llen(ORDERS.key("wait")) == 50:
            redis.zadd(ORDERS.key("delayed"), {redis.rpop(ORDERS.key("wait")): AT})
            redis.lpush(ORDERS.key("active"), redis.rpop(ORDERS.key("wait")))
        return answer

    about = await subjects.jobs_about(ask, ORDERS, "o", ["a"], thorough=True)
    assert ids(about, "a") == {"w0": "delayed", "w1": "active"}


async def test_data_that_cannot_be_read_leaves_it_unsure(redis, reader):
    write(redis, "wait", "1", "{")
    about = await reader.jobs_about(ORDERS, "o", ["a"], thorough=True)
    assert (about.complete, about.sure) == (True, False)


async def test_of_finished_jobs_those_since_then(redis, reader):
    for number in range(10):
        write(redis, "completed", f"c{number}", {"o": "a"}, score=AT + number)
    write(redis, "delayed", "d", {"o": "a"}, score=1)
    about = await reader.jobs_about(ORDERS, "o", ["a"], since=AT + 8)
    assert set(ids(about, "a")) == {"c8", "c9", "d"}
    assert about.complete


async def test_jobs_that_join_and_leave_between_steps_do_not_disturb(redis, sources, monkeypatch):
    monkeypatch.setattr(subjects, "STEP", 10)
    for number in range(50):
        write(redis, "failed", f"f{number:02}", {"o": "a"}, score=AT + number)
    calls = 0

    async def ask(script, call):
        nonlocal calls
        answer = await run(sources.client("main"), script, call)
        if call.keys[0] == ORDERS.key("failed"):
            calls += 1
            redis.zrem(ORDERS.key("failed"), f"f{50 - calls * 10:02}")  # the place itself
            write(redis, "failed", f"new{calls}", {"o": "a"}, score=AT + 1_000 + calls)
        return answer

    about = await subjects.jobs_about(ask, ORDERS, "o", ["a"])
    assert {f"f{number:02}" for number in range(50)} <= set(ids(about, "a"))


async def test_a_queue_that_is_not_there_and_no_values(reader):
    nowhere = QueueId("main", "bull", "nowhere")
    assert (await reader.jobs_about(nowhere, "o", ["a"])).found == {}
    assert (await reader.jobs_about(ORDERS, "o", [])).complete


async def test_a_set_of_the_wrong_type_is_said(redis, reader):
    redis.set(ORDERS.key("completed"), "x")
    with pytest.raises(RedisUnavailableError):
        await reader.jobs_about(ORDERS, "o", ["a"])


@pytest.mark.parametrize(("rest", "most"), [(0, subjects.STEP), (20_000, 7)])
async def test_a_step_is_bounded_in_jobs_and_in_bytes(redis, sources, rest, most):
    for number in range(subjects.STEP + 50):
        write(redis, "wait", f"w{number}", {"o": "a", "rest": "x" * rest})
    looked = []

    async def ask(script, call):
        answer = await run(sources.client("main"), script, call)
        looked.append(json.loads(answer)["n"])
        return answer

    about = await subjects.jobs_about(ask, ORDERS, "o", ["a"])
    assert max(looked) == most
    assert len(about.found["a"]) == subjects.STEP + 50
