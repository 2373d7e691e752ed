"""The watch's ticks and folds over fakes: what is committed, by whom, and when nothing may be."""

import pytest

from bot.adapters import keys
from bot.adapters.redis_leadership import RedisLeadership
from bot.adapters.redis_watch_store import RedisWatchStore
from bot.domain.incidents import Happening, Mark, MarkKind, Silence
from bot.domain.policy import Catalog, QueuePolicy, RuleSettings
from bot.domain.queues import QueueId
from bot.domain.sample import Counts
from bot.errors import RedisUnavailableError
from bot.services.watch import TOP_GROUPS, TickResult, Watch
from tests.support.fakes import ORDERS, SIMS, START, FakeQueues, FakeTelemetry

MINUTE = 60_000
AWAY = 'Redis "main" cannot be reached.'


class Tower:
    """A replica that watches: what it sees it remembers in `seen`."""

    def __init__(self, redis, reader, catalog):
        self.seen = []
        self.telemetry = FakeTelemetry()
        self.reader = reader
        self.store = RedisWatchStore(client=redis)
        self.watch = Watch(
            leadership=RedisLeadership(client=redis), store=self.store, reader=reader,
            catalog=catalog, telemetry=self.telemetry, saw=self.seen.append,
        )  # fmt: skip

    async def tick(self, after=0):
        self.reader.clock.forward(after)
        return await self.watch.tick()

    async def incidents(self):
        return (await self.store.load_open()).incidents

    async def incident(self):
        [incident] = (await self.incidents()).values()
        return incident


@pytest.fixture
def build(redis, queues):
    def made(reader=None, **catalog):
        return Tower(redis, reader or queues, Catalog(default=QueuePolicy(), **catalog))

    return made


@pytest.fixture
def tower(build):
    return build()


@pytest.fixture
def orders(queues):
    return queues.add(ORDERS)


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


async def test_with_discovery_off_only_the_queues_of_the_config_are_watched(build, queues, orders):
    queues.add(SIMS)
    tower = build(discover=False, queues={"order-*": QueuePolicy(purpose="orders")})
    await tower.tick()
    assert await tower.store.queues() == {ORDERS}
    assert set((await tower.store.load()).memories) == {ORDERS}


async def test_what_could_be_read_but_not_stored_was_not_seen(tower, orders, redis, monkeypatch):
    await tower.tick()
    tower.seen.clear()

    async def refused(*args, **kwargs):
        raise RedisUnavailableError("Bullhorn's own Redis does not take writes.")

    monkeypatch.setattr(tower.store, "commit", refused)
    with pytest.raises(RedisUnavailableError):
        await tower.tick()
    assert tower.seen == [], "an outage must not end and begin anew with each tick"
