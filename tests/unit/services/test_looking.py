"""Looking at queues for `status`: what is shared, for how long, and what is asked of Redis."""

import asyncio

import pytest

from bot.domain.health import Level
from bot.domain.queues import QueueId
from bot.domain.sample import Counts
from bot.errors import RedisUnavailableError
from bot.services.looking import FRESH, IN_FULL, RECENT
from tests.support.fakes import ORDERS, SIMS
from tests.support.toolbox import VERA, build_office


@pytest.fixture
def rounds(queues, monkeypatch):
    """The requests of each round of samples, which takes some turns of the loop."""
    asked, sample = [], queues.sample

    async def counted(requests):
        asked.append(list(requests))
        for _ in range(5):
            await asyncio.sleep(0)
        return await sample(requests)

    monkeypatch.setattr(queues, "sample", counted)
    return asked


@pytest.fixture
async def small(queues, redis, messenger, rounds):
    queues.add(ORDERS)
    queues.add(SIMS)
    office = build_office(redis=redis, queues=queues, messenger=messenger)
    await office.tick()
    rounds.clear()
    return office


@pytest.fixture
async def large(queues, redis, messenger, rounds):
    """30 queues, of which the first three are in a bad way."""
    for number in range(30):
        queue = queues.add(QueueId("main", "bull", f"q{number:02}"))
        queue.counts = Counts(waiting=100_000 if number < 3 else 0)
    office = build_office(redis=redis, queues=queues, messenger=messenger)
    await office.tick()
    rounds.clear()
    return office


async def test_all_who_ask_at_the_same_time_share_one_round(small, rounds):
    answers = await asyncio.gather(*(small.said("status", VERA) for _ in range(50)))
    assert len(rounds) == 1
    assert len(set(answers)) == 1
    assert "2 queues" in answers[0]


async def test_a_round_is_kept_for_a_moment_only(small, rounds, queues, clock):
    await small.ask("status")
    queues.queues[ORDERS].counts = Counts(waiting=33)
    clock.forward(int(FRESH * 1000) - 1)
    assert "33" not in await small.said("status")
    assert len(rounds) == 1
    clock.forward(1)
    assert "33" in await small.said("status")
    assert len(rounds) == 2


async def test_one_queue_is_looked_at_anew_and_alone(small, rounds, queues):
    await small.ask("status")
    queues.queues[ORDERS].counts = Counts(waiting=33)
    assert "33" in await small.said("status order-provisioning")
    assert [one.queue for one in rounds[-1]] == [ORDERS]


async def test_an_error_is_told_to_all_who_wait_and_not_kept(small, redis_server):
    overview = small.toolbox.looking.overview
    redis_server.connected = False
    told = await asyncio.gather(*(overview() for _ in range(3)), return_exceptions=True)
    assert {type(one) for one in told} == {RedisUnavailableError}
    redis_server.connected = True
    assert len((await overview()).healths) == 2


async def test_a_round_that_could_not_see_a_source_is_not_kept(small, queues):
    queues.down["main"] = 'Redis "main" cannot be reached.'
    assert "cannot be reached" in await small.said("status")
    queues.down.clear()
    assert "2 queues" in await small.said("status")


async def test_who_gives_up_does_not_take_it_from_the_others(small, rounds):
    overview = small.toolbox.looking.overview
    first, second = asyncio.create_task(overview()), asyncio.create_task(overview())
    await asyncio.sleep(0)
    first.cancel()
    assert len((await second).healths) == 2
    assert first.cancelled()
    assert len(rounds) == 1


async def test_what_people_did_to_an_alert_shows_at_once(large):
    assert "acknowledged" not in await large.said("status")
    await large.ask("ack 1")
    assert "acknowledged" in await large.said("status")


async def test_no_event_is_read_again(small, rounds):
    cursors = {queue: one.cursor for queue, one in (await small.toolbox.store.cursors()).items()}
    assert set(cursors) == {ORDERS, SIMS}
    await small.ask("status")
    await small.ask("status order-provisioning")
    asked = [one for requests in rounds for one in requests]
    assert [one.cursor for one in asked] == [cursors[one.queue] for one in asked]


async def test_processing_times_of_few_queues_are_taken_at_once(small, rounds):
    await small.ask("status")
    assert [[one.recent for one in requests] for requests in rounds] == [[RECENT, RECENT]]


async def test_processing_times_of_many_queues_are_taken_where_attention_is_needed(large, rounds):
    look = await large.toolbox.looking.overview()
    first, second = rounds
    assert (len(first), {one.recent for one in first}) == (30, {0})
    bad = {"q00", "q01", "q02"}
    assert ({one.queue.name for one in second}, {one.recent for one in second}) == (bad, {RECENT})
    assert {one.queue.name for one in look.healths if one.level is Level.CRITICAL} == bad
    assert len(look.healths) == 30


async def test_they_are_taken_of_no_more_queues_than_are_shown_in_full(large, queues, rounds):
    for queue in queues.queues.values():
        queue.counts = Counts(waiting=100_000)
    await large.ask("status")
    assert [len(requests) for requests in rounds] == [30, IN_FULL]
