"""A process that stood still, and wakes when another has given up its batch or lost the archive."""

import asyncio
from contextlib import suppress

import pytest

from bot.adapters.bullmq_done import BullmqDoneSets
from bot.adapters.bullmq_remover import BullmqRemover
from bot.domain.archives import back_set
from bot.domain.jobs import BatchOutcome
from bot.domain.times import DAY
from bot.errors import RefusedError
from tests.support.archive_world import ALL, JOBS, REMOVABLE, Killed, World
from tests.support.bullmq_whole import places, whole
from tests.support.valkey_bullmq import ORDERS

PAUSED = ("hset", ORDERS.key("meta"), "paused", 1)
RESUMED = ("hdel", ORDERS.key("meta"), "paused")


@pytest.fixture
def world(redis, raw, sources):
    return World(redis, raw, sources)


def set_paused(world, paused):
    call, *args = PAUSED if paused else RESUMED
    getattr(world.redis, call)(*args)


def hold_all(world, held):
    """A worker has them: they are left out."""
    for id_ in ALL:
        if held:
            world.redis.set(ORDERS.key(f"{id_}:lock"), "token")
        else:
            world.redis.delete(ORDERS.key(f"{id_}:lock"))


async def stand_still(world, points, hold):
    """A clean that stands still at that point; None where it ends before."""
    await world.fill()
    points.reset(hold=hold)
    slow = asyncio.create_task(world.clean())
    held = asyncio.create_task(points.held.wait())
    await asyncio.wait((slow, held), return_when=asyncio.FIRST_COMPLETED)
    points.hold = -1
    if not points.held.is_set():
        held.cancel()
        await slow
        return None
    return slow


@pytest.mark.parametrize("hinder", [set_paused, hold_all])
async def test_what_another_has_given_up_is_not_removed_later(world, points, hinder):
    """The other may not remove it (a pause, locks), and settles the batch without it."""
    hold = 0
    while slow := await stand_still(world, points, hold):
        hinder(world, True)
        with suppress(RefusedError):
            await world.clean()
        hinder(world, False)
        points.go_on.set()
        await slow
        await world.check_nothing_is_lost()
        await world.clean()
        await world.check(gone=REMOVABLE)
        hold += 1
    assert hold > 20


async def test_an_undo_gives_up_what_a_slow_clean_has_begun(world, points):
    """It finishes the batch under its own name; the clean must not take what came back."""
    slow = await stand_still(world, points, 4)  # before it removes
    hold_all(world, True)
    await world.archiving.resume(ORDERS, archive_id="op", configured=None, operation="undo.finish")
    hold_all(world, False)
    await world.undo()
    points.go_on.set()
    await slow
    assert {f"j{number:02}" for number in range(8)} <= places(world.raw, ORDERS).keys()
    await world.check_nothing_is_lost()
    await world.clean()
    await world.check(gone=REMOVABLE)


async def test_what_a_crash_left_is_counted_when_the_done_set_is_gone(world, points):
    await world.fill()
    points.reset(kill=8)  # before it is settled
    with pytest.raises(Killed):
        await world.clean()
    points.reset()
    removed = ALL - places(world.raw, ORDERS).keys()
    assert removed
    world.redis.delete(ORDERS.key("bullhorn:op"))
    options = {"archive_id": "op", "configured": None, "operation": "op"}
    outcome = await world.archiving.resume(ORDERS, **options)
    assert removed <= set(outcome.done)
    assert len(outcome.done) == len(set(outcome.done))
    assert outcome == BatchOutcome(done=outcome.done)
    assert await world.done.count(ORDERS, "op") == len(outcome.done)
    await world.clean()
    await world.check(gone=REMOVABLE)


async def lose_after_put(world, monkeypatch, lost):
    """A failover takes back what the first put wrote, or all of it."""
    real, calls = world.archive.put, []

    async def put(archive_id, jobs, *, replaces=None):
        keys = list(world.raw.scan_iter("{bullhorn}:archive*"))
        before = {key: world.raw.dump(key) for key in keys}
        kept = await real(archive_id, jobs, replaces=replaces)
        if not calls:
            world.raw.delete(*world.raw.scan_iter("{bullhorn}:archive*"))
            for key, value in before.items() if lost == "batch" else ():
                world.raw.restore(key, 0, value)
        calls.append(kept)
        return kept

    monkeypatch.setattr(world.archive, "put", put)
    refs = await world.refs()
    options = {"archive_id": "op", "configured": None, "operation": "op"}
    await begin(world)
    return await world.archiving.take(
        ORDERS, "failed", refs, reopen=lambda: begin(world), **options
    )


async def begin(world):
    await world.archive.begin("op", queue=ORDERS, state="failed", kind="clean", by="U1")


@pytest.mark.parametrize("lost", ["batch", "archive"])
async def test_what_the_archive_has_lost_is_archived_anew_and_told(
    world, points, monkeypatch, lost
):
    await world.fill()
    with pytest.raises(RefusedError, match=r"has lost the last 7 jobs .* archived anew") as caught:
        await lose_after_put(world, monkeypatch, lost)
    await world.check_nothing_is_lost()
    assert len(caught.value.done.done) == 7
    await world.check(gone=set(caught.value.done.done))
    await world.undo()
    assert whole(world.raw, ORDERS) == world.before


async def test_what_cannot_be_archived_anew_is_told(world, points, monkeypatch):
    await world.fill()
    real = world.archive.put

    async def put(*args, **options):
        kept = await real(*args, **options)
        world.raw.delete(*world.raw.scan_iter("{bullhorn}:archive*"))
        return kept

    monkeypatch.setattr(world.archive, "put", put)
    with pytest.raises(RefusedError, match="cannot be brought back") as caught:
        await world.clean()
    assert len(caught.value.done.done) == 7, "it stopped at once"
    assert len(places(world.raw, ORDERS)) == JOBS - 7


async def test_it_is_known_for_as_long_as_it_matters(world, redis, sources):
    """What an operation did: as long as its plan. What left or came back: as its archive."""
    kept = {"archives_kept": 30 * DAY}
    world.remover = BullmqRemover(sources=sources, **kept)
    world.done = BullmqDoneSets(sources=sources, **kept)
    await world.fill()
    refs = await world.refs()
    jobs = await world.capture(refs)
    options = {"configured": None, "operation": "op"}
    await world.remover.remove(ORDERS, "failed", refs, batch="op.1", **options)
    await world.done.close(ORDERS, "op.1")
    await world.remover.restore(ORDERS, jobs, archive="op", **{**options, "operation": "undo"})
    await world.done.remember(ORDERS, "other", ["j01"])

    days = {
        name: round(redis.pttl(ORDERS.key(f"bullhorn:{name}")) / DAY, 2)
        for name in ("op", "undo", "other", "op.1", "op.1:closed", "back-op")
    }
    assert days == {
        "op": 8, "undo": 8, "other": 8, "op.1": 31, "op.1:closed": 31, "back-op": 31
    }  # fmt: skip


async def test_what_came_back_is_known_for_longer_where_its_archive_is_made_to_last(world, redis):
    await world.done.remember(ORDERS, back_set("op"), ["j01"])
    redis.pexpire(ORDERS.key("bullhorn:back-op"), 1000)
    await world.done.prolong(ORDERS, back_set("op"))
    assert redis.pttl(ORDERS.key("bullhorn:back-op")) > 7.9 * DAY
    await world.done.prolong(ORDERS, back_set("other"))
    assert not redis.exists(ORDERS.key("bullhorn:back-other"))
