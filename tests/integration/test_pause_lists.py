"""The pause script beside Node's own, and where Node's own would lose jobs: two lists at once."""

import asyncio
import itertools

import pytest

from bot.adapters import bullmq_pause, bullmq_scripts
from bot.adapters.bullmq_scripts import Call
from bot.domain.pausing import PauseOutcome
from bot.domain.queues import QueueId
from bot.errors import RedisUnavailableError, RefusedError
from tests.support.bullmq_places import misplaced, state_of
from tests.support.node_bullmq import MINORS
from tests.support.valkey_bullmq import ORDERS, contents, write_meta

each_minor = pytest.mark.parametrize("minor", MINORS, ids=lambda minor: f"bullmq-{minor}")
each_before_6 = pytest.mark.parametrize("major", [3, 4, 5])

HOLDS = {
    "nothing": [],
    "plain": [{}, {}, {"opts": {"lifo": True}}],
    "prioritized": [{"opts": {"priority": 2}}, {"opts": {"priority": 1}}],
    "delayed": [{"opts": {"delay": 600_000}}],
    "all": [{}, {"opts": {"priority": 1}}, {"opts": {"delay": 600_000}}],
}


@each_minor
async def test_it_leaves_the_queue_as_nodes_own_does(node, operator, redis, minor):
    """Same lists, same markers, same events, same keys, for each step there and back."""
    for number, (holds, steps) in enumerate(
        itertools.product(HOLDS, (("pause",), ("pause", "resume"), ("pause", "add", "resume")))
    ):
        ours, theirs = QueueId("main", "bull", f"a{number}"), QueueId("main", "bull", f"b{number}")
        for queue in (ours, theirs):
            there = node.queue(minor, queue.name)
            await there.call("isPaused")  # so that it has written its `meta`
            if HOLDS[holds]:
                await there.add(*HOLDS[holds])
            for step in steps:
                if step == "add":
                    await there.add({}, {"opts": {"priority": 1}}, {"opts": {"delay": 600_000}})
                elif queue is theirs:
                    await there.call(step)
                else:
                    change = operator.pause if step == "pause" else operator.resume
                    major = int(str(minor)[0])
                    assert (await change(queue, configured=major)).changed
        assert state_of(redis, ours) == state_of(redis, theirs), (holds, steps)


def fill(redis, name, count, *, start=0, size=10_000):
    """Jobs in a list, the first of them the next to run."""
    for at in range(start, start + count, size):
        redis.lpush(ORDERS.key(name), *[f"j{n}" for n in range(at, min(at + size, start + count))])


def whole(redis, name):
    return redis.lrange(ORDERS.key(name), 0, -1)[::-1]


def jobs(*ranges):
    return [f"j{n}" for start, end in ranges for n in range(start, end)]


async def switch(operator, action, major):
    return await getattr(operator, action)(ORDERS, configured=major)


@each_before_6
async def test_jobs_that_strayed_are_gathered_first_in_their_order(operator, redis, major):
    # A client of BullMQ 6 has added 10 to a paused queue: Node's resume would lose those.
    redis.hset(ORDERS.key("meta"), "paused", 1)
    fill(redis, "paused", 2500)
    fill(redis, "wait", 1800, start=2500)
    assert await switch(operator, "resume", major) == PauseOutcome(changed=True, gathered=1800)
    assert (whole(redis, "wait"), redis.exists(ORDERS.key("paused"))) == (jobs((0, 4300)), 0)

    # A resume of BullMQ 6's left a remainder: Node's next pause would lose it.
    fill(redis, "paused", 1700, start=9000)
    assert await switch(operator, "pause", major) == PauseOutcome(changed=True, gathered=1700)
    in_paused = redis.lrange(ORDERS.key("paused"), 0, -1)
    assert (sorted(in_paused), redis.exists(ORDERS.key("wait"))) == (
        sorted(jobs((0, 4300), (9000, 10700))),
        0,
    )
    assert in_paused[:4300][::-1] == jobs((0, 4300)), "what was to run later still does"


