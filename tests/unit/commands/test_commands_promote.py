"""promote, unstick, the pace of a retry, and what failed again after it."""

import json
from dataclasses import replace

import pytest

from bot.commands import plan_buttons
from bot.commands.arguments import parse
from bot.domain.audit import Outcome
from bot.domain.jobs import JobDetail
from bot.domain.policy import QueuePolicy
from bot.domain.sample import ActiveJob
from bot.domain.subjects import JobAbout
from bot.domain.times import MINUTE, SECOND
from bot.errors import JobGoneError, UsageError
from bot.services import promoting
from tests.support.fakes import ORDERS, SIMS, START
from tests.support.toolbox import BOB, CATALOG, build_office, labels, said, value_of
from tests.unit.commands.test_commands_repairs import outcomes, press, quick  # noqa: F401


@pytest.fixture
def orders(queues, office):
    return queues.queues[ORDERS]


@pytest.fixture
async def sims(redis, queues, messenger):
    """An office in which a SIM should not be tried twice within half an hour; s1 and s2 wait."""
    queue = queues.add(SIMS)
    delay(queue, SIMS, "s1", simAccount="080-1")
    delay(queue, SIMS, "s2", simAccount="080-2")
    policies = {"sim-management": QueuePolicy(min_gap=30 * MINUTE, subject="simAccount")}
    office = build_office(
        redis=redis, queues=queues, messenger=messenger,
        catalog=replace(CATALOG, queues=policies),
    )  # fmt: skip
    await office.tick()
    return office


def delay(queue, queue_id, job_id, **data):
    queue.delayed.append(job_id)
    queue.contents.data[job_id] = data
    queue.jobs[job_id] = JobDetail(
        queue=queue_id, id=job_id, name="sim", state="delayed", data=data, options={},
        attempts_made=0, attempts=3,
    )  # fmt: skip


async def test_one_delayed_job_is_promoted_at_once(sims, queues):
    text = await sims.said("promote sim-management s1")
    assert "<@U0BOB> promoted job s1 of sim-management." in text
    assert queues.queues[SIMS].promoted == ["s1"]
    assert (await outcomes(sims))[0] == ("promote job s1", Outcome.DONE)


async def test_a_job_that_is_not_delayed_is_not_promoted(office):
    with pytest.raises(JobGoneError, match="w0 is failed, not delayed"):
        await office.ask("promote order-provisioning w0")
    with pytest.raises(JobGoneError, match="Job nope is not in order-provisioning"):
        await office.ask("promote order-provisioning nope")


async def test_a_job_whose_subject_was_tried_just_now_gets_a_card_that_offers_later(sims, queues):
    tried = JobAbout(id="old", state="completed", finished_at=START - 10 * MINUTE)
    queues.queues[SIMS].contents.add(tried, simAccount="080-1")
    card = await sims.ask("promote sim-management s1")
    assert "1 SIM account was tried less than 30 min ago" in said(card)
    assert "Promote in 20 min" in labels(card)
    assert queues.queues[SIMS].promoted == []
    assert "promoted job s2" in await sims.said("promote sim-management s2")
    reply = await plan_buttons.later(sims.toolbox, BOB, value_of(card, "Promote in"))
    assert "Planned for" in said(reply)
    [(plan_id, _)] = sims.submitted.waiting
    plan = await sims.toolbox.confirming.plan(plan_id)
    assert plan.begin_at == sims.clock.now + 20 * MINUTE


async def test_all_delayed_jobs_are_promoted_through_a_plan(sims, queues):
    card = await sims.ask("promote sim-management --all --rate 600/s")
    assert "Promote 2 delayed jobs of sim-management?" in said(card)
    assert "At most 600 a second" in said(card)
    queue = queues.queues[SIMS]
    queue.contents.data["s3"] = {}
    text, _ = await press(sims, card, "Promote 2 now")
    assert "Promoted 2 of 2 delayed jobs in sim-management." in text
    assert queue.promoted == ["s1", "s2"]
    with pytest.raises(JobGoneError, match="No job is delayed now"):
        await sims.ask("promote sim-management --all")


async def test_jobs_delayed_after_the_card_are_not_promoted(sims, queues):
    queue = queues.queues[SIMS]
    for number in range(20):
        delay(queue, SIMS, f"d{number}")
    card = await sims.ask("promote sim-management --all")
    delay(queue, SIMS, "late")
    await press(sims, card, "Promote 22 now")
    assert queue.delayed == ["late"]


async def test_in_a_small_queue_that_moves_only_the_jobs_of_the_card_count(sims, queues):
    queue = queues.queues[SIMS]
    for number in range(3):
        delay(queue, SIMS, f"d{number}")
    card = await sims.ask("promote sim-management --all")
    delay(queue, SIMS, "late")
    assert "Begun: 5 delayed jobs" in said(
        await plan_buttons.confirm(sims.toolbox, BOB, value_of(card, "Promote 5 now"))
    )
    card = await sims.ask("promote sim-management --all")
    del queue.delayed[:2]
    delay(queue, SIMS, "later")
    again = said(await plan_buttons.confirm(sims.toolbox, BOB, value_of(card, "Promote 6 now")))
    assert "Changed since you were asked: 2 of 6 are not delayed any more." in again
    assert "Promote 5 delayed jobs of sim-management?" in again


