"""Undo of jobs that run at once: what was done without them meanwhile stays archived."""

from dataclasses import replace

import pytest

from bot.domain.archives import back_set
from bot.domain.jobs import ORPHAN, ArchivedJob
from bot.errors import JobGoneError
from bot.services.operations import screen
from tests.support.fake_salesforce import order_id
from tests.support.fakes import ORDERS, START
from tests.support.salesforce_office import PATH, another
from tests.support.toolbox import BOB, CATALOG, build_office, labels, said, shown, value_of

pytestmark = pytest.mark.usefixtures("quick")
DRAINED = "drain1"


@pytest.fixture
def policy():
    return replace(CATALOG.queues["order-provisioning"], business_id=PATH)


@pytest.fixture
async def office(redis, queues, messenger, salesforce, policy):
    queues.add(ORDERS)
    catalog = replace(CATALOG, queues={**CATALOG.queues, "order-provisioning": policy})
    office = build_office(
        redis=redis, queues=queues, messenger=messenger, salesforce=salesforce, catalog=catalog
    )
    office.outcomes.default = replace(office.outcomes.default, state="gone")
    await office.tick()
    await drain(office, [(f"w{number}", "wait", number) for number in range(3)])
    await drain(office, [("w3", "delayed", 3), ("w4", "prioritized", 4)])
    return office


async def drain(office, jobs):
    """A batch of a drain: ids, where they were, and the number of their order."""
    archive, path = office.archive, PATH
    await archive.begin(DRAINED, queue=ORDERS, state="", kind="drain", by="U0ALICE")
    some = [
        ArchivedJob(
            id=job_id, state=state, score="0",
            fields=(
                (b"data", f'{{"{path}": "{order_id(number)}"}}'.encode()),
                (b"timestamp", b"%d" % (START - 60_000 + number)),
            ),
        )
        for job_id, state, number in jobs
    ]  # fmt: skip
    kept = await archive.put(DRAINED, some)
    await archive.settle(DRAINED, kept.number, [job.id for job in some])


def use(office, *ids):
    """Jobs with these ids are in the queue again."""
    office.outcomes.ended = {id_: replace(office.outcomes.default, state="wait") for id_ in ids}


def back(office):
    return {id_ for (_, _), jobs in office.remover.held.items() for id_ in jobs}


async def undo(office, label, command=f"undo {DRAINED}"):
    """The card's text, and the message at the end."""
    card = await office.ask(command, BOB)
    await office.toolbox.confirming.confirm(BOB, value_of(card, label))
    await office.run_operations()
    return said(card), shown(office.toolbox.messenger.of(screen.KIND)[-1].message).text


async def archived(office):
    numbers = await office.archive.batches(DRAINED)
    return {job.id for n in numbers for job in await office.archive.batch(DRAINED, n)}


async def test_drained_jobs_whose_order_was_done_meanwhile_are_left_out_with_their_number(office):
    another(office, "n0", 0)
    another(office, "n3", 3, "wait")
    card, ended = await undo(office, "Bring back 3 now")
    assert (
        "2 orders already have a newer or a completed job: left out, bringing them back would run "
        "them twice"
    ) in card
    assert back(office) == {"w1", "w2", "w4"}
    assert await archived(office) == {"w0", "w3"}
    assert "Brought back 3 of 5 jobs" in ended
    assert "2 left out (they stay archived:" in ended


async def test_the_list_says_of_what_an_undo_left_that_its_orders_are_done(office):
    another(office, "n0", 0)
    another(office, "n3", 3, "wait")
    await undo(office, "Bring back 3 now")
    listed = said(await office.ask("undo", BOB))
    assert "2 jobs of order-provisioning" in listed
    assert "2 left out: order done or under way" in listed


async def test_the_list_does_not_say_so_of_what_the_last_undo_left_for_another_reason(office):
    another(office, "n0", 0)
    await undo(office, "Bring back 4 now")
    office.remover.held[ORDERS, "wait"]["w0"] = 0
    await undo(office, "Bring back 1 now", f"undo {DRAINED} --all")
    assert await archived(office) == {"w0"}
    assert "left out" not in said(await office.ask("undo", BOB))


