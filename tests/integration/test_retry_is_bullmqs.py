"""What a retry leaves behind is what BullMQ's own script leaves, job by job; and its done set."""

import pytest
from bullmq.redis_connection import loadScript

from bot.domain.jobs import BatchOutcome, FailedRef
from bot.domain.queues import QueueId
from bot.errors import RedisUnavailableError
from tests.support.bullmq_places import misplaced, state_of
from tests.support.valkey_bullmq import ORDERS, now_ms, write_failed, write_meta

OTHER = QueueId("main", "bull", "others")
"""A queue with the same jobs, whose are retried one by one."""

AT = now_ms() - 60_000
LIFO = '{"lifo": true}'
JOBS = {
    "plain": {},
    "lifo": {"opts": LIFO},
    "another": {},
    "lifo again": {"opts": LIFO},
    "not lifo": {"opts": '{"lifo": false, "a": "\\"lifo\\": true"}'},
    "nothing is lifo": {"opts": '{"lifo": null}'},
    "urgent": {"priority": 2},
    "more urgent": {"priority": 1},
    "child": {"parentKey": "{queue}parent"},
    "ignored child": {"parentKey": "{queue}parent"},
    "child of none": {"parentKey": "{queue}gone"},
    "no priority": {"priority": ""},
}
QUEUES = {
    "running": {},
    "maxed": {"concurrency": 2},
    "with room": {"concurrency": 3},
    "paused": {"paused": 1},
    "few events": {"opts.maxLenEvents": 5},
}


def write(redis, queue, meta):
    write_meta(redis, queue, "bullmq:6.7.0")
    redis.hdel(queue.key("meta"), "opts.maxLenEvents")
    if meta:
        redis.hset(queue.key("meta"), mapping=meta)
    write_failed(redis, queue, [(id_, AT, "A_B: x", "work") for id_ in JOBS])
    for id_, fields in JOBS.items():
        for field, value in fields.items():
            told = value.replace("{queue}", queue.key("")) if field == "parentKey" else value
            redis.hset(queue.key(id_), field, told)
    redis.hset(queue.key("parent"), "name", "whole")
    redis.zadd(queue.key("parent:unsuccessful"), {queue.key("child"): 1})
    redis.hset(queue.key("parent:failed"), queue.key("ignored child"), "x")
    redis.rpush(queue.key("active"), "a", "b")
    redis.rpush(queue.key("wait"), "w")


def by_bullmq(redis, queue, *, fresh):
    """Each job by the package's script alone."""
    names = ("events", "failed", "wait", "meta", "active", "marker", "prioritized", "pc")
    reset = "1" if fresh else "0"
    for id_, fields in JOBS.items():
        push = "RPUSH" if fields.get("opts") == LIFO else "LPUSH"
        keys = [queue.key(id_), *(queue.key(name) for name in names)]
        args = (id_, push, "failedReason", "failed", reset, reset)
        answer = redis.eval(loadScript("reprocessJob-9.lua"), len(keys), *keys, *args)
        assert answer == 1


def all_of(redis, queue):
    state = state_of(redis, queue)
    hashes = {id_: redis.hgetall(queue.key(id_)) for id_ in (*JOBS, "meta")}
    for fields in hashes.values():
        if "parentKey" in fields:
            fields["parentKey"] = fields["parentKey"].removeprefix(queue.key(""))
    scores = redis.zrange(queue.key("prioritized"), 0, -1, withscores=True)
    children = redis.smembers(queue.key("parent:dependencies"))
    return state, hashes, scores, {child.removeprefix(queue.key("")) for child in children}


@pytest.mark.parametrize("fresh", [False, True], ids=["", "fresh"])
@pytest.mark.parametrize("kind", QUEUES)
async def test_all_is_as_after_bullmqs_own_retries(operator, redis, kind, fresh):
    for queue in (ORDERS, OTHER):
        write(redis, queue, QUEUES[kind])
    by_bullmq(redis, OTHER, fresh=fresh)

    refs = [FailedRef(id_, AT) for id_ in JOBS]
    outcome = await operator.retry(ORDERS, refs, fresh=fresh, configured=None)

    assert outcome == BatchOutcome(done=tuple(JOBS))
    ours, theirs = all_of(redis, ORDERS), all_of(redis, OTHER)
    assert ours == theirs
    assert ours[-1] == {"child", "ignored child"}


async def run(operator, count=3):
    refs = [FailedRef(f"j{number}", AT) for number in range(count)]
    return await operator.retry(ORDERS, refs, fresh=False, configured=None, operation="op")


def write_plain(redis, count=3):
    write_meta(redis, ORDERS)
    write_failed(redis, ORDERS, [(f"j{number}", AT, "A_B: x", "work") for number in range(count)])


async def test_a_job_of_the_done_set_is_never_moved_again(operator, redis):
    """Its answer was lost and it failed again, by another clock in the same millisecond."""
    write_plain(redis)
    redis.sadd(ORDERS.key("bullhorn:op"), "j1")
    assert await run(operator) == BatchOutcome(done=("j0", "j2"), already=1)
    assert redis.zrange(ORDERS.key("failed"), 0, -1) == ["j1"]
    assert redis.smembers(ORDERS.key("bullhorn:op")) == {"j0", "j1", "j2"}
    assert 7 * 86_400_000 < redis.pttl(ORDERS.key("bullhorn:op")) <= 8 * 86_400_000


async def test_a_retry_that_ends_in_an_error_leaves_the_rest_as_it_was(operator, redis):
    """A stream that is at its end takes no event: BullMQ's script notices when a job has moved."""
    write_plain(redis)
    last = 2**64 - 1
    redis.xadd(ORDERS.key("events"), {"event": "x"}, id=f"{last}-{last}")
    with pytest.raises(RedisUnavailableError, match="answered with an error"):
        await run(operator)
    assert misplaced(redis, ORDERS, ["j0", "j1", "j2"]) == {}
    assert redis.zrange(ORDERS.key("failed"), 0, -1) == ["j1", "j2"]
    assert redis.smembers(ORDERS.key("bullhorn:op")) == set()


@pytest.mark.parametrize("missing", ["sadd", "pexpire"])
async def test_without_the_permission_to_remember_nothing_is_moved(
    operator, sources, redis, missing
):
    write_plain(redis)
    redis.acl_setuser(
        "weak", enabled=True, nopass=True, keys=["*"], commands=["+@all", f"-{missing}"]
    )
    client = sources.client(ORDERS)
    try:
        await client.connection_pool.disconnect()
        client.connection_pool.connection_kwargs |= {"username": "weak", "password": "x"}
        with pytest.raises(RedisUnavailableError, match="does not permit"):
            await run(operator)
    finally:
        redis.acl_deluser("weak")
    assert redis.zcard(ORDERS.key("failed")) == 3
    assert redis.exists(ORDERS.key("bullhorn:op"), ORDERS.key("wait")) == 0
