"""A hall of real queues, and a client that decodes nothing."""

import pytest
from redis import Redis

from bot.domain.access import AccessPolicy
from tests.integration.hostile.hall import Hall, Queues
from tests.support.fakes import FakeMessenger
from tests.support.toolbox import BOB, VERA, build_office


@pytest.fixture
def raw(valkey):
    with Redis(host=valkey.host, port=valkey.port) as client:
        yield client


@pytest.fixture
async def hall(reader, operator, sources):
    policy = AccessPolicy(viewers=frozenset({VERA.user}), operators=frozenset({BOB.user}))
    queues = Queues(reader, operator)
    office = build_office(
        redis=sources.client("main"), queues=queues, messenger=FakeMessenger(queues.clock),
        access=policy,
    )  # fmt: skip
    return Hall(office)