async def test_an_undo_that_was_stopped_has_left_out_what_it_had_come_to(office, monkeypatch):
    """By ones: the newest come back first, w3 and w4, then w0 to w2."""
    another(office, "n4", 4)
    another(office, "n0", 0)
    real, plans = office.remover.restore, []

    async def restore(queue, jobs, **options):
        await office.toolbox.confirming.stop(BOB, plans[0])
        return await real(queue, jobs, **options)

    office.remover.restore = restore
    card = await office.ask(f"undo {DRAINED}", BOB)
    plans.append(value_of(card, "Bring back 3 now"))
    await office.toolbox.confirming.confirm(BOB, plans[0])
    await office.run_operations()
    listed = said(await office.ask("undo", BOB))
    assert "4 jobs of order-provisioning" in listed
    assert "1 left out: order done or under way" in listed


async def test_what_is_done_after_the_card_is_left_out_as_well(office):
    card = await office.ask(f"undo {DRAINED}", BOB)
    another(office, "n4", 4)
    await office.toolbox.confirming.confirm(BOB, value_of(card, "Bring back 5 now"))
    await office.run_operations()
    assert await archived(office) == {"w4"}


async def test_when_all_are_done_it_is_said_until_when_they_are_kept_and_how_to_have_them(office):
    for number in range(5):
        another(office, f"n{number}", number)
    with pytest.raises(JobGoneError, match="5 orders already have a completed") as caught:
        await office.ask(f"undo {DRAINED}", BOB)
    assert caught.value.at == (await office.archive.info(DRAINED)).expires_at
    assert caught.value.offer == f"undo {DRAINED} --all"


async def test_all_come_back_where_that_was_asked_for(office):
    another(office, "n0", 0)
    card, _ = await undo(office, "Bring back 5 now", f"undo {DRAINED} --all")
    assert "1 order already has a completed job: bringing them back would run it twice" in card
    assert await archived(office) == set()


async def test_jobs_of_one_order_that_were_archived_together_come_back_together(
    office, monkeypatch
):
    """The newest batch comes back first: then the older job's order has a newer job."""
    monkeypatch.setattr("bot.services.operations.ahead.BATCHES", 0)
    await drain(office, [("w0-again", "wait", 0)])
    real = office.remover.restore

    async def restore(queue, jobs, **options):
        for job in jobs:
            another(office, job.id, int(job.id[1]), "wait")
        return await real(queue, jobs, **options)

    office.remover.restore = restore
    await undo(office, "Bring back 6 now")
    assert await archived(office) == set()


async def test_one_that_came_back_and_completed_has_done_the_work_of_the_others(office):
    another(office, "n0", 0)
    await office.queues.remember(ORDERS, back_set(DRAINED), ["n0"])
    card = await office.ask(f"undo {DRAINED}", BOB)
    assert "Bring back 4 now" in labels(card)


async def test_a_queue_without_a_business_id_is_not_looked_at(office, policy):
    office.toolbox.catalog.queues["order-provisioning"] = replace(policy, business_id=None)
    another(office, "n0", 0)
    assert "Bring back 5 now" in labels(await office.ask(f"undo {DRAINED}", BOB))


async def test_failed_jobs_come_back_whoever_did_their_work(office):
    """They run only when somebody retries them, which looks itself."""
    await office.archive.begin("c1", queue=ORDERS, state="failed", kind="clean", by="U0BOB")
    [job] = [job for job in await newest(office) if job.id == "w3"]
    kept = await office.archive.put("c1", [replace(job, state="failed")])
    await office.archive.settle("c1", kept.number, ["w3"])
    another(office, "n3", 3)
    assert "Bring back 1 now" in labels(await office.ask("undo c1", BOB))


