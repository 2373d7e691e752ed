"""How jobs have ended, as the events stream tells it: on a real server."""

import pytest

from bot.adapters.bullmq_outcomes import BullmqOutcomes
from bot.ports import Ended
from tests.support.valkey_bullmq import ORDERS


async def told(sources):
    """What each look at the stream told, until nothing is new."""
    outcomes, after, looks = BullmqOutcomes(sources=sources), "0-0", []
    while True:
        before = after
        after, found = await outcomes.finished_events(ORDERS, before)
        if after == before:
            return looks
        looks.append(found)


def complete(redis, count, returns):
    """Jobs that return a text of so many characters, each with one event before its end."""
    with redis.pipeline(transaction=False) as pipe:
        for number in range(count):
            job = {"jobId": f"j{number}"}
            pipe.xadd(ORDERS.key("events"), {"event": "active", **job})
            ended = {"event": "completed", **job, "returnvalue": "x" * returns, "prev": "active"}
            pipe.xadd(ORDERS.key("events"), ended)
        pipe.execute()


@pytest.mark.parametrize(("returns", "most"), [(10, 500), (5_000, 60), (50_000, 12)])
async def test_a_look_at_the_events_ends_where_much_was_returned_and_the_next_goes_on(
    redis, sources, returns, most
):
    complete(redis, 120, returns)
    looks = await told(sources)
    assert [one for found in looks for one in found] == [
        (f"j{number}", Ended("completed")) for number in range(120)
    ]
    assert max(map(len, looks)) <= most


async def test_a_look_at_the_events_stops_after_a_thousand(redis, sources):
    complete(redis, 620, 10)
    redis.xadd(
        ORDERS.key("events"), {"event": "failed", "jobId": "f", "failedReason": "TIMEOUT: slow"}
    )
    looks = await told(sources)
    assert [len(found) for found in looks] == [500, 121]
    assert looks[-1][-1] == ("f", Ended("failed", "TIMEOUT"))
