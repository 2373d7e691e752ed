"""From what a person typed to a queue."""

import pytest

from bot.adapters.redis_leadership import RedisLeadership
from bot.adapters.redis_watch_store import RedisWatchStore
from bot.domain.policy import Catalog, QueuePolicy
from bot.domain.queues import QueueId
from bot.domain.state import WatchChanges
from bot.errors import RedisUnavailableError, UnknownQueueError
from bot.services.finder import QueueFinder
from tests.support.fakes import ORDERS, SIMS

EUROPE = QueueId("europe", "bull", "order-provisioning")
NAMED = {"order-provisioning": QueuePolicy(), "invoices": QueuePolicy(), "sim-*": QueuePolicy()}


@pytest.fixture
def finder(redis):
    async def made(*seen, sources=("main",)):
        store = RedisWatchStore(client=redis)
        lease = await RedisLeadership(client=redis, token="t").hold()
        await store.commit(lease, WatchChanges(queues=frozenset(seen)))
        catalog = Catalog(
            default=QueuePolicy(), queues=NAMED, prefixes=dict.fromkeys(sources, "bull")
        )
        return QueueFinder(store=store, catalog=catalog)

    return made


async def test_a_queue_is_found_by_its_name_or_with_its_source(finder):
    one = await finder(ORDERS, SIMS)
    assert await one.find("order-provisioning") == ORDERS
    assert await one.find("main/sim-management") == SIMS
    assert await one.seen() == {ORDERS, SIMS}


async def test_the_same_name_in_two_sources_must_be_told_apart(finder):
    two = await finder(ORDERS, EUROPE, SIMS, sources=("main", "europe"))
    with pytest.raises(
        UnknownQueueError, match="europe/order-provisioning, main/order-provisioning"
    ):
        await two.find("order-provisioning")
    assert await two.find("europe/order-provisioning") == EUROPE
    assert await two.find("sim-management") == SIMS


async def test_what_is_only_in_the_config_is_not_seen_yet(finder):
    one = await finder(ORDERS)
    assert await one.not_seen() == ("invoices",), "a pattern is no queue"
    with pytest.raises(UnknownQueueError, match="invoices is in the config, but not in Redis yet"):
        await one.find("invoices")


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("order-provisionin", "Did you mean order-provisioning"),
        ("invoice", "Did you mean invoices"),
        ("zzz", "Try `status` for all 3 of them"),
        ("", "Try `status`"),
    ],
)
async def test_an_unknown_name_gets_the_nearest_or_a_way_on(finder, typed, told):
    one = await finder(ORDERS, SIMS)
    with pytest.raises(UnknownQueueError) as caught:
        await one.find(typed)
    assert told in str(caught.value)


async def test_with_several_sources_the_nearest_is_named_with_its_source(finder):
    two = await finder(SIMS, EUROPE, sources=("main", "europe"))
    with pytest.raises(UnknownQueueError, match="Did you mean main/sim-management"):
        await two.find("main/sim-managment")


async def test_while_redis_is_away_no_name_is_called_unknown(finder, redis_server):
    one = await finder(ORDERS)
    redis_server.connected = False
    with pytest.raises(RedisUnavailableError):
        await one.find("order-provisioning")
