"""What QueueRemover promises, asked of the fake and of the real adapter alike."""

import pytest

from bot.adapters.bullmq_done import BullmqDoneSets
from bot.adapters.bullmq_remover import BullmqRemover
from bot.domain.jobs import ORPHAN, BatchOutcome, FailedRef
from bot.domain.queues import QueueId
from bot.errors import RedisUnavailableError, RefusedError
from tests.support.fake_queues import FakeClock, FakeQueues
from tests.support.fake_remover import FakeRemover
from tests.support.valkey_bullmq import ORDERS, write_failed, write_meta


class Pretend:
    def __init__(self):
        self.queues = self.done = FakeQueues(FakeClock())
        self.queues.down["lost"] = 'Redis "lost" cannot be reached.'
        self.remover = FakeRemover(self.queues)

    def make(self, version="bullmq:5.81.5"):
        self.queues.add(ORDERS).version = version

    def fail(self, *ids):
        for id_ in ids:
            self.queues.add(ORDERS).fail(id_, "WHMCS_ERROR: x", 1000)

    def wait(self, *ids):
        count = len(ids)
        for place, id_ in enumerate(ids):
            self.remover.held[ORDERS, "wait"][id_] = count - 1 - place

    def empty(self, id_):
        self.queues.add(ORDERS).emptied.add(id_)

    def pause(self):
        self.queues.add(ORDERS).paused = True

    def tie(self, id_):
        self.remover.left_out.add(id_)

    def stray(self, id_):
        self.remover.strays[ORDERS].add(id_)


class Real:
    def __init__(self, redis, sources):
        self.redis = redis
        self.remover = BullmqRemover(sources=sources)
        self.done = BullmqDoneSets(sources=sources)

    def make(self, version="bullmq:5.81.5"):
        write_meta(self.redis, ORDERS, version)

    def fail(self, *ids):
        write_failed(self.redis, ORDERS, [(id_, 1000, "WHMCS_ERROR: x", "n") for id_ in ids])

    def wait(self, *ids):
        for id_ in ids:
            self.redis.hset(ORDERS.key(id_), mapping={"name": "n", "data": "{}"})
        self.redis.rpush(ORDERS.key("wait"), *ids)

    def empty(self, id_):
        self.redis.delete(ORDERS.key(id_))

    def pause(self):
        self.redis.hset(ORDERS.key("meta"), "paused", 1)

    def tie(self, id_):
        self.redis.sadd(ORDERS.key(f"{id_}:dependencies"), "bull:orders:child")

    def stray(self, id_):
        write_failed(self.redis, ORDERS, [(id_, 1000, "x", "n")])
        self.redis.zrem(ORDERS.key("failed"), id_)


@pytest.fixture(params=["fake", "real"])
def world(request):
    if request.param == "fake":
        world = Pretend()
    else:
        world = Real(request.getfixturevalue("redis"), request.getfixturevalue("sources"))
    world.make()
    return world


async def selected(world, state, until=None):
    return [ref async for some in world.remover.select(ORDERS, state, until=until) for ref in some]


async def take(world, state, refs, operation="op"):
    kept = [job async for some in world.remover.capture(ORDERS, state, refs) for job in some.jobs]
    return kept, await world.remover.remove(
        ORDERS, state, refs, configured=None, operation=operation
    )


async def test_each_kind_of_job_is_told(world):
    world.fail("a", "b", "c", "d")
    world.empty("b")
    world.tie("c")
    refs = [*await selected(world, "failed"), FailedRef("gone", 1000)]
    changed = [FailedRef("d", 999) if ref.id == "d" else ref for ref in refs]

    seen = [some async for some in world.remover.capture(ORDERS, "failed", changed)]
    kept, outcome = await take(world, "failed", changed)

    assert (sum(s.changed for s in seen), sum(s.vanished for s in seen)) == (2, 1)
    assert sorted(one.id for one in kept) == ["a", "c"]
    assert outcome == BatchOutcome(done=("a",), changed=2, vanished=1, left_out=1)
    _, again = await take(world, "failed", changed)
    assert again == BatchOutcome(already=1, changed=2, vanished=1, left_out=1)


async def test_ids_without_a_job_are_dropped_each_only_as_it_was_shown(world):
    world.fail("a", "b", "c")
    refs = await selected(world, "failed")
    world.empty("b")
    world.empty("c")
    shown = [FailedRef(ref.id, 999) if ref.id == "c" else ref for ref in refs]
    assert await world.remover.without_job(ORDERS, refs) == 2
    assert await world.remover.without_job(ORDERS, []) == 0
    drop = world.remover.drop_ids
    dropped = await drop(ORDERS, "failed", shown, configured=None, operation="op")
    assert dropped == BatchOutcome(done=("b",), changed=2)
    assert await world.done.count(ORDERS, "op") == 1
    assert [ref.id for ref in await selected(world, "failed")] == ["a", "c"]
    assert (await drop(ORDERS, "failed", refs, configured=None)).done == ("c",)
    assert [ref.id for ref in await selected(world, "failed")] == ["a"]
    assert (await drop(ORDERS, "failed", refs, configured=None)).done == ()
    world.pause()
    with pytest.raises(RefusedError, match="paused"):
        await drop(ORDERS, "failed", refs, configured=None)


