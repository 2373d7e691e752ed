import fakeredis
import pytest

from tests.support.fakes import FakeClock, FakeMessenger, FakeQueues


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
async def redis():
    client = fakeredis.FakeAsyncRedis(decode_responses=True)
    yield client
    await client.aclose()
