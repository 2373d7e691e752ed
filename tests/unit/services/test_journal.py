"""The audit log's writer: in Redis, and in the process' log, which stays when Redis does not."""

import pytest
from redis.exceptions import OutOfMemoryError, ReadOnlyError
from structlog.testing import capture_logs

from bot.adapters import keys
from bot.adapters.redis_audit_log import RedisAuditLog
from bot.domain.audit import AUDIT_JOBS, Outcome
from bot.domain.policy import Catalog, QueuePolicy
from bot.services.journal import Journal
from tests.support.fakes import ORDERS, START
from tests.support.toolbox import BOB


@pytest.fixture
def audit(redis):
    return RedisAuditLog(client=redis)


@pytest.fixture
def journal(audit, queues):
    return Journal(audit=audit, reader=queues, catalog=Catalog(default=QueuePolicy()))


async def test_an_entry_says_who_where_what_on_which_jobs_and_how_it_ended(journal, audit):
    assert await journal.record(
        BOB, "retry", "retry 2 × WHMCS_ERROR", Outcome.DONE, queue=ORDERS, jobs=["1", "2"],
        detail="moved 2", reason="it is back", plan="abc",
    )  # fmt: skip
    [entry] = await audit.recent(limit=9)
    assert (entry.at, entry.user, entry.channel) == (START, "U0BOB", "C0INCIDENTS")
    assert (entry.action, entry.what, entry.outcome) == (
        "retry", "retry 2 × WHMCS_ERROR", Outcome.DONE,
    )  # fmt: skip
    assert (entry.queue, entry.jobs, entry.job_count) == ("order-provisioning", ("1", "2"), 2)
    assert (entry.detail, entry.reason, entry.plan) == ("moved 2", "it is back", "abc")


async def test_of_many_jobs_the_first_are_named_and_all_are_counted(journal, audit):
    ids = [str(number) for number in range(AUDIT_JOBS + 7)]
    await journal.record(BOB, "retry", "retry", Outcome.DONE, queue=ORDERS, jobs=ids)
    await journal.record(BOB, "retry", "retry", Outcome.DONE, jobs=["1"], job_count=9)
    second, first = await audit.recent(limit=9)
    assert (first.jobs, first.job_count) == (tuple(ids[:AUDIT_JOBS]), AUDIT_JOBS + 7)
    assert second.job_count == 9


async def test_a_queue_is_called_as_people_call_it(audit, queues):
    catalog = Catalog(default=QueuePolicy(), prefixes={"main": "bull", "europe": "bull"})
    journal = Journal(audit=audit, reader=queues, catalog=catalog)
    await journal.record(BOB, "retry", "retry", Outcome.DONE, queue=ORDERS)
    assert [e.queue for e in await audit.recent(limit=9)] == ["main/order-provisioning"]


@pytest.mark.parametrize(
    ("refusal", "told"),
    [
        (OutOfMemoryError("OOM"), "out of memory"),
        (ReadOnlyError("READONLY"), "it is a replica"),
        (ConnectionRefusedError(), "cannot be reached"),
    ],
)
async def test_an_entry_that_redis_does_not_take_is_in_the_process_log(
    journal, redis, monkeypatch, refusal, told
):
    async def refuse(*args, **kwargs):
        raise refusal

    monkeypatch.setattr(redis, "evalsha", refuse)
    with capture_logs() as log:
        assert not await journal.record(
            BOB, "retry", "retry job 1", Outcome.DONE, queue=ORDERS, detail="moved 1"
        )
    done, lost = log
    assert (done["event"], done["user"], done["what"], done["outcome"], done["detail"]) == (
        "audit", "U0BOB", "retry job 1", "done", "moved 1",
    )  # fmt: skip
    assert lost["log_level"] == "error"
    assert told in lost["reason"]


async def test_the_second_person_the_filter_and_the_numbers_are_on_record(journal, audit):
    await journal.record(
        BOB, "drain", "drain", Outcome.DONE, queue=ORDERS, approver="U0ALICE",
        filter="error WHMCS_ERROR since 02:58", counts={"done": 8, "failed": 1},
    )  # fmt: skip
    [entry] = await audit.recent(limit=9)
    assert (entry.approver, entry.filter) == ("U0ALICE", "error WHMCS_ERROR since 02:58")
    assert entry.counts == (("done", 8), ("failed", 1))


async def test_an_entry_of_an_older_version_still_loads(journal, audit, redis):
    old = (
        '{"at":1,"user":"U0BOB","channel":"C1","action":"ack","what":"acknowledge #1",'
        '"outcome":"done","queue":null,"jobs":[],"job_count":0,"detail":"","reason":"","plan":null}'
    )
    await redis.xadd(keys.AUDIT, {"entry": old})
    [entry] = await audit.recent(limit=9)
    assert (entry.what, entry.approver, entry.filter, entry.counts) == (
        "acknowledge #1", None, "", (),
    )  # fmt: skip


async def test_what_is_written_once_is_in_the_process_log_once(journal, audit):
    with capture_logs() as log:
        for _ in range(2):
            await journal.record(BOB, "drain", "drain", Outcome.REFUSED, once="p1-closed")
    assert [one["event"] for one in log] == ["audit"]
    assert len(await audit.recent(limit=9)) == 1
