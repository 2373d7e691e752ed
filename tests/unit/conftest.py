import fakeredis
import pytest

from tests.support.fakes import ORDERS, SIMS, START, FakeClock, FakeMessenger, FakeQueues
from tests.support.toolbox import build_office


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def queues(clock):
    return FakeQueues(clock)


@pytest.fixture
def messenger(clock):
    return FakeMessenger(clock)


@pytest.fixture
def redis_server():
    """What stands behind `redis`; its `connected` may be set to False."""
    return fakeredis.FakeServer()


@pytest.fixture
async def redis(redis_server):
    client = fakeredis.FakeAsyncRedis(server=redis_server, decode_responses=True)
    yield client
    await client.aclose()


@pytest.fixture
async def office(redis, queues, messenger):
    """Two queues that the leader knows: five failures of two kinds in one, nothing in the other."""
    orders = queues.add(ORDERS)
    for number in range(3):
        orders.fail(f"w{number}", "WHMCS_ERROR: connect ETIMEDOUT", START - 60_000 + number)
    for number in range(2):
        orders.fail(f"m{number}", f"MAPPING_ERROR: no mapping of {number}", START - 30_000 + number)
    queues.add(SIMS)
    office = build_office(redis=redis, queues=queues, messenger=messenger)
    await office.tick()
    return office
