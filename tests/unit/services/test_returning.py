"""Which drained jobs stay archived, as another job does the work of their order, or may."""

import json

import pytest

from bot.domain.archives import back_set
from bot.domain.jobs import ArchivedJob
from bot.domain.policy import Catalog, QueuePolicy
from bot.domain.subjects import JobAbout
from bot.services.returning import Returning
from tests.support.fake_archive import FakeArchive
from tests.support.fake_salesforce import order_id
from tests.support.fakes import ORDERS, START

PATH = "sfOrderId"
MADE = START - 60_000


def job(id_, order):
    data = json.dumps({PATH: order} if order else {}).encode()
    fields = ((b"data", data), (b"timestamp", b"%d" % MADE))
    return ArchivedJob(id=id_, state="wait", score="0", fields=fields)


JOBS = [job("a", order_id(0)), job("b", order_id(1)), job("c", None)]


@pytest.fixture
def contents(queues):
    return queues.add(ORDERS).contents


@pytest.fixture
async def archive(clock):
    archive = FakeArchive(clock)
    await archive.begin("op", queue=ORDERS, state="", kind="drain", by="U1")
    kept = await archive.put("op", JOBS)
    await archive.settle("op", kept.number, [job.id for job in JOBS])
    return archive


@pytest.fixture
def returning(queues, archive):
    catalog = Catalog(default=QueuePolicy(business_id=PATH))
    return Returning(reader=queues, archive=archive, done=queues, catalog=catalog)


async def looked(returning, archive, **options):
    return await returning.look(await archive.info("op"), **options)


async def staying(returning, archive):
    return await returning.staying(await archive.info("op"), JOBS)


def newer(contents, id_, order):
    contents.add(JobAbout(id=id_, state="active", created_at=START), **{PATH: order})


async def test_a_job_about_the_same_order_by_the_other_form_of_its_id(returning, archive, contents):
    newer(contents, "n", order_id(0)[:15])
    assert (await looked(returning, archive)).jobs == {"a"}
    assert await staying(returning, archive) == {"a"}


async def test_while_a_jobs_data_cannot_be_read_those_with_an_order_stay(
    returning, archive, contents
):
    """It may be about any of these orders; one that names no order has nothing to meet."""
    contents.unread.add("large")
    look = await looked(returning, archive)
    assert (look.jobs, look.sure) == ({"a", "b"}, True)
    assert (
        "1 job of the queue could not be read (over 64 KB, or no JSON): 2 jobs whose order it may "
        "be about are left out. `undo ID --all` brings them back too"
    ) in look.said
    assert await staying(returning, archive) == {"a", "b"}


async def test_what_came_back_from_the_same_archive_need_not_be_read(
    returning, archive, contents, queues
):
    contents.unread.add("large")
    await queues.remember(ORDERS, back_set("op"), ["large"])
    look = await looked(returning, archive)
    assert (look.jobs, look.sure) == (frozenset(), True)
    assert await staying(returning, archive) == frozenset()


async def test_a_card_promises_none_while_not_all_jobs_were_looked_at_and_the_undo_looks_at_all(
    returning, archive, contents
):
    newer(contents, "n", order_id(0))
    contents.deep.add("n")
    look = await looked(returning, archive)
    assert (look.jobs, look.sure) == (frozenset(), False)
    assert "Too many jobs to look through now: all are before any is back" in look.said
    assert await staying(returning, archive) == {"a"}


async def test_where_not_even_that_sees_all_jobs_those_with_an_order_stay(
    returning, archive, contents
):
    contents.complete = False
    assert await staying(returning, archive) == {"a", "b"}


async def test_all_come_back_where_that_was_asked_for_and_it_is_said_what_is_not_known(
    returning, archive, contents
):
    contents.unread.add("large")
    look = await looked(returning, archive, all_of_them=True)
    assert (look.jobs, look.sure) == (frozenset(), True)
    assert any("1 job of the queue could not be read" in said for said in look.said)
