"""promote, unstick, remove, clean and undo: from the typed line to what is left in the queue."""

from dataclasses import replace

import pytest

from bot.commands import plan_buttons
from bot.domain.audit import Outcome
from bot.domain.jobs import FailureFilter, JobDetail
from bot.domain.plans import PlanStatus
from bot.domain.sample import ActiveJob
from bot.domain.times import DAY, HOUR
from bot.errors import JobGoneError, PausedError, RefusedError, UsageError
from bot.services.operations import screen
from bot.services.plan_freezing import freeze_named
from tests.support.fakes import ORDERS, START
from tests.support.toolbox import BOB, labels, said, shown, value_of


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Slack is told at once."""
    monkeypatch.setattr(screen, "FIRST", 0.0)
    monkeypatch.setattr(screen, "EVERY", 0.0)


@pytest.fixture
def orders(queues, office):
    return queues.queues[ORDERS]


async def press(office, card, label="Remove"):
    """Confirm a card, have the operation run, and read its message."""
    reply = await plan_buttons.confirm(office.toolbox, BOB, value_of(card, label))
    assert "Begun" in said(reply)
    await office.run_operations()
    posted = office.toolbox.messenger.of(screen.KIND)[-1]
    return shown(posted.message).text.translate(_PLAIN), shown(posted.message).labels


_PLAIN = str.maketrans("", "", "*`")


async def outcomes(office):
    return [(entry.what, entry.outcome) for entry in await office.history()]


async def test_clean_archives_old_failed_jobs_and_undo_brings_them_back(office, orders):
    orders.fail("old", "WHMCS_ERROR: away", START - 40 * DAY)
    orders.fail("older", "WHMCS_ERROR: away", START - 50 * DAY)
    before = dict(orders.failed)
    card = await office.ask("clean order-provisioning failed")
    text = said(card)
    assert "Remove 2 failed jobs of order-provisioning?" in text
    assert "The oldest failed 50 d ago, the newest 40 d ago" in text
    assert "Archived first: kept 7 d, up to 256 MB of archives; about" in text

    text, buttons = await press(office, card)
    assert "Removed 2 of 2 failed jobs of order-provisioning." in text
    assert "Undo…" in buttons
    assert set(orders.failed) == set(before) - {"old", "older"}
    office.outcomes.default = replace(office.outcomes.default, state="gone")
    archive = value_of(card, "Remove")
    listed = await office.ask("undo")
    assert "2 jobs in 1 archive can be brought back" in said(listed)
    assert value_of(listed, "Undo") == f"undo {archive}"
    card = await office.ask(f"undo {archive}")
    assert "Bring back 2 failed jobs of order-provisioning?" in said(card)
    assert "Cleaned by <@U0BOB>" in said(card)

    text, _ = await press(office, card, "Bring back 2")
    assert "Brought back 2 of 2 failed jobs to order-provisioning." in text
    assert orders.failed == before
    assert ("clean 2 failed jobs older than 30 d", Outcome.DONE) in await outcomes(office)
    assert (f"undo 2 failed jobs from archive {archive}", Outcome.DONE) in await outcomes(office)
    with pytest.raises(JobGoneError, match="all is back"):
        await office.ask(f"undo {archive}")


async def test_completed_jobs_are_removed_for_good_and_the_card_says_so(office):
    office.remover.held[ORDERS, "completed"] = {"c1": START - 8 * DAY, "c2": START - HOUR}
    card = await office.ask("clean order-provisioning completed")
    assert "Remove 1 completed job of" in said(card)
    assert "they cannot be brought back" in said(card)
    text, buttons = await press(office, card)
    assert "Removed 1 of 1 completed job of order-provisioning." in text
    assert "Undo…" not in buttons
    assert office.remover.held[ORDERS, "completed"] == {"c2": START - HOUR}
    assert await office.archive.recent() == []


async def test_failed_jobs_that_cannot_be_archived_are_not_removed(office, orders):
    for number in range(1_500):
        orders.fail(f"o{number:04}", f"WHMCS_ERROR: {number * 7919}", START - 40 * DAY + number)
    office.archive.cap = 2 * await office.archive.weigh(await whole(office))
    card = await office.ask("clean order-provisioning failed")
    assert "The archive has room for about" in said(card)
    assert "are not removed" in said(card)
    text, _ = await press(office, card)
    assert "The archive is full." in text
    kept = (await office.archive.recent())[0].jobs
    left = sum(job.failed_at < START - DAY for job in orders.failed.values())
    assert 0 < kept < 1_500
    assert kept + left == 1_500


async def test_flow_children_are_left_out_with_their_number(office, orders):
    office.remover.left_out = {"w0"}
    orders.contents.children = {"w0", "w1"}
    orders.contents.orphans = {"w1"}
    card = await office.ask("clean order-provisioning failed --older-than 0s")
    assert "1 flow child whose parent waits for it: left out" in said(card)
    text, _ = await press(office, card)
    assert "Removed 4 of 5 failed jobs of order-provisioning. 1 left out (a flow" in text
    assert set(orders.failed) == {"w0"}


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("clean order-provisioning", "Say what to clean"),
        ("clean order-provisioning active", '"active" cannot be cleaned'),
        ("clean order-provisioning orphans --older-than 1d", "Orphans have no age"),
        ("clean order-provisioning failed --rate fast", "--rate takes 1/m up to 999,999/s"),
        ("undo a b", "Say which"),
    ],
)
async def test_what_is_wrong_with_a_clean_is_said(office, line, why):
    with pytest.raises(UsageError, match=why):
        await office.ask(line)


async def test_orphans_are_told_of_and_swept(office):
    office.remover.strays[ORDERS] = {"17", "18"}
    card = await office.ask("clean order-provisioning failed --older-than 0s")
    assert value_of(card, "2 orphaned jobs") == "clean order-provisioning orphans"
    with pytest.raises(JobGoneError, match=r"nothing to clean\. 2 orphaned jobs"):
        await office.ask("clean order-provisioning completed")
    card = await office.ask("clean order-provisioning orphans")
    assert "Remove 2 orphaned jobs of order-provisioning?" in said(card)
    assert "Such as 17 and 18" in said(card)
    assert "Archived first: kept 7 d" in said(card)
    [asked] = [
        one["confirm"]
        for b in card.message.blocks
        for one in b.get("elements", [])
        if "confirm" in one
    ]
    assert asked["title"]["text"] == "Remove 2 orphaned jobs of order-provisioning?"
    assert "undo brings them back" in asked["text"]["text"]
    archive = value_of(card, "Remove")
    text, buttons = await press(office, card)
    assert "Removed 2 of 2 orphaned jobs of order-provisioning." in text
    assert office.remover.strays[ORDERS] == set()
    with pytest.raises(JobGoneError, match="no orphans"):
        await office.ask("clean order-provisioning orphans")
    assert "Undo…" in buttons
    office.outcomes.default = replace(office.outcomes.default, state="gone")
    card = await office.ask(f"undo {archive}")
    assert "Bring back 2 orphaned jobs of order-provisioning?" in said(card)
    assert "in no list: no worker runs them" in said(card)
    await press(office, card, "Bring back 2")
    assert office.remover.strays[ORDERS] == {"17", "18"}


async def test_one_job_is_removed_through_a_card_and_can_be_undone(office, orders):
    view = await office.ask("job order-provisioning w1")
    assert value_of(view, "Remove") == "remove order-provisioning w1"
    card = await office.ask("remove order-provisioning w1")
    assert "Remove failed job w1 of order-provisioning?" in said(card)
    assert "provision, failed with WHMCS_ERROR, 3 of 3 attempts used" in said(card)
    assert "w1" in orders.failed
    text, buttons = await press(office, card)
    assert "Removed failed job w1 of order-provisioning." in text
    assert "Undo…" in buttons
    assert "w1" not in orders.failed
    assert (await outcomes(office))[0] == ("remove failed job w1", Outcome.DONE)
    [info] = await office.archive.recent()
    assert (info.kind, info.by, info.jobs) == ("remove", "U0BOB", 1)


async def test_what_hangs_on_others_is_not_removed(office, orders):
    office.remover.left_out = {"w1"}
    with pytest.raises(RefusedError, match="its parent still waits for it"):
        await office.ask("remove order-provisioning w1")
    orders.active.jobs = [ActiveJob(id="a1", name="w", started_at=1, attempt=1, locked=True)]
    orders.jobs["a1"] = JobDetail(
        queue=ORDERS, id="a1", name="w", state="active", data={}, options={}, attempts_made=0,
        attempts=3, locked=True,
    )  # fmt: skip
    with pytest.raises(RefusedError, match="held by a live worker"):
        await office.ask("remove order-provisioning a1")
    assert "Remove…" not in labels(await office.ask("job order-provisioning a1"))


async def test_only_a_hash_is_no_job_to_remove(office, orders):
    orders.jobs["lost"] = JobDetail(
        queue=ORDERS, id="lost", name="w", state="unknown", data={}, options={}, attempts_made=0,
        attempts=3,
    )  # fmt: skip
    with pytest.raises(JobGoneError, match="`clean order-provisioning orphans`"):
        await office.ask("remove order-provisioning lost")
    with pytest.raises(JobGoneError, match="is not in order-provisioning"):
        await office.ask("remove order-provisioning nope")


async def test_a_job_that_failed_again_after_the_card_stays(office, orders):
    card = await office.ask("remove order-provisioning w1")
    orders.fail("w1", "WHMCS_ERROR: again", START + 5)
    with pytest.raises(JobGoneError, match="None of these"):
        await plan_buttons.confirm(office.toolbox, BOB, value_of(card, "Remove"))
    assert "w1" in orders.failed


async def test_ids_in_use_again_stay_archived(office, orders):
    card = await office.ask("clean order-provisioning failed --older-than 0s")
    await press(office, card)
    orders.fail("w0", "TIMEOUT: new", START + 1)
    office.outcomes.default = replace(office.outcomes.default, state="gone")
    office.outcomes.ended = {"w0": replace(office.outcomes.default, state="failed")}
    archive = value_of(card, "Remove")
    card = await office.ask(f"undo {archive}")
    assert "1 job has an id that is in use again (w0): it stays archived" in said(card)
    text, _ = await press(office, card, "Bring back 4")
    assert "Brought back 4 of 5 failed jobs to order-provisioning. 1 was in use again" in text
    assert "and stays archived" in text
    assert orders.failed["w0"].code == "TIMEOUT"
    assert (await office.archive.info(archive)).jobs == 1
    with pytest.raises(
        RefusedError, match=r"id of the archived job \(w0\) is in use again: it can"
    ):
        await office.ask(f"undo {archive}")


async def test_what_is_still_being_archived_is_not_undone(office):
    card = await office.ask("clean order-provisioning failed --older-than 0s")
    plan_id = value_of(card, "Remove")
    await plan_buttons.confirm(office.toolbox, BOB, plan_id)
    plan = await office.toolbox.confirming.plan(plan_id)
    assert plan.status is PlanStatus.RUNNING
    await office.archive.begin(plan_id, queue=ORDERS, state="failed", kind="clean", by="U0BOB")
    await office.archive.put(plan_id, await whole(office))
    with pytest.raises(RefusedError, match="still under way"):
        await office.ask(f"undo {plan_id}")


async def whole(office):
    refs = await anext(office.remover.select(ORDERS, "failed", until=None))
    return (await anext(office.remover.capture(ORDERS, "failed", refs))).jobs


async def test_there_is_no_such_archive(office):
    with pytest.raises(JobGoneError, match=r"There is no archive 0000 \(any more\)"):
        await office.ask("undo 0000")
    assert "Nothing can be brought back" in await office.said("undo")


@pytest.mark.parametrize("line", ["clean order-provisioning failed", "retry order-provisioning w0"])
async def test_a_paused_queue_is_refused_with_the_way_on(office, orders, line):
    orders.version, orders.paused = "bullmq:5.81.0", True
    with pytest.raises(PausedError, match="Resume it first") as no:
        await office.ask(line)
    assert no.value.offer == "resume order-provisioning"


async def test_named_jobs_that_are_not_failed_are_counted_well(office, queues):
    with pytest.raises(JobGoneError, match="None of these 2 jobs is failed now"):
        await office.ask("retry order-provisioning no1 no2")
    with pytest.raises(JobGoneError, match="Job no1 is not failed now: nothing to retry"):
        await freeze_named(queues, ORDERS, FailureFilter(), ["no1"])


async def test_orphans_beyond_those_that_are_named_are_all_counted(office):
    office.remover.strays[ORDERS] = {f"{number:05}" for number in range(2_817)}
    card = await office.ask("clean order-provisioning orphans")
    assert "Remove 2,817 orphaned jobs" in said(card)
    assert "00004 and 2,812 more:" in said(card)
