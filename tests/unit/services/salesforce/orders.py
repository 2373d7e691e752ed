"""Jobs of orders in a fake queue, and how they end as a test says."""

from bot.domain.subjects import JobAbout
from bot.domain.times import MINUTE
from bot.ports import Ended
from tests.support.fake_salesforce import order_id
from tests.support.fakes import ORDERS, START

ONE, TWO, THREE = order_id(1), order_id(2), order_id(3)


class FakeOutcomes:
    """Satisfies OutcomeReader as far as the retry asks."""

    def __init__(self):
        self.ended = {}

    async def outcomes(self, queue, ids):
        assert queue == ORDERS
        assert 0 < len(ids) <= 500
        return {id_: self.ended.get(id_, Ended("waiting")) for id_ in ids}

    async def finished_events(self, queue, after, *, limit=1000):
        raise NotImplementedError


def fail(queue, job_id, order, at=START - MINUTE):
    queue.fail(job_id, "WHMCS_ERROR: connect ETIMEDOUT", at)
    queue.contents.data[job_id] = {"sfOrderId": order}


def add(queue, job_id, order, state="wait", **times):
    job = JobAbout(id=job_id, state=state, **{"created_at": START, **times})
    queue.contents.add(job, sfOrderId=order)
