"""Towers over one Redis and one set of queues."""

import pytest

from bot.domain.policy import Catalog, QueuePolicy
from tests.support.fakes import ORDERS
from tests.unit.services.watch.tower import Tower


@pytest.fixture
def build(redis, queues):
    def made(reader=None, put_backs=None, **catalog):
        looked_up = Catalog(default=QueuePolicy(), **catalog)
        return Tower(redis, reader or queues, looked_up, put_backs)

    return made


@pytest.fixture
def tower(build):
    return build()


@pytest.fixture
def orders(queues):
    return queues.add(ORDERS)
