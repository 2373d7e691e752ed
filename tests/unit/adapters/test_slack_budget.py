"""The one scheduler for Slack writes, at a quick pace: order, rates, 429, coalescing."""

import asyncio
from itertools import pairwise

import pytest

from bot.adapters.slack_budget import RateLimitedError, SlackBudget
from bot.domain.message import Urgency
from bot.errors import SlackUnavailableError


@pytest.fixture
async def budget():
    budget = SlackBudget(post_gap=0.02, edit_gap=0.02, edit_burst=2)
    yield budget
    await budget.aclose()


def recorder(done, name):
    async def call():
        done.append(name)
        return name

    return call


async def test_alerts_overtake_what_waits(budget):
    done = []
    waiting = [
        budget.post("C1", recorder(done, "first"), urgency=Urgency.ANSWER),
        budget.post("C1", recorder(done, "answer"), urgency=Urgency.ANSWER),
        budget.post("C1", recorder(done, "alert"), urgency=Urgency.ALERT),
    ]
    await asyncio.gather(*waiting)
    assert done.index("alert") < done.index("answer")


async def test_channels_do_not_wait_for_each_other(budget):
    done, gate = [], asyncio.Event()

    async def slow():
        await gate.wait()
        done.append("slow")

    first = asyncio.ensure_future(budget.post("C1", slow, urgency=Urgency.ALERT))
    await budget.post("C2", recorder(done, "other"), urgency=Urgency.ALERT)
    gate.set()
    await first
    assert done == ["other", "slow"]


async def test_posts_of_a_channel_keep_their_distance(budget):
    loop = asyncio.get_running_loop()
    times = []

    async def call():
        times.append(loop.time())

    await asyncio.gather(*[budget.post("C1", call, urgency=Urgency.ALERT) for _ in range(4)])
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert all(gap >= 0.015 for gap in gaps), gaps


async def test_waiting_edits_of_a_message_are_coalesced_to_the_newest(budget):
    done = []
    # The burst is used up by other messages first, so that these must wait.
    busy = [
        budget.edit(f"C1:{n}", recorder(done, f"busy{n}"), urgency=Urgency.ALERT) for n in range(3)
    ]
    edits = [budget.edit("C1:x", recorder(done, f"x{n}"), urgency=Urgency.DETAIL) for n in range(5)]
    results = await asyncio.gather(*busy, *edits)
    assert [name for name in done if name.startswith("x")] == ["x4"]
    assert results[-5:] == ["x4"] * 5


async def test_a_429_is_obeyed_and_the_call_made_again(budget):
    loop = asyncio.get_running_loop()
    times = []

    async def call():
        times.append(loop.time())
        if len(times) == 1:
            raise RateLimitedError(0.1)
        return "done"

    assert await budget.post("C1", call, urgency=Urgency.ALERT) == "done"
    assert times[1] - times[0] >= 0.09


async def test_a_429_on_an_edit_gives_way_to_a_newer_edit(budget):
    done, calls = [], []
    refused = asyncio.Event()

    async def old():
        calls.append("old")
        refused.set()
        raise RateLimitedError(0.05)

    first = asyncio.ensure_future(budget.edit("C1:x", old, urgency=Urgency.ALERT))
    await refused.wait()
    second = await budget.edit("C1:x", recorder(done, "new"), urgency=Urgency.ALERT)
    assert (await first, second) == ("new", "new")
    assert calls == ["old"]


async def test_an_error_reaches_whoever_waits_and_nobody_else(budget):
    async def broken():
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await budget.post("C1", broken, urgency=Urgency.ALERT)
    assert await budget.post("C1", recorder([], "fine"), urgency=Urgency.ALERT) == "fine"


async def test_a_caller_that_gives_up_does_not_stop_the_others(budget):
    done = []
    first = asyncio.ensure_future(budget.post("C1", recorder(done, "a"), urgency=Urgency.ALERT))
    second = asyncio.ensure_future(budget.post("C1", recorder(done, "b"), urgency=Urgency.ALERT))
    await asyncio.sleep(0)
    first.cancel()
    await second
    assert "b" in done


async def test_closing_gives_back_what_waits_as_surely_not_sent():
    budget = SlackBudget(post_gap=60)
    await budget.post("C1", recorder([], "a"), urgency=Urgency.ALERT)
    waiting = asyncio.ensure_future(budget.post("C1", recorder([], "b"), urgency=Urgency.ALERT))
    await asyncio.sleep(0.01)
    await budget.aclose()
    with pytest.raises(SlackUnavailableError) as caught:
        await waiting
    assert not caught.value.unclear
    with pytest.raises(SlackUnavailableError):
        await budget.post("C1", recorder([], "late"), urgency=Urgency.ALERT)


async def test_a_429_that_comes_after_the_close_ends_too():
    budget, begun, go = SlackBudget(), asyncio.Event(), asyncio.Event()

    async def call():
        begun.set()
        await go.wait()
        raise RateLimitedError(1)

    waiting = asyncio.ensure_future(budget.post("C1", call, urgency=Urgency.ALERT))
    await begun.wait()
    closing = asyncio.ensure_future(budget.aclose())
    await asyncio.sleep(0)
    go.set()
    await closing
    with pytest.raises(SlackUnavailableError):
        await waiting
