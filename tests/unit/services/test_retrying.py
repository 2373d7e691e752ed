"""Retry one job, at once."""

import pytest

from bot.adapters.redis_audit_log import RedisAuditLog
from bot.adapters.redis_watch_store import RedisWatchStore
from bot.domain.access import Actor
from bot.domain.audit import Outcome
from bot.domain.jobs import FailedRef
from bot.domain.policy import Catalog, QueuePolicy
from bot.errors import JobGoneError
from bot.services.journal import Journal
from bot.services.retrying import Retrying
from tests.support.fakes import ORDERS, START

BOB = Actor(user="UBOB", channel="C1")


@pytest.fixture
def audit(redis):
    return RedisAuditLog(client=redis)


@pytest.fixture
def single(redis, queues, audit):
    queue = queues.add(ORDERS)
    for number in range(5):
        queue.fail(f"w{number}", "WHMCS_ERROR: connect ETIMEDOUT", START - 100 + number)
    catalog = Catalog(default=QueuePolicy())
    retrying = Retrying(
        reader=queues,
        operator=queues,
        journal=Journal(audit=audit, reader=queues, catalog=catalog),
        store=RedisWatchStore(client=redis),
        catalog=catalog,
    )

    async def run(job_id, *, fresh):
        job = queue.failed.get(job_id)
        ref = FailedRef(job_id, job.failed_at if job else 1)
        return await retrying.single(BOB, ORDERS, ref, fresh=fresh)

    return run


async def newest(audit):
    return (await audit.recent(limit=1))[0]


async def test_one_job_is_retried_at_once_and_recorded(single, queues, audit):
    assert await single("w1", fresh=True)
    assert queues.queues[ORDERS].retried == [("w1", True)]
    entry = await newest(audit)
    assert (entry.user, entry.jobs, entry.outcome) == ("UBOB", ("w1",), Outcome.DONE)


async def test_a_job_that_is_not_failed_says_so_and_is_recorded(single, audit):
    with pytest.raises(JobGoneError, match="nope is not in order-provisioning"):
        await single("nope", fresh=False)
    assert (await newest(audit)).outcome is Outcome.FAILED
