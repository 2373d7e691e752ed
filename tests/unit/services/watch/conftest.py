"""Towers over one Redis and one set of queues."""

import pytest

from bot.domain.policy import Catalog, QueuePolicy
from tests.support.fakes import ORDERS
from tests.unit.services.watch.tower import Tower


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