@each_before_6
@pytest.mark.parametrize("action", ["pause", "resume"])
async def test_pressing_again_takes_in_what_strayed_and_switches_nothing(
    operator, redis, major, action
):
    home, away = ("paused", "wait") if action == "pause" else ("wait", "paused")
    if action == "pause":
        redis.hset(ORDERS.key("meta"), "paused", 1)
    for there in (0, 5):
        redis.delete(ORDERS.key(home))
        fill(redis, home, there)
        fill(redis, away, 2100, start=100)
        assert await switch(operator, action, major) == PauseOutcome(changed=False, gathered=2100)
        assert redis.llen(ORDERS.key(home)) == 2100 + there
        assert redis.exists(ORDERS.key(away)) == 0
    assert await switch(operator, action, major) == PauseOutcome(changed=False)
    assert redis.exists(ORDERS.key("events")) == 0


@pytest.mark.parametrize("major", [3, 4])
async def test_markers_stay_behind_and_count_for_nothing(operator, redis, major):
    redis.hset(ORDERS.key("meta"), "paused", 1)
    redis.rpush(ORDERS.key("wait"), "0:1700000000000", "j2", "0:0")
    redis.rpush(ORDERS.key("paused"), "j1")
    assert await switch(operator, "resume", major) == PauseOutcome(changed=True, gathered=1)
    assert redis.lrange(ORDERS.key("wait"), 0, -1) == ["j2", "j1"]
    redis.hset(ORDERS.key("meta"), "paused", 1)
    redis.delete(ORDERS.key("wait"))
    redis.rpush(ORDERS.key("wait"), "0:0")
    assert await switch(operator, "pause", major) == PauseOutcome(changed=False)


@each_before_6
@pytest.mark.parametrize("action", ["pause", "resume"])
async def test_no_call_takes_more_than_a_thousand_jobs_however_many_there_are(
    operator, redis, major, action, monkeypatch
):
    home, away = ("wait", "paused") if action == "pause" else ("paused", "wait")
    if action == "resume":
        redis.hset(ORDERS.key("meta"), "paused", 1)
    fill(redis, home, 200_000)
    fill(redis, away, 60_000, start=200_000)
    redis.config_set("slowlog-max-len", 1000)
    redis.config_set("slowlog-log-slower-than", 0)
    redis.slowlog_reset()
    outcome = await switch(operator, action, major)
    redis.config_set("slowlog-log-slower-than", 10_000)
    calls = [one for one in redis.slowlog_get(1000) if "EVALSHA" in str(one["command"])]
    assert outcome == PauseOutcome(changed=True, gathered=60_000)
    assert (len(calls), redis.llen(ORDERS.key(away))) == (60, 260_000)


async def test_the_package_resumes_a_long_list_of_bullmq_5_to_its_end(operator, redis):
    write_meta(redis, ORDERS, "bullmq:6.7.0")
    redis.hset(ORDERS.key("meta"), "paused", 1)
    fill(redis, "paused", 30_000)
    fill(redis, "wait", 3, start=50_000)
    outcome = await operator.resume(ORDERS, configured=None)
    assert outcome == PauseOutcome(changed=True, gathered=30_000)
    assert redis.exists(ORDERS.key("paused")) == 0
    assert redis.llen(ORDERS.key("wait")) == 30_003
    assert redis.xlen(ORDERS.key("events")) == 1, "one event, however many calls"
    fill(redis, "paused", 8000, start=60_000)
    outcome = await operator.resume(ORDERS, configured=None)
    assert outcome == PauseOutcome(changed=False, gathered=8000), "a resume cut short is finished"
    assert redis.xlen(ORDERS.key("events")) == 1
    assert await operator.resume(ORDERS, configured=None) == PauseOutcome(changed=False)


def between_calls(monkeypatch, act, *, before):
    """Do something on the server before the so-manieth call of pause.lua."""
    real, calls = bullmq_scripts.run, []

    async def run(client, script, call: Call):
        calls.append(call)
        if len(calls) == before:
            act()
        return await real(client, script, call)

    monkeypatch.setattr(bullmq_scripts, "run", run)
    return calls


async def test_another_version_in_between_is_looked_at_again(operator, redis, monkeypatch):
    write_meta(redis, ORDERS, "bullmq:5.81.5")
    fill(redis, "wait", 10)
    between_calls(
        monkeypatch, lambda: redis.hset(ORDERS.key("meta"), "version", "bullmq:6.7.0"), before=1
    )
    assert (await operator.pause(ORDERS, configured=None)).changed
    assert redis.llen(ORDERS.key("wait")) == 10, "paused as BullMQ 6 does: nothing is renamed"


