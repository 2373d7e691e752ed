"""What the watch says and keeps while something is away."""

import pytest

from bot.adapters import keys
from bot.adapters.redis_watch_store import RedisWatchStore
from bot.domain.queues import QueueId
from bot.domain.sample import Counts
from bot.errors import RedisUnavailableError
from bot.services.watch import TickResult
from tests.support.fakes import ORDERS, START, FakeQueues
from tests.unit.services.watch.test_watch import MINUTE

AWAY = 'Redis "main" cannot be reached.'


async def test_a_source_that_is_away_changes_nothing_and_is_told(tower, orders, queues):
    orders.counts = Counts(waiting=60)
    await tower.tick()
    before = await tower.store.load()
    queues.down["main"] = AWAY
    assert await tower.tick(after=MINUTE) is TickResult.BLIND
    after = await tower.store.load()
    assert (after.memories, after.incidents) == (before.memories, before.incidents)
    assert tower.seen == [{}, {"main": AWAY}]
    queues.down.clear()
    assert await tower.tick(after=MINUTE) is TickResult.GOOD
    assert tower.seen[-1] == {}
    assert (await tower.incident()).firing


async def test_one_source_away_does_not_stop_the_watch_over_another(build, orders, queues):
    europe = QueueId("europe", "bull", "orders")
    tower = build(prefixes={"main": "bull", "europe": "bull"})
    orders.counts = queues.add(europe).counts = Counts(waiting=60)
    queues.down["europe"] = "Redis does not answer."
    assert await tower.tick() is TickResult.BLIND
    assert (await tower.incident()).queue == ORDERS
    assert set((await tower.store.load()).memories) == {ORDERS}


async def test_a_start_while_a_source_is_away_forgets_nothing_of_it_and_says_so(
    build, redis, clock
):
    europe = QueueId("europe", "bull", "orders")
    prefixes = {"main": "bull", "europe": "bull"}
    before = FakeQueues(clock)
    before.add(europe).counts = Counts(waiting=12)
    await build(before, prefixes=prefixes).tick()
    memory = (await RedisWatchStore(client=redis).cursors())[europe]
    await redis.delete(keys.LEASE)

    after = FakeQueues(clock)  # a new process, which has never heard of that source
    after.down["europe"] = "Redis does not answer."
    tower = build(after, prefixes=prefixes)
    assert await tower.tick(after=MINUTE) is TickResult.BLIND
    assert tower.seen == [{"europe": "Redis does not answer."}]
    assert await tower.store.queues() == {europe}
    assert await tower.store.cursors() == {europe: memory}


async def test_what_fires_in_a_source_that_left_the_config_is_resolved(build, redis, queues):
    europe = QueueId("europe", "bull", "orders")
    queues.add(europe).counts = Counts(waiting=60)
    await build(prefixes={"main": "bull", "europe": "bull"}).tick()
    await redis.delete(keys.LEASE)
    tower = build()
    await tower.tick(after=MINUTE)
    assert not (await tower.incident()).firing
    assert await tower.store.queues() == frozenset()
    assert await tower.store.cursors() == {}


async def test_bullhorns_own_redis_away_is_an_error_and_nobody_leads(tower, redis_server, orders):
    await tower.tick()
    redis_server.connected = False
    with pytest.raises(RedisUnavailableError, match="own Redis"):
        await tower.tick(after=MINUTE)
    assert (tower.watch.lease, tower.telemetry.leads) == (None, False)
    assert tower.watch.led, "what was last known, for whoever speaks of it in Slack"
    redis_server.connected = True


async def test_a_spike_whose_errors_cannot_be_read_fires_without_them(build, clock):
    class Unreadable(FakeQueues):
        async def failures(self, queue, wanted):
            raise RedisUnavailableError(AWAY)

    reader = Unreadable(clock)
    for number in range(9):
        reader.add(ORDERS).fail(str(number), "A_ONE", START)
    tower = build(reader)
    assert await tower.tick() is TickResult.GOOD
    assert (await tower.incident()).facts.groups == ()


async def test_what_could_be_read_but_not_stored_was_not_seen(tower, orders, redis, monkeypatch):
    await tower.tick()
    tower.seen.clear()

    async def refused(*args, **kwargs):
        raise RedisUnavailableError("Bullhorn's own Redis does not take writes.")

    monkeypatch.setattr(tower.store, "commit", refused)
    with pytest.raises(RedisUnavailableError):
        await tower.tick()
    assert tower.seen == [], "an outage must not end and begin anew with each tick"
