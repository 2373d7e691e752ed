"""`history`: what was done and refused, page by page."""

import pytest

from bot.errors import UsageError
from tests.support.fakes import ORDERS, SIMS
from tests.support.toolbox import BOB, VERA, labels, said, value_of


async def test_history_shows_what_was_done_and_what_was_refused(office):
    await office.ask("retry order-provisioning w0", BOB)
    await office.ask("silence sim-management 1h", BOB)
    answer = await office.said("history", VERA)
    assert "2 actions, newest first" in answer
    assert "<@U0BOB>: retry job w0 · order-provisioning: moved 1" in answer
    of_orders = await office.said("history order-provisioning", VERA)
    assert "1 action with order-provisioning" in of_orders
    assert "silence" not in of_orders
    of_sims = await office.said("history sim-management")
    assert "silence sim-management" in of_sims
    assert "w0" not in of_sims


async def test_history_goes_on_with_older_pages(office):
    for number in range(21):
        await office.ask(f"silence sim-management {number + 1}h", BOB)
    newest = await office.ask("history", VERA)
    assert "20 newest actions, newest first" in said(newest)
    older = await office.ask(value_of(newest, "Older"), VERA)
    assert "Action 21, newest first" in said(older)
    assert "Older" not in labels(older)
    assert value_of(older, "Newer") == "history"


async def test_a_queue_that_is_gone_still_has_its_history(office, queues):
    await office.ask("retry order-provisioning w0", BOB)
    del queues.queues[ORDERS]
    await office.tick(after=15_000)
    assert await office.toolbox.finder.seen() == {SIMS}
    assert "retry job w0" in await office.said("history order-provisioning", VERA)
    with pytest.raises(UsageError, match="Did you mean"):
        await office.ask("history sim-managment", VERA)
