"""A retry through Salesforce over fakes; time goes by only where it pauses."""

import pytest

from bot.services.salesforce_retry import SalesforceRetry
from tests.support.fake_salesforce import FakeSalesforce
from tests.support.fakes import ORDERS
from tests.unit.services.salesforce.orders import FakeOutcomes


@pytest.fixture
def salesforce(clock):
    return FakeSalesforce(clock)


@pytest.fixture
def queue(queues):
    return queues.add(ORDERS)


@pytest.fixture
def outcomes():
    return FakeOutcomes()


@pytest.fixture
def plays():
    """What happens in one pause after another."""
    return []


@pytest.fixture
def retry(clock, queues, salesforce, outcomes, plays):
    async def sleep(seconds):
        clock.forward(int(seconds * 1000) + 1)
        if plays:
            plays.pop(0)()

    return SalesforceRetry(
        orders=salesforce, reader=queues, outcomes=outcomes, policy=salesforce.policy,
        sleep=sleep, monotonic=lambda: clock.now / 1000,
    )  # fmt: skip