async def test_when_all_of_the_card_have_come_due_the_press_says_so(sims, queues):
    card = await sims.ask("promote sim-management --all")
    queue = queues.queues[SIMS]
    queue.delayed.clear()
    delay(queue, SIMS, "d1")
    delay(queue, SIMS, "d2")
    with pytest.raises(JobGoneError, match=r"None of these 2 jobs is delayed any more"):
        await plan_buttons.confirm(sims.toolbox, BOB, value_of(card, "Promote 2 now"))


@pytest.mark.parametrize(
    "line",
    ["promote", "promote sim-management", "promote sim-management s1 --all", "unstick", "remove q"],
)
async def test_what_is_missing_is_said(sims, line):
    with pytest.raises(UsageError, match=r"Say what to promote|Say which"):
        await sims.ask(line)


async def test_unstick_counts_the_lockless_and_names_the_others(office, orders):
    def job(job_id, age, *, locked):
        left = 21 * SECOND if locked else None
        return ActiveJob(
            id=job_id, name="w", started_at=START - age, attempt=1, locked=locked, lock_left=left
        )

    orders.active.jobs = [
        job("dead", 12 * MINUTE, locked=False),
        job("alive", 12 * SECOND, locked=True),
    ]
    orders.active.check_ends = START + 20 * SECOND
    orders.workers = 0
    text = said(await office.ask("unstick order-provisioning"))
    assert "Unstick 1 active job of order-provisioning?" in text
    assert "1 job has lost its worker: dead, begun 12 min ago" in text
    assert (
        "1 job is locked by a worker, and left alone: alive (12 s). Its lock lasts 21 s more: "
        "if its worker has died, ask again then"
    ) in text
    assert "BullMQ looks for such jobs again in 20 s: that is waited out first" in text
    assert "No worker is connected" in text
    orders.active.jobs = orders.active.jobs[1:]
    with pytest.raises(
        JobGoneError,
        match=r"1 active job is locked by a worker.*alive \(12 s\)\. Its lock lasts 21 s more",
    ):
        await office.ask("unstick order-provisioning")


async def test_unstick_says_what_keeps_the_jobs_waiting_then(office, orders):
    orders.active.jobs = [
        ActiveJob(id=one, name="w", started_at=START - 4 * MINUTE, attempt=1, locked=False)
        for one in ("52", "82")
    ]
    orders.paused, orders.workers = True, 0
    text = said(await office.ask("unstick order-provisioning"))
    assert "2 jobs have lost their worker: 52 and 82, the first begun 4 min ago" in text
    assert "The queue is paused: they wait until it is resumed" in text
    assert "No worker is connected: they wait until one is" in text


@pytest.mark.parametrize(("text", "rate"), [("50/s", 50), ("30/m", 0.5), ("5 / sec", 5)])
def test_a_rate(text, rate):
    assert parse(["--rate", text], options=("rate",)).rate() == rate


@pytest.mark.parametrize(
    "text", ["50", "0/s", "1000000/s", "50/h", "-1/s", "1.5/s", "/s", "1e3/s", "\u0665/s"]
)
def test_what_is_no_rate(text):
    with pytest.raises(UsageError, match=r"--rate takes 1/m up to 999,999/s, like 50/s or 5/m"):
        parse([f"--rate={text}"], options=("rate",)).rate()


async def test_very_many_delayed_jobs_are_counted_and_not_named(sims, queues, monkeypatch):
    monkeypatch.setattr(promoting, "FROZEN_BY_ID", 1)
    card = await sims.ask("promote sim-management --all")
    assert "2 jobs are too many to name: those that are delayed until it ends count too" in said(
        card
    )
    plan = await sims.toolbox.confirming.plan(value_of(card, "Promote 2 now"))
    assert (plan.ids, plan.count) == ((), 2)
    await press(sims, card, "Promote 2 now")
    assert queues.queues[SIMS].promoted == ["s1", "s2"]


async def test_a_retry_drips_and_tries_a_few_first(office):
    card = await office.ask("retry order-provisioning --error WHMCS_ERROR --rate 30/m --canary 2")
    assert "At most 30 a minute: about 4 s" in said(card)
    plan = await office.toolbox.confirming.plan(value_of(card, "Try 2 first"))
    assert (plan.rate, plan.canary) == (0.5, 2)


async def test_a_try_of_more_than_there_are_is_a_plain_retry(office):
    card = await office.ask("retry order-provisioning --error WHMCS_ERROR --canary 5000")
    assert "There are only 3: no try of 5,000 first" in said(card)
    plan = await office.toolbox.confirming.plan(value_of(card, "Retry 3 now"))
    assert plan.canary == 0


async def test_those_that_failed_again_are_listed_by_their_operation(office, orders):
    card = await office.ask("retry order-provisioning --error WHMCS_ERROR")
    plan_id = value_of(card, "Retry 3 now")
    await press(office, card, "Retry 3 now")
    orders.fail("w1", "TIMEOUT: slow", START + 1)
    reply = await office.ask(f"failed order-provisioning --of {plan_id}")
    text = said(reply)
    assert "1–1 of 1 failed in order-provisioning again after they were retried" in text
    assert "w1" in json.dumps(reply.message.blocks)
    with pytest.raises(UsageError, match="takes no other filter"):
        await office.ask(f"failed order-provisioning --of {plan_id} --error TIMEOUT")
    with pytest.raises(JobGoneError, match="Not known which jobs these are"):
        await office.ask("failed order-provisioning --of nope")
