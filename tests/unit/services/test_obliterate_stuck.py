"""An obliterate of a queue whose active jobs have lost their worker: they never end."""

import pytest

from bot.domain.plans import PlanKind
from bot.domain.sample import ActiveJob
from bot.domain.times import MINUTE
from bot.errors import NotPausedError, RefusedError
from tests.support.fakes import ORDERS, START
from tests.support.toolbox import ALICE
from tests.support.two_admins import DANA, asked, hold, propose, two_admins

KIND = PlanKind.OBLITERATE


@pytest.fixture
async def office(redis, queues, messenger):
    return await two_admins(redis, queues, messenger)


@pytest.fixture
def queue(office):
    """Paused, with a job that no worker holds beside one that has a live lock."""
    queue = hold(office, waiting=5, active=2)
    queue.paused = True
    queue.active.jobs = [
        ActiveJob(id=id_, name="w", started_at=START - MINUTE, attempt=1, locked=locked)
        for id_, locked in (("dead", False), ("alive", True))
    ]
    return queue


async def test_it_is_refused_with_the_way_to_end_them(office, queue):
    plan = await asked(office, KIND)
    with pytest.raises(RefusedError, match="1 job has lost its worker and never ends") as caught:
        await office.toolbox.approving.approve(DANA, plan.id)
    assert caught.value.offer == "unstick order-provisioning"
    queue.active.jobs = queue.active.jobs[1:]
    with pytest.raises(RefusedError, match="2 jobs are active") as caught:
        await office.toolbox.approving.approve(DANA, plan.id)
    assert not caught.value.offer


async def test_who_asks_is_told_of_them_paused_or_not(office, queue):
    found = await office.toolbox.repairs.emergencies.propose(ALICE, ORDERS, KIND)
    assert (found.active, found.lost) == (2, 1)
    queue.paused = False
    with pytest.raises(NotPausedError) as caught:
        await propose(office, KIND)
    assert (caught.value.active, caught.value.lost) == (2, 1)