async def test_an_operation_drops_no_more_ids_than_it_may_in_all(world):
    world.fail("a", "b", "c")
    refs = await selected(world, "failed")
    for id_ in "abc":
        world.empty(id_)
    for some, dropped in ((refs[:1], ("a",)), (refs, ("b",)), (refs, ())):
        outcome = await world.remover.drop_ids(
            ORDERS, "failed", some, configured=None, operation="op", most=2
        )
        assert outcome.done == dropped
    assert [ref.id for ref in await selected(world, "failed")] == ["c"]


async def test_what_was_removed_is_restored_once(world):
    world.fail("a", "b")
    world.wait("x", "y")
    first, _ = await take(world, "failed", await selected(world, "failed"))
    second, _ = await take(world, "wait", await selected(world, "wait"))
    assert await world.remover.in_state(ORDERS, "failed", until=None) == 0
    world.fail("b")

    outcome = await world.remover.restore(
        ORDERS, [*first, *second], configured=None, operation="undo"
    )

    assert (sorted(outcome.done), outcome.changed) == (["a", "x", "y"], 1)
    again = await world.remover.restore(
        ORDERS, [*first, *second], configured=None, operation="undo"
    )
    assert again == BatchOutcome(already=3, changed=1)
    assert await world.remover.in_state(ORDERS, "wait", until=0) == 2
    assert [ref.failed_at for ref in await selected(world, "failed", until=1000)] == [1000, 1000]
    assert await selected(world, "failed", until=999) == []


async def test_nothing_is_removed_into_a_batch_that_is_closed(world):
    world.fail("a", "b")
    first, second = await selected(world, "failed")
    options = {"configured": None, "operation": "op", "batch": "op.1"}
    assert (await world.remover.remove(ORDERS, "failed", [first], **options)).done == (first.id,)
    await world.done.close(ORDERS, "op.1")
    outcome = await world.remover.remove(ORDERS, "failed", [first, second], **options)
    assert outcome == BatchOutcome(already=1, changed=1)
    assert await world.done.contains(ORDERS, "op.1", ["a", "b"]) == {first.id}
    assert await selected(world, "failed") == [second]
    options["batch"] = "op.2"
    assert (await world.remover.remove(ORDERS, "failed", [second], **options)).done == (second.id,)


async def test_no_stray_is_removed_into_a_batch_that_is_closed(world):
    world.stray("a")
    world.stray("b")
    first, second = FailedRef("a", 0), FailedRef("b", 0)
    options = {"configured": None, "operation": "op", "batch": "op.1"}
    assert (await world.remover.remove(ORDERS, ORPHAN, [first], **options)).done == ("a",)
    assert await world.done.contains(ORDERS, "op.1", ["a", "b"]) == {"a"}
    await world.done.close(ORDERS, "op.1")
    outcome = await world.remover.remove(ORDERS, ORPHAN, [second], **options)
    assert outcome == BatchOutcome(changed=1)
    assert [id_ async for ids in world.remover.orphans(ORDERS) for id_ in ids] == ["b"]


@pytest.mark.parametrize(("version", "refused"), [("bullmq:5.81.5", True), ("bullmq:6.7.0", False)])
async def test_the_version_table_is_asked(world, version, refused):
    world.make(version)
    world.fail("a")
    world.pause()
    refs = await selected(world, "failed")
    if not refused:
        assert (await take(world, "failed", refs))[1].done == ("a",)
        return
    with pytest.raises(RefusedError, match="paused"):
        await take(world, "failed", refs)
    with pytest.raises(RefusedError, match="paused"):
        await world.remover.restore(ORDERS, [], configured=None, operation="undo")


async def test_strays_are_found_and_removed_once(world):
    world.fail("a")
    world.stray("b")
    world.stray("c")
    found = [id_ async for ids in world.remover.orphans(ORDERS) for id_ in ids]
    assert sorted(found) == ["b", "c"]
    kept, outcome = await take(world, ORPHAN, [FailedRef("b", 0), FailedRef("gone", 0)])
    assert outcome == BatchOutcome(done=("b",), vanished=1)
    assert [(job.id, job.state, job.score) for job in kept] == [("b", ORPHAN, "0")]
    _, again = await take(world, ORPHAN, [FailedRef("b", 0)])
    assert again == BatchOutcome(already=1)
    options = {"configured": None, "operation": "undo"}
    assert (await world.remover.restore(ORDERS, kept, **options)).done == ("b",)
    assert sorted([id_ async for ids in world.remover.orphans(ORDERS) for id_ in ids]) == ["b", "c"]


async def test_a_queue_is_obliterated_when_it_is_paused(world):
    world.fail(*(f"f{number}" for number in range(30)))
    world.wait("x")
    with pytest.raises(RefusedError, match="not paused"):
        await world.remover.obliterate_step(ORDERS, configured=None)
    world.pause()
    assert await world.remover.obliterate_step(ORDERS, configured=None) == (31, True)
    assert await selected(world, "failed") == []


async def test_a_source_that_is_not_there_is_told(world):
    lost = QueueId("lost", "bull", "orders")
    with pytest.raises(RedisUnavailableError):
        await world.remover.in_state(lost, "failed", until=None)
    with pytest.raises(RedisUnavailableError):
        await world.remover.remove(lost, "failed", [], configured=None, operation="op")