async def test_a_version_nobody_knows_in_between_is_refused(operator, redis, monkeypatch):
    write_meta(redis, ORDERS, "bullmq:5.81.5")
    fill(redis, "wait", 10)
    seen = []

    def upgrade():
        redis.hset(ORDERS.key("meta"), "version", "bullmq:7.0.0")
        seen.append(contents(redis))

    between_calls(monkeypatch, upgrade, before=1)
    with pytest.raises(RefusedError, match="unknown BullMQ version"):
        await operator.pause(ORDERS, configured=None)
    assert contents(redis) == seen[0]


async def test_a_press_that_is_cut_off_is_finished_by_the_next(operator, redis, monkeypatch):
    redis.hset(ORDERS.key("meta"), "paused", 1)
    fill(redis, "paused", 10)
    fill(redis, "wait", 5000, start=10)

    def die():
        raise ConnectionError

    with monkeypatch.context() as patched:
        between_calls(patched, die, before=3)
        with pytest.raises(RedisUnavailableError):
            await operator.resume(ORDERS, configured=5)
    assert redis.hexists(ORDERS.key("meta"), "paused")
    assert redis.llen(ORDERS.key("paused")) + redis.llen(ORDERS.key("wait")) == 5010
    assert await operator.resume(ORDERS, configured=5) == PauseOutcome(changed=True, gathered=3000)
    assert whole(redis, "wait") == jobs((0, 5010))


async def test_who_only_gathers_does_not_undo_what_another_does_meanwhile(
    operator, redis, monkeypatch
):
    fill(redis, "wait", 10)
    fill(redis, "paused", 3000, start=10)
    between_calls(monkeypatch, lambda: redis.hset(ORDERS.key("meta"), "paused", 1), before=2)
    assert await operator.resume(ORDERS, configured=5) == PauseOutcome(changed=False, gathered=1000)
    assert redis.hexists(ORDERS.key("meta"), "paused")


@pytest.mark.parametrize("version", ["bullmq:4.18.3", "bullmq:5.81.5", "bullmq:6.7.0"])
async def test_many_presses_at_once_act_once(operator, redis, version):
    write_meta(redis, ORDERS, version)
    fill(redis, "wait", 5)
    for change in (operator.pause, operator.resume):
        outcomes = await asyncio.gather(*(change(ORDERS, configured=None) for _ in range(12)))
        assert sorted(outcome.changed for outcome in outcomes) == [False] * 11 + [True]
    assert [event["event"] for _, event in redis.xrange(ORDERS.key("events"))] == [
        "paused",
        "resumed",
    ]
    assert whole(redis, "wait") == jobs((0, 5))


async def test_scripts_that_the_server_forgot_are_loaded_again(operator, redis):
    for version in ("bullmq:5.81.5", "bullmq:6.7.0"):
        redis.flushall()
        write_meta(redis, ORDERS, version)
        redis.script_flush()
        assert (await operator.pause(ORDERS, configured=None)).changed


async def test_a_producer_that_is_faster_than_we_are_is_given_up(operator, redis, monkeypatch):
    redis.hset(ORDERS.key("meta"), "paused", 1)
    fill(redis, "paused", 1)
    monkeypatch.setattr(bullmq_pause, "MOST_CALLS", 3)
    monkeypatch.setattr(bullmq_pause, "BATCH", 10)
    fill(redis, "wait", 100, start=10)
    with pytest.raises(RedisUnavailableError, match="changes too fast"):
        await operator.resume(ORDERS, configured=5)
    assert misplaced(redis, ORDERS, jobs((0, 1), (10, 110))) == {}


async def test_a_server_that_takes_no_writes_says_so(operator, redis):
    for version in ("bullmq:5.81.5", "bullmq:6.7.0"):
        redis.replicaof("NO", "ONE")
        write_meta(redis, ORDERS, version)
        redis.replicaof("127.0.0.1", 1)
        try:
            with pytest.raises(RedisUnavailableError, match="replica"):
                await operator.pause(ORDERS, configured=None)
        finally:
            redis.replicaof("NO", "ONE")
        assert not redis.hexists(ORDERS.key("meta"), "paused")
