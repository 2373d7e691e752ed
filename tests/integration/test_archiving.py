"""Archive and undo, killed at every point or overtaken there: no job is lost, none is doubled."""

import asyncio

import pytest

from bot.adapters.bullmq_guarded import Guarded
from bot.adapters.redis_archive import RedisArchive
from bot.domain.jobs import BatchOutcome, FailedRef
from bot.errors import ArchiveFullError, RedisUnavailableError, RefusedError
from tests.support.archive_world import ALL, REMOVABLE, TIED, Killed, World
from tests.support.bullmq_whole import places, whole
from tests.support.valkey_bullmq import ORDERS, write_failed


@pytest.fixture
def world(redis, raw, sources):
    return World(redis, raw, sources)


async def until_done(run, points, kills):
    """Run again after each kill; gives whether the last kill came before the end."""
    reached = False
    for kill in kills:
        points.reset(kill=kill)
        reached = False
        try:
            await run()
        except Killed:
            reached = True
    points.reset()
    await run()
    return reached


async def test_a_clean_that_is_killed_anywhere_ends_as_if_it_had_not_been(world, points):
    kill, reached = 0, True
    while reached:
        await world.fill()
        points.reset(kill=kill)
        try:
            await world.clean()
            reached = False
        except Killed:
            await world.check_nothing_is_lost()
        points.reset()
        await world.clean()
        await world.check(gone=REMOVABLE)
        assert await world.done.count(ORDERS, "op") == len(REMOVABLE)
        kill += 1
    assert kill > 20, "there are that many points"


async def test_a_clean_that_is_killed_twice(world, points):
    for first in range(2, 24, 2):
        for second in range(1, 24, 4):
            await world.fill()
            await until_done(world.clean, points, (first, second))
            await world.check(gone=REMOVABLE)


async def test_an_undo_that_is_killed_anywhere_ends_as_if_it_had_not_been(world, points):
    kill, reached = 0, True
    while reached:
        await world.fill()
        await world.clean()
        points.reset(kill=kill)
        try:
            await world.undo()
            reached = False
        except Killed:
            await world.check_nothing_is_lost()
        points.reset()
        await world.undo()
        await world.check(gone=set())
        assert whole(world.raw, ORDERS) == world.before
        assert await world.done.count(ORDERS, "undo") == len(REMOVABLE)
        kill += 1
    assert kill > 10


async def test_a_slow_process_that_wakes_when_another_has_done_its_work(world, points):
    """Not killed, but still: until the other, who took it for dead, has ended."""
    hold, reached = 0, True
    while reached:
        await world.fill()
        points.reset(hold=hold)
        slow = asyncio.create_task(world.clean())
        held = asyncio.create_task(points.held.wait())
        await asyncio.wait((slow, held), return_when=asyncio.FIRST_COMPLETED)
        reached, points.hold = points.held.is_set(), -1
        held.cancel()
        await world.clean()
        await world.check_nothing_is_lost()
        points.go_on.set()
        await slow
        await world.check(gone=REMOVABLE)
        hold += 1
    assert hold > 20


async def test_a_slow_process_that_wakes_in_the_middle_of_the_others_work(world, points):
    for first in range(2, 24, 2):
        for later in range(2, 24, 3):
            await world.fill()
            points.reset(hold=first)
            slow = asyncio.create_task(world.clean())
            held = asyncio.create_task(points.held.wait())
            await asyncio.wait((slow, held), return_when=asyncio.FIRST_COMPLETED)
            held.cancel()
            assert points.held.is_set()
            go_on = points.go_on
            points.reset(hold=later)
            other = asyncio.create_task(world.clean())
            held = asyncio.create_task(points.held.wait())
            await asyncio.wait((other, held), return_when=asyncio.FIRST_COMPLETED)
            held.cancel()
            points.hold = -1
            go_on.set()
            await slow
            points.go_on.set()
            await other
            await world.check_nothing_is_lost()
            await world.check(gone=REMOVABLE)


async def test_the_outcome_of_a_batch(world):
    await world.fill()
    refs = await world.refs()
    world.redis.delete(ORDERS.key("j00"))
    world.redis.zadd(ORDERS.key("failed"), {"j01": 5000})
    options = {"archive_id": "op", "configured": None, "operation": "op"}
    await world.archive.begin("op", queue=ORDERS, state="failed", kind="clean", by="U1")

    outcome = await world.archiving.take(ORDERS, "failed", refs, **options)
    again = await world.archiving.take(ORDERS, "failed", refs, **options)

    assert (len(outcome.done), outcome.changed, outcome.vanished, outcome.left_out) == (14, 1, 1, 2)
    assert again == BatchOutcome(already=14, changed=1, vanished=1, left_out=2)
    assert await world.archive.unsettled("op") == []


async def test_a_job_of_the_same_id_that_came_after_is_another(world):
    """It was archived by this operation; one with its id that failed since stays in the queue."""
    await world.fill()
    await world.clean()
    write_failed(world.redis, ORDERS, [("j05", 9000, "new", "n")])
    assert (await world.clean()).already == 1
    assert places(world.raw, ORDERS).keys() == {*TIED, "j05"}
    assert (await world.archived())["j05"] == world.jobs["j05"]
    outcome = await world.undo()
    assert (len(outcome.done), outcome.changed) == (15, 1)
    assert await world.archived() == {"j05": world.jobs["j05"]}, "it can be had still"
    assert (await world.undo()) == BatchOutcome(changed=1)


