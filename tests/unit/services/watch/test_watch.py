"""The watch's ticks over fakes: what is committed, by whom, and when nothing may be."""

from bot.adapters import keys
from bot.adapters.redis_leadership import RedisLeadership
from bot.domain.policy import Catalog, QueuePolicy, RuleSettings
from bot.domain.sample import Counts
from bot.services.watch import TOP_GROUPS, TickResult
from tests.support.fakes import ORDERS, SIMS, START, FakeQueues
from tests.unit.services.watch.tower import Tower

MINUTE = 60_000


async def test_a_tick_commits_what_it_saw(tower, orders, queues):
    queues.add(SIMS)
    orders.counts = Counts(waiting=12)
    assert await tower.tick() is TickResult.GOOD
    state = await tower.store.load()
    assert set(state.memories) == await tower.store.queues() == {ORDERS, SIMS}
    assert state.memories[ORDERS].backlog == 12
    assert (state.incidents, state.ticked_at) == ({}, START)
    assert tower.watch.ticked
    assert tower.seen == [{}]
    assert set(tower.telemetry.rounds[0].samples) == {ORDERS, SIMS}


async def test_an_alert_fires_when_it_has_held_for_long_enough_and_ends(tower, orders):
    orders.counts = Counts(waiting=12)
    for _ in range(5):
        await tower.tick(after=MINUTE)
    assert await tower.incidents() == {}
    await tower.tick(after=MINUTE)
    incident = await tower.incident()
    assert (incident.number, incident.rule, incident.value) == (1, "backlog", 12)
    assert incident.began_at == START + MINUTE
    assert [i.number for i in tower.telemetry.open] == [1]
    orders.counts = Counts()
    await tower.tick(after=MINUTE)
    assert not (await tower.incident()).firing
    assert tower.telemetry.open == ()


async def test_each_incident_gets_a_number_of_its_own(tower, orders, queues):
    orders.counts = queues.add(SIMS).counts = Counts(waiting=60)
    await tower.tick()
    orders.counts = Counts()
    await tower.tick(after=MINUTE)
    orders.counts = Counts(waiting=60)
    await tower.tick(after=MINUTE)
    found = await tower.incidents()
    assert {number: incident.queue for number, incident in found.items()} == {
        1: ORDERS, 2: SIMS, 3: ORDERS,
    }  # fmt: skip


async def test_pending_time_survives_a_change_of_leader(tower, build, redis, orders):
    orders.counts = Counts(waiting=12)
    for _ in range(4):
        await tower.tick(after=MINUTE)
    await redis.delete(keys.LEASE)
    second = build()
    await second.tick(after=MINUTE)
    await second.tick(after=MINUTE)
    assert (await second.incident()).began_at == START + MINUTE


async def test_of_two_replicas_one_looks_and_the_other_waits(tower, build, orders):
    orders.counts = Counts(waiting=60)
    second = build()
    assert await tower.tick() is TickResult.GOOD
    assert await second.tick(after=MINUTE) is TickResult.FOLLOWING
    assert (second.watch.lease, second.watch.led, second.watch.ticked) == (None, False, True)
    assert second.seen == [{}], "who does not look cannot say that something cannot be seen"
    assert (second.telemetry.leads, second.telemetry.rounds) == (False, [])
    assert (await tower.store.load()).ticked_at == START


async def test_a_leader_that_was_overtaken_while_it_looked_writes_nothing(build, redis, clock):
    class Overtaken(FakeQueues):
        async def sample(self, requests):
            await redis.delete(keys.LEASE)
            await RedisLeadership(client=redis).hold()
            return await super().sample(requests)

    reader = Overtaken(clock)
    reader.add(ORDERS).counts = Counts(waiting=60)
    tower = build(reader)
    assert await tower.tick() is TickResult.FOLLOWING
    assert tower.watch.lease is None
    state = await tower.store.load()
    assert (state.memories, state.incidents, state.ticked_at) == ({}, {}, None)


async def test_what_a_queue_had_is_resolved_when_it_is_gone_and_it_is_forgotten(
    tower, orders, queues
):
    queues.add(SIMS)
    orders.counts = Counts(waiting=60)
    await tower.tick()
    del queues.queues[ORDERS]
    await tower.tick(after=MINUTE)
    incident = await tower.incident()
    assert (incident.firing, incident.resolved_at) == (False, START + MINUTE)
    assert set((await tower.store.load()).memories) == await tower.store.queues() == {SIMS}
    await tower.tick(after=MINUTE)
    assert set((await tower.store.load()).memories) == {SIMS}


async def test_a_memory_in_which_nothing_changed_is_not_written_again(tower, orders, redis):
    await tower.tick()
    await redis.hset(keys.WATCH, str(ORDERS), '{"cursor": "0-0", "evaluated_at": 5}')
    await tower.tick(after=MINUTE)
    assert (await tower.store.cursors())[ORDERS].evaluated_at == 5, "it would have been replaced"
    orders.counts = Counts(waiting=1)
    await tower.tick(after=MINUTE)
    assert (await tower.store.cursors())[ORDERS].evaluated_at == START + 2 * MINUTE


async def test_a_failure_spike_names_its_most_frequent_errors(tower, orders):
    reasons = ["A_ONE"] * 2 + ["B_TWO"] * 4 + ["C_THREE"] * 3 + ["D_FOUR"]
    for number, reason in enumerate(reasons):
        orders.fail(str(number), reason, START - number)
    orders.fail("old", "D_FOUR: hours ago, and so not of this spike", START - 180 * MINUTE)
    await tower.tick()
    incident = await tower.incident()
    assert (incident.rule, incident.value) == ("failure_spike", 10)
    groups = [(group.code, group.count) for group in incident.facts.groups]
    assert groups == [("B_TWO", 4), ("C_THREE", 3), ("A_ONE", 2)]
    assert len(groups) == TOP_GROUPS


async def test_a_spike_is_counted_over_the_queues_own_window(redis, queues, orders):
    rules = {"failure_spike": RuleSettings(above=1, within=MINUTE)}
    tower = Tower(redis, queues, Catalog(default=QueuePolicy(rules=rules)))
    orders.fail("new", "A_ONE", START)
    orders.fail("old", "A_ONE", START - 2 * MINUTE)
    await tower.tick()
    assert await tower.incidents() == {}
    orders.fail("newer", "A_ONE", START)
    await tower.tick(after=1000)
    assert (await tower.incident()).value == 2


async def test_with_discovery_off_only_the_queues_of_the_config_are_watched(build, queues, orders):
    queues.add(SIMS)
    tower = build(discover=False, queues={"order-*": QueuePolicy(purpose="orders")})
    await tower.tick()
    assert await tower.store.queues() == {ORDERS}
    assert set((await tower.store.load()).memories) == {ORDERS}