async def test_orphans_come_back_whoever_did_their_work_as_no_worker_runs_them(office):
    await office.archive.begin("s1", queue=ORDERS, state=ORPHAN, kind="sweep", by="U0BOB")
    [job] = [job for job in await newest(office) if job.id == "w3"]
    kept = await office.archive.put("s1", [replace(job, id="w8", state=ORPHAN)])
    await office.archive.settle("s1", kept.number, ["w8"])
    another(office, "n3", 3)
    card, _ = await undo(office, "Bring back 1 now", "undo s1")
    assert "newer or a completed" not in card
    assert office.remover.strays[ORDERS] == {"w8"}


async def newest(office):
    return await office.archive.batch(DRAINED, (await office.archive.batches(DRAINED))[0])


class TestThroughSalesforce:
    @pytest.fixture
    def policy(self, policy):
        return replace(policy, retry_via="salesforce", business_id=None)

    async def test_orders_that_are_done_are_left_out_and_those_under_way_are_not(
        self, office, salesforce
    ):
        """A waiting job's order is under way: that is what the job is for."""
        for number in range(5):
            salesforce.put(order_id(number), "Activating")
        salesforce.put(order_id(1), "Activated")
        card, _ = await undo(office, "Bring back 4 now")
        assert "1 order is Activated in Salesforce: left out" in card
        assert await archived(office) == {"w1"}

    async def test_while_it_does_not_answer_nothing_comes_back(
        self, office, salesforce, monkeypatch
    ):
        monkeypatch.setattr("bot.services.operations.runner.PATIENCE", 0.0)
        salesforce.go_away()
        card, _ = await undo(office, "Bring back up to 5 now")
        assert "It is asked again before any job is back: those that are done are left out" in card
        assert back(office) == set()


async def test_of_very_many_no_card_promises_those_that_were_not_looked_at(office, monkeypatch):
    monkeypatch.setattr("bot.services.returning.LOOKED_AT", 2)
    for number in (0, 1, 4):
        another(office, f"n{number}", number)
    card, ended = await undo(office, "Bring back up to 4 now")
    assert "Bring back up to 4 jobs of order-provisioning?" in card
    assert "2 of 5 were looked at: of the rest, those whose order is done" in card
    assert ended.startswith("⚠️ Brought back 2 of 5 jobs to *order-provisioning*. 3 left out")
    entries = [one for one in await office.history() if one.action == "undo"]
    assert entries[0].detail == "2 of 5; 3 left out"
    assert {one.what for one in entries} == {f"undo up to 4 jobs from archive {DRAINED}"}


async def test_none_is_promised_whose_id_is_in_use_again(office, monkeypatch):
    use(office, "w3")
    another(office, "n3", 3)
    assert "Bring back 4 now" in labels(await office.ask(f"undo {DRAINED}", BOB))
    monkeypatch.setattr("bot.services.undoing.LOOKED_AT", 2)
    card = await office.ask(f"undo {DRAINED}", BOB)
    assert "1 job of the 2 looked at has an id that is in use again (w3)" in said(card)
    assert "Bring back up to 4 now" in labels(card)


async def test_where_some_are_done_and_the_ids_of_the_others_are_in_use_nothing_is_left(office):
    for number in range(3):
        another(office, f"n{number}", number)
    use(office, "w3", "w4")
    with pytest.raises(JobGoneError, match="3 orders already have a completed job; 2 jobs have an"):
        await office.ask(f"undo {DRAINED}", BOB)


async def test_an_undo_that_loses_its_archive_ends_without_a_tick(office, messenger):
    real = office.remover.restore

    async def restore(*args, **options):
        outcome = await real(*args, **options)
        await office.archive.drop(DRAINED)
        return outcome

    office.remover.restore = restore
    _, ended = await undo(office, "Bring back 5 now")
    assert ended.startswith("⚠️ Brought back 2 of 5 jobs")
    assert "Ended early: The archive ran out: 3 jobs could not be brought back." in ended
    assert "not touched" not in ended
    [entry] = [one for one in await office.history() if "ran out" in one.detail]
    assert entry.detail == "2 of 5; The archive ran out: 3 jobs could not be brought back."
