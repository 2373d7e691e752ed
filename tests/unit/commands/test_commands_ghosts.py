"""Ids in `failed` or `completed` whose hash is gone: `clean` and `remove` take them out."""

import pytest

from bot.commands import plan_buttons
from bot.domain.times import DAY, HOUR
from bot.errors import JobGoneError, UsageError
from bot.services import cleaning
from bot.services.operations import screen
from tests.support.fakes import ORDERS, START
from tests.support.toolbox import BOB, VERA, said, shown, value_of


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Slack is told at once."""
    monkeypatch.setattr(screen, "FIRST", 0.0)
    monkeypatch.setattr(screen, "EVERY", 0.0)


@pytest.fixture
def orders(queues, office):
    return queues.queues[ORDERS]


async def press(office, card, label="Remove"):
    """Confirm a card, have the operation run, and read its message."""
    await plan_buttons.confirm(office.toolbox, BOB, value_of(card, label))
    await office.run_operations()
    message = office.toolbox.messenger.of(screen.KIND)[-1].message
    return shown(message).text.translate(str.maketrans("", "", "*`"))


async def test_clean_drops_ids_that_have_no_job_and_counts_them_apart(office, orders):
    for place, id_ in enumerate(["k0", "g0", "g1"]):
        orders.fail(id_, "WHMCS_ERROR: away", START - 40 * DAY + place)
    orders.emptied |= {"g0", "g1"}
    card = await office.ask("clean order-provisioning failed")
    assert "2 of them have lost their data: their ids go too, and are not archived" in said(card)
    text = await press(office, card)
    assert "Removed 1 of 3 failed jobs of order-provisioning." in text
    assert "2 had lost their data: their ids are removed too" in text
    assert not {"k0", "g0", "g1"} & set(orders.failed)
    assert (await office.archive.recent())[0].jobs == 1
    entry = (await office.history())[0]
    assert entry.detail == "1 of 3; 2 without data removed too"


async def test_a_set_of_nothing_but_such_ids_is_emptied(office, orders):
    orders.fail("g0", "WHMCS_ERROR: away", START - 40 * DAY)
    orders.emptied = {"g0"}
    card = await office.ask("clean order-provisioning failed")
    assert "Its data is gone, only its id is left" in said(card)
    assert "Archived first" not in said(card)
    assert "1 had lost its data: its id is removed too" in await press(office, card)
    assert "g0" not in orders.failed


async def test_completed_ones_too(office, orders):
    office.remover.held[ORDERS, "completed"] = {"c1": START - 8 * DAY, "c2": START - 9 * DAY}
    orders.emptied = {"c1"}
    card = await office.ask("clean order-provisioning completed")
    assert "1 of them has lost its data: its id goes too" in said(card)
    text = await press(office, card)
    assert "Removed 1 of 2 completed jobs" in text
    assert "1 had lost its data" in text
    assert office.remover.held[ORDERS, "completed"] == {}


async def test_of_very_many_completed_ids_the_oldest_are_looked_at(office, orders, monkeypatch):
    monkeypatch.setattr(cleaning, "GHOSTS_LOOKED_AT", 500)
    held = {f"c{number:04}": START - 9 * DAY + number for number in range(501)}
    office.remover.held[ORDERS, "completed"] = held
    orders.emptied = {"c0001", "c0499", "c0500"}
    card = await office.ask("clean order-provisioning completed")
    assert "2 of the 500 oldest have lost their data: their ids go too" in said(card)


async def test_remove_takes_such_an_id_out(office, orders):
    orders.fail("g0", "WHMCS_ERROR: away", START - HOUR)
    orders.emptied = {"g0"}
    card = await office.ask("remove order-provisioning g0")
    gone = "Its data is gone, only its id is left: that goes, and there is nothing to archive"
    assert gone in said(card)
    ended = await press(office, card)
    assert "Removed the id g0 of order-provisioning. 1 had lost its data" in ended
    assert "g0" not in orders.failed
    assert await office.archive.recent() == []


async def test_failed_offers_to_take_them_out_where_nothing_else_failed(office, orders):
    for id_ in list(orders.failed):
        del orders.failed[id_]
    orders.fail("g0", "WHMCS_ERROR: away", START - HOUR)
    orders.emptied = {"g0"}
    view = await office.ask("failed order-provisioning")
    assert "1 failed job without data" in said(view)
    card = await office.ask(value_of(view, "Remove these"))
    await press(office, card)
    assert orders.failed == {}
    assert "without data" not in said(await office.ask("failed order-provisioning"))


async def test_a_pause_in_between_ends_it_and_nothing_is_dropped(office, orders):
    orders.fail("g0", "WHMCS_ERROR: away", START - 40 * DAY)
    orders.emptied = {"g0"}
    card = await office.ask("clean order-provisioning failed")
    await plan_buttons.confirm(office.toolbox, BOB, value_of(card, "Remove"))
    orders.version, orders.paused = "bullmq:5.81.0", True
    await office.run_operations()
    message = office.toolbox.messenger.of(screen.KIND)[-1].message
    assert "Ended early: The queue is paused" in shown(message).text
    assert "g0" in orders.failed


async def test_failed_names_them_among_other_failures_with_a_way_out_that_spares_those(
    office, orders
):
    whole = set(orders.failed)
    for id_ in ("g0", "g1"):
        orders.fail(id_, "WHMCS_ERROR: away", START - HOUR)
    orders.emptied = {"g0", "g1"}
    view = await office.ask("failed order-provisioning")
    assert "2 failed jobs without data: not counted" in said(view)
    asked = value_of(view, "Remove those without data")
    assert asked == "clean order-provisioning ghosts"
    card = await office.ask(asked)
    assert "Remove 2 failed jobs without data of order-provisioning?" in said(card)
    assert (
        "It cannot be undone: there is nothing to archive. Failed jobs that are whole stay"
        in said(card)
    )
    ended = await press(office, card)
    assert "Removed 2 of 2 failed jobs without data of order-provisioning." in ended
    assert set(orders.failed) == whole
    entry = (await office.history())[0]
    assert (entry.filter, entry.detail) == ("", "2 of 2")
    with pytest.raises(JobGoneError, match="no ghosts"):
        await office.ask("clean order-provisioning ghosts")


async def test_who_may_not_clean_is_not_offered_to_take_them_out(office, orders):
    orders.fail("g0", "WHMCS_ERROR: away", START - HOUR)
    orders.emptied = {"g0"}
    view = await office.ask("failed order-provisioning", actor=VERA)
    assert "1 failed job without data: not counted" in said(view)
    assert "Remove those without data\u2026" not in shown(view.message).labels


async def test_more_of_them_than_the_card_showed_are_asked_about_again(office, orders):
    orders.fail("g0", "WHMCS_ERROR: away", START - HOUR)
    orders.emptied = {"g0"}
    card = await office.ask("clean order-provisioning ghosts")
    orders.emptied |= {"w0", "w1"}
    again = await plan_buttons.confirm(office.toolbox, BOB, value_of(card, "Remove"))
    assert "1 matched then, 3 now" in said(again)
    assert "Removed 3 of 3 failed jobs without data" in await press(office, again)


@pytest.mark.parametrize("option", ["--older-than 1d", "--rate 5/s"])
async def test_what_ghosts_do_not_take_is_said(office, option):
    with pytest.raises(UsageError, match="Ghosts"):
        await office.ask(f"clean order-provisioning ghosts {option}")
