"""Retries through Salesforce as operations, in an office over fakes; no pause takes any time."""

import pytest

from bot.services.operations import salesforce_receipts, screen
from tests.support.salesforce_office import Flowing, salesforce_office


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    for name in ("FIRST", "EVERY", "AGAIN"):
        monkeypatch.setattr(screen, name, 0.0)


@pytest.fixture
def one_look(monkeypatch):
    """New jobs are looked for once."""
    monkeypatch.setattr(salesforce_receipts, "WATCH_LIMIT", 0)


@pytest.fixture
def salesforce(clock):
    return Flowing(clock)


@pytest.fixture
async def office(redis, queues, messenger, salesforce):
    return await salesforce_office(redis, queues, messenger, salesforce)
