"""Operations over fakes, without waiting for anything."""

import pytest

from bot.services.operations import receipts, screen
from tests.support.fakes import ORDERS, START


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Slack is tried again at once, and nothing is waited for."""
    monkeypatch.setattr(screen, "FIRST", 0.0)
    monkeypatch.setattr(screen, "EVERY", 0.0)
    monkeypatch.setattr(screen, "AGAIN", 0.0)
    monkeypatch.setattr(receipts, "PER_STEP", 0.0)


@pytest.fixture
def queue(office):
    return office.queues.queues[ORDERS]


@pytest.fixture
def many(queue):
    for number in range(1100):
        queue.fail(f"t{number:04}", "TIMEOUT: slow", START - 90_000 + number)
    return queue
