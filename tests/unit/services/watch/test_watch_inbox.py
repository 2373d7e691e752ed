"""What people did in between: folded in, with a look at the queues and without."""

import pytest

from bot.adapters import keys
from bot.domain.incidents import Happening, Mark, MarkKind, Silence
from bot.domain.sample import Counts
from tests.support.fakes import ORDERS, START
from tests.unit.services.watch.test_watch import MINUTE


async def test_a_fold_takes_the_inbox_without_a_look_at_the_queues(tower, orders):
    orders.counts = Counts(waiting=60)
    await tower.tick()
    await tower.store.mark(Mark(kind=MarkKind.ACKNOWLEDGE, by="UBOB", at=START, number=1))
    await tower.store.mark(Mark(kind=MarkKind.NOTE, by="UBOB", at=START, queue=ORDERS, text="hi"))
    await tower.watch.fold()
    incident = await tower.incident()
    assert incident.acknowledged.by == "UBOB"
    assert [entry.what for entry in incident.timeline] == [
        Happening.FIRED, Happening.ACKNOWLEDGED, Happening.NOTE,
    ]  # fmt: skip
    assert (await tower.store.load_open()).inbox == ()
    assert len(tower.telemetry.rounds) == 1


async def test_a_tick_takes_the_inbox_too(tower, orders):
    orders.counts = Counts(waiting=60)
    await tower.tick()
    await tower.store.mark(Mark(kind=MarkKind.ACKNOWLEDGE, by="UBOB", at=START, number=1))
    await tower.tick(after=MINUTE)
    assert (await tower.incident()).acknowledged
    assert (await tower.store.load_open()).inbox == ()


async def test_a_mark_that_cannot_be_read_is_taken_and_hurts_nothing(tower, orders, redis):
    orders.counts = Counts(waiting=60)
    await tower.tick()
    await redis.rpush(keys.INBOX, "no json")
    await tower.store.mark(Mark(kind=MarkKind.ACKNOWLEDGE, by="UBOB", at=START, number=1))
    await tower.watch.fold()
    assert (await tower.incident()).acknowledged
    assert await redis.llen(keys.INBOX) == 0


async def test_a_replica_that_does_not_lead_folds_nothing(tower, build, orders):
    await tower.tick()
    second = build()
    await second.tick()
    await tower.store.mark(Mark(kind=MarkKind.ACKNOWLEDGE, by="UBOB", at=START, number=1))
    await second.watch.fold()
    assert len((await tower.store.load_open()).inbox) == 1


def silence(name, until, queue="order-provisioning"):
    return Silence(id=name, queue=queue, rule=None, until=until, by="UBOB", at=START)


@pytest.mark.parametrize("way", ["fold", "tick"])
async def test_a_silence_is_dropped_when_its_time_is_over(tower, orders, way):
    orders.counts = Counts(waiting=60)
    await tower.tick()
    await tower.store.add_silence(silence("short", START + MINUTE))
    await tower.store.add_silence(silence("long", START + 9 * MINUTE, queue="another"))
    await tower.watch.fold()
    assert (await tower.incident()).silenced_by == "short"
    tower.reader.clock.forward(MINUTE)
    await (tower.watch.fold() if way == "fold" else tower.watch.tick())
    assert (await tower.incident()).silenced_by is None
    assert set((await tower.store.load_open()).silences) == {"long"}


async def test_a_new_incident_of_a_silenced_queue_is_silenced_from_the_start(tower, orders):
    await tower.store.add_silence(silence("quiet", START + MINUTE))
    orders.counts = Counts(waiting=60)
    await tower.tick()
    assert (await tower.incident()).silenced_by == "quiet"
