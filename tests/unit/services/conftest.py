"""What tests of several services share."""

import pytest

from bot.services.operations import salesforce_receipts, screen
from tests.support.fake_salesforce import FakeSalesforce


@pytest.fixture
def quick(monkeypatch):
    """An operation's message is edited, and tried again, at once."""
    for name in ("FIRST", "EVERY", "AGAIN"):
        monkeypatch.setattr(screen, name, 0.0)


@pytest.fixture
def one_look(monkeypatch):
    """New jobs of orders are looked for once."""
    monkeypatch.setattr(salesforce_receipts, "WATCH_LIMIT", 0)


@pytest.fixture
def salesforce(clock):
    return FakeSalesforce(clock)
