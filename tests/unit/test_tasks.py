"""Cancelling what runs beside an operation."""

import asyncio

from bot.tasks import cancelled


async def test_a_task_ends_though_a_cancellation_gets_lost():
    lost = 0

    async def stubborn():
        nonlocal lost
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                lost += 1
                if lost == 2:
                    raise

    task = asyncio.ensure_future(stubborn())
    await asyncio.sleep(0)
    assert isinstance(await cancelled(task), asyncio.CancelledError)
    assert lost == 2


async def test_of_a_task_that_has_ended_what_it_ended_in():
    async def fails():
        raise ValueError

    async def gives():
        return 3

    assert isinstance(await cancelled(asyncio.ensure_future(fails())), asyncio.CancelledError)
    ended = [asyncio.ensure_future(one()) for one in (fails, gives)]
    await asyncio.wait(ended)
    assert isinstance(await cancelled(ended[0]), ValueError)
    assert await cancelled(ended[1]) == 3
