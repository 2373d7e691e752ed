"""`history`: what was done and refused, page by page."""

import csv

import pytest

from bot.domain.times import DAY
from bot.errors import AccessDeniedError, UsageError
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


async def test_history_says_how_much_is_kept(office):
    await office.ask("retry order-provisioning w0", BOB)
    assert "The newest 10,000 are kept" in await office.said("history", VERA)


async def test_history_since_leaves_out_what_is_older(office, clock):
    await office.ask("silence sim-management 1h", BOB)
    clock.forward(2 * DAY)
    await office.ask("retry order-provisioning w0", BOB)
    text = await office.said("history --since 1d", VERA)
    assert "1 action in the last 1d" in text
    assert "silence" not in text
    assert "2 actions" in await office.said("history --since 7d", VERA)
    assert "with sim-management in the last 1s." in await office.said(
        "history --since 1s sim-management"
    )


async def test_pages_and_the_file_keep_to_what_was_asked_for(office):
    for number in range(21):
        await office.ask(f"silence sim-management {number + 1}h", BOB)
    newest = await office.ask("history sim-management --since 7d", VERA)
    assert value_of(newest, "Older") == "history sim-management --since 7d --page 2"
    assert value_of(newest, "As a file") == "history sim-management --since 7d --csv"


def rows(reply):
    return list(csv.DictReader(reply.file.content.decode("utf-8-sig").splitlines()))


async def test_the_file_has_all_that_is_kept(office):
    for number in range(30):
        await office.ask(f"silence sim-management {number + 1}h", BOB)
    with pytest.raises(AccessDeniedError):
        await office.ask("pause order-provisioning", VERA)
    await office.ask("retry order-provisioning w0", BOB)
    reply = await office.ask("history --csv", VERA)
    found = rows(reply)
    assert len(found) == 33, "what was begun is a line of its own"
    assert [row["outcome"] for row in found[:3]] == ["done", "started", "not allowed"]
    assert found[0]["what"] == "retry job w0"
    assert found[0]["time"] == "2023-11-14T22:13:20.000Z"
    assert found[2]["user"] == "U0VERA"
    assert "33 entries: the file is in your direct messages" in said(reply)
    assert reply.announcement is None
    of_orders = rows(await office.ask("history order-provisioning --csv", VERA))
    assert {row["queue"] for row in of_orders} == {"order-provisioning"}


async def test_there_is_no_file_of_nothing(office):
    reply = await office.ask("history --csv", VERA)
    assert reply.file is None
    assert "Nothing was done yet" in said(reply)
    with pytest.raises(UsageError, match="Did you mean"):
        await office.ask("history sim-managment --csv", VERA)
    with pytest.raises(UsageError, match="leave --page out"):
        await office.ask("history --csv --page 2", VERA)
