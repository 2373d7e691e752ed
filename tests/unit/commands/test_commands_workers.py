"""Answers and cards say who works on a queue at that moment, not as the last tick counted."""

import pytest

from bot.domain.jobs import JobDetail
from bot.domain.sample import ActiveJob
from tests.support.fakes import ORDERS, START

QUEUE = "order-provisioning"


@pytest.fixture
async def orders(queues, office):
    """A queue with a job in each state, whose one worker has left since the last tick."""
    orders = queues.queues[ORDERS]
    orders.fail("1", "WHMCS_ERROR: 502", START)
    orders.jobs["2"] = JobDetail(
        queue=ORDERS, id="2", name="p", state="delayed", data={}, options={},
        attempts_made=0, attempts=3,
    )  # fmt: skip
    orders.delayed = ["2"]
    orders.active.jobs = [
        ActiveJob(id="3", name="p", started_at=START - 60_000, attempt=1, locked=False)
    ]
    await office.tick()
    orders.workers = 0
    return orders


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (f"retry {QUEUE} --all", "No worker is connected"),
        (f"promote {QUEUE} --all", "No worker is connected"),
        (f"unstick {QUEUE}", "No worker is connected"),
        (f"status {QUEUE}", "*0* workers connected"),
        ("status", "no workers"),
    ],
)
async def test_a_worker_that_left_a_moment_ago_is_not_told_as_connected(
    office, orders, asked, told
):
    assert told in str((await office.ask(asked)).message.blocks)