async def test_a_job_that_fails_again_between_archive_and_removal_stays(world):
    """Its time in `failed` tells: what was archived is the failure before, and leaves it."""
    await world.fill()
    real = world.archive.put

    async def put(*args, **more):
        kept = await real(*args, **more)
        world.redis.zadd(ORDERS.key("failed"), {"j05": 9000})
        return kept

    world.archive.put = put
    options = {"archive_id": "op", "configured": None, "operation": "op"}
    await world.archive.begin("op", queue=ORDERS, state="failed", kind="clean", by="U1")
    outcome = await world.archiving.take(ORDERS, "failed", await world.refs(), **options)
    assert (len(outcome.done), outcome.changed) == (len(REMOVABLE) - 1, 1)
    await world.check(gone=REMOVABLE - {"j05"})
    assert world.redis.zscore(ORDERS.key("failed"), "j05") == 9000


async def test_a_pause_in_between_settles_what_was_begun(world, points):
    """On BullMQ 5: a refusal, with what was done."""
    await world.fill()
    real = points.one
    seen = []

    async def pause():
        seen.append(1)
        if len(seen) == 7:  # between two chunks of the first group's removal
            world.redis.hset(ORDERS.key("meta"), "paused", 1)
        await real()

    points.one = pause
    with pytest.raises(RefusedError, match="paused") as caught:
        await world.clean()
    points.one = real
    done = set(caught.value.done.done)
    assert 0 < len(done) < 8
    await world.check(gone=done)
    world.redis.hdel(ORDERS.key("meta"), "paused")
    await world.undo()
    assert whole(world.raw, ORDERS) == world.before


async def test_a_refusal_while_it_is_resumed_settles_too(world, points):
    await world.fill()
    points.reset(kill=5)
    with pytest.raises(Killed):
        await world.clean()
    assert await world.archive.unsettled("op") != []
    points.reset()
    world.redis.hset(ORDERS.key("meta"), "paused", 1)
    with pytest.raises(RefusedError, match="paused"):
        await world.clean()
    gone = set(ALL - places(world.raw, ORDERS).keys())
    await world.check(gone=gone)
    world.redis.hset(ORDERS.key("meta"), "paused", 1)
    with pytest.raises(RefusedError, match="paused"):
        await world.undo()
    await world.check(gone=gone)


async def test_what_does_not_fit_stays_in_the_queue(world, points, sources):
    await world.fill()
    world.archive._cap = 500
    with pytest.raises(ArchiveFullError) as caught:
        await world.clean()
    done = set(caught.value.done.done)
    assert 0 < len(done) < len(REMOVABLE)
    await world.check(gone=done)


async def test_an_answer_that_is_lost_leaves_the_batch_to_the_next_run(world, points, monkeypatch):
    await world.fill()
    real, calls = Guarded.run, []

    async def lose(self, *args):
        answer = await real(self, *args)
        calls.append(1)
        if len(calls) == 2:
            raise RedisUnavailableError("gone")
        return answer

    monkeypatch.setattr(Guarded, "run", lose)
    with pytest.raises(RedisUnavailableError) as caught:
        await world.clean()
    assert isinstance(caught.value.done, BatchOutcome)
    assert len(await world.archive.unsettled("op")) == 1
    await world.check_nothing_is_lost()
    await world.clean()
    await world.check(gone=REMOVABLE)


async def test_an_archive_that_expires_is_off_the_books(world, sources):
    await world.fill()
    brief = RedisArchive(client=sources.client("main"), kept=60_000)
    await brief.begin("op", queue=ORDERS, state="failed", kind="clean", by="U1")
    await brief.put("op", list(world.jobs.values()))
    full = await brief.room()
    names = world.redis.keys("{bullhorn}:archive:*")
    assert len(names) == 3
    assert all(0 < world.redis.pttl(key) <= 60_000 for key in names)
    world.redis.zadd("{bullhorn}:archives", {"op": 1})  # as if its time had come
    assert await brief.room() > full
    assert await brief.info("op") is None
    assert world.redis.keys("{bullhorn}:archive:*") == []


async def test_a_batch_of_another_state(world):
    await world.fill()
    world.redis.rpush(ORDERS.key("wait"), "w1", "w2", "w3")
    for id_ in ("w1", "w2", "w3"):
        world.redis.hset(ORDERS.key(id_), mapping={"name": "n", "data": "{}"})
    before = whole(world.raw, ORDERS)
    refs = [FailedRef(id_, 0) for id_ in ("w1", "w2", "w3")]
    options = {"archive_id": "op", "configured": None, "operation": "op"}
    await world.archive.begin("op", queue=ORDERS, state="", kind="drain", by="U1")
    outcome = await world.archiving.take(ORDERS, "wait", refs, **options)
    assert outcome.done == ("w1", "w2", "w3")
    await world.undo()
    assert whole(world.raw, ORDERS) == before
