"""A real primary with its replica and a Sentinel: the bot's clients follow the primary."""

import asyncio

import pytest

from bot.adapters.redis_plan_store import RedisPlanStore
from bot.adapters.sources import connect
from bot.domain.queues import QueueId
from bot.errors import BullhornError, RedisUnavailableError
from tests.support.redis_story import NAME, do, failed, look, office_at, tell, tick, write_story
from tests.support.valkey_sentinel import PASSWORD, SENTINEL_PASSWORD, SERVICE, watched

QUEUE = QueueId("main", "bull", NAME)


@pytest.fixture
def servers():
    with watched() as servers:
        with servers.primary.client() as client:
            write_story(client, QUEUE)
            client.wait(1, 5000)
        yield servers


def office_behind(servers):
    return office_at(servers.url, {"main": (servers.url, "bull")})


async def test_a_failover_is_followed_when_the_primary_dies(servers):
    async with office_behind(servers) as office:
        await look(office, QUEUE)
        await office.ask(f"retry {NAME} 0")
        with servers.primary.client() as client:
            client.wait(1, 5000)

        await asyncio.to_thread(servers.kill_primary)

        await good_tick(office, within=10)
        assert "0" not in await failed(office, QUEUE)  # what was done before is not done again
        assert [entry.action for entry in await office.history()] == ["retry"]
        await office.ask(f"retry {NAME} 1")
        assert {"0", "1"} & await failed(office, QUEUE) == set()
        with servers.primary.client() as client:
            assert client.llen(QUEUE.key("wait")) == 3
        await do(office, f"promote {NAME} --all")


async def good_tick(office, *, within):
    """The bot ticks on; what it cannot do meanwhile it says, and nothing has to be restarted."""
    async with asyncio.timeout(within):
        while True:
            try:
                await tick(office)
            except (BullhornError, AssertionError):
                await asyncio.sleep(0.05)
            else:
                return


async def test_when_the_roles_change_the_story_goes_on(servers):
    """Both servers are well; the old primary is a replica now, and closes its connections."""
    async with office_behind(servers) as office:
        await tick(office)
        await asyncio.to_thread(servers.fail_over)
        await good_tick(office, within=10)
        await tell(office, QUEUE)


async def test_a_replica_that_was_the_primary_is_left_at_once(servers):
    """Its connections still stand: the first write is refused, and goes to the new primary."""
    client = connect("REDIS_URL", servers.url)
    await client.set("{bullhorn}:x", "before")
    pool = client.connection_pool
    old = next(server for server in servers.servers if server is not servers.primary)
    stale = pool.make_connection()
    stale.host, stale.port = old.host, old.port
    pool.whereabouts, real = _to(old), pool.whereabouts
    await stale.connect()
    pool._available_connections.append(stale)
    pool.whereabouts = real

    await client.set("{bullhorn}:x", "after")

    assert await client.get("{bullhorn}:x") == "after"
    await client.aclose()


def _to(server):
    async def whereabouts():
        return server.host, server.port

    return whereabouts


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ((SERVICE, "elsewhere"), "a service that its Sentinels do not know"),
        ((SENTINEL_PASSWORD, "hunter2"), "refuses the login"),
        ((f":{PASSWORD}@", ":hunter2@"), "refuses the login"),
    ],
)
async def test_what_is_wrong_is_told(servers, wrong, told):
    client = connect("REDIS_URL", servers.url.replace(*wrong))
    with pytest.raises(RedisUnavailableError, match=told) as caught:
        await RedisPlanStore(client=client).get("x")
    assert "hunter2" not in str(caught.value)
    await client.aclose()
