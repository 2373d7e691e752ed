"""Retries through Salesforce as operations, in an office over fakes; no pause takes any time."""

import pytest

from tests.support.salesforce_office import Flowing, salesforce_office


@pytest.fixture(autouse=True)
def quick(quick):
    """For all of them."""


@pytest.fixture
def salesforce(clock):
    return Flowing(clock)


@pytest.fixture
async def office(redis, queues, messenger, salesforce):
    return await salesforce_office(redis, queues, messenger, salesforce)
