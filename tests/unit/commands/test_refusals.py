"""Every refusal that a person can come upon and no other test reads, word for word."""

import re
from dataclasses import replace

import pytest

from bot.commands import emergencies, plan_buttons
from bot.domain.access import Actor
from bot.domain.jobs import BatchOutcome, FailureFilter, JobDetail
from bot.domain.plans import APPROVAL_LIFETIME, PLAN_LIFETIME, PlanKind, PlanStatus
from bot.domain.sample import Counts
from bot.errors import BullhornError, PlanExpiredError, StaleError
from tests.support.fake_salesforce import FakeSalesforce
from tests.support.fakes import ORDERS
from tests.support.toolbox import ALICE, BOB, CATALOG, POLICY, build_office, value_of

DANA = Actor(user="U0DANA", channel="C0ELSEWHERE")
"""A second admin."""
NAME = "order-provisioning"
DIRECT = replace(ALICE, channel="D0ALICE")


@pytest.fixture
async def office(office, redis, queues, messenger):
    """The same two queues, and two admins."""
    admins = replace(POLICY, admins=frozenset({ALICE.user, DANA.user}))
    return build_office(redis=redis, queues=queues, messenger=messenger, access=admins)


@pytest.fixture
def orders(queues):
    return queues.queues[ORDERS]


async def refused(what, words, error=BullhornError):
    """The coroutine ends with these very words."""
    with pytest.raises(error, match=f"^{re.escape(words)}"):
        await what


@pytest.mark.parametrize(
    ("line", "words", "actor"),
    [
        (f"retry {NAME} --name ZZ", "No failed job matches that now: nothing to retry.", BOB),
        (
            f"retry {NAME} --stuck --all",
            "--stuck is about orders without a job: leave the rest out.",
            BOB,
        ),
        (
            f"retry {NAME} --stuck",
            "This queue is not retried through Salesforce, or there are no credentials for it.",
            BOB,
        ),
        (
            f"retry {NAME} w0 --failed-at 1",
            "Job w0 has failed again since. Look at it anew first.",
            BOB,
        ),
        (f"promote {NAME} w0 w1", "None of these jobs is delayed now: nothing to promote.", BOB),
        ("drain", "Say which queue: `drain QUEUE`.", ALICE),
        ("obliterate", "Say which queue: `obliterate QUEUE`.", ALICE),
        (
            f"drain {NAME}",
            "Ask for this in a channel: another admin must see it and approve it.",
            DIRECT,
        ),
    ],
)
async def test_what_a_line_is_refused_with(office, line, words, actor):
    await refused(office.ask(line, actor), words)


async def test_fresh_attempts_are_bullmqs(redis, queues, messenger, clock):
    policies = {NAME: replace(CATALOG.queues[NAME], retry_via="salesforce")}
    queues.add(ORDERS).fail("w0", "WHMCS_ERROR: x", clock.now)
    office = build_office(
        redis=redis, queues=queues, messenger=messenger, salesforce=FakeSalesforce(clock),
        catalog=replace(CATALOG, queues=policies),
    )  # fmt: skip
    await office.tick()
    words = "--fresh is for a retry by BullMQ: say --bullmq --fresh."
    await refused(office.ask(f"retry {NAME} --all --fresh"), words)


async def test_a_test_alert_needs_a_channel(redis, queues, messenger):
    office = build_office(
        redis=redis, queues=queues, messenger=messenger, catalog=replace(CATALOG, channel=None)
    )
    words = "No channel is configured for alerts. Set `channel:` in the config."
    await refused(office.ask("alerts test"), words)


async def test_bullmq_3_loses_prioritized_jobs_and_a_retry_of_one_says_what_to_do(office, orders):
    orders.version = "bullmq:3.15.8"
    orders.prioritized.add("w0")
    words = (
        "Job w0 has a priority, and BullMQ 3 loses such jobs when they are retried. "
        "If the queue runs a later one, set `bullmq:` for it in the config."
    )
    await refused(office.ask(f"retry {NAME} w0"), words)
    assert "w0" in orders.failed


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (
            BatchOutcome(left_out=1),
            (
                "Job d1 would be lost: it has a priority on BullMQ 3, or its keys are damaged. "
                "If the queue runs a later one, set `bullmq:` for it in the config."
            ),
        ),
        (BatchOutcome(changed=1), "Job d1 was just promoted by something else."),
    ],
)
async def test_a_job_that_cannot_be_promoted(office, queues, orders, outcome, words):
    orders.delayed.append("d1")
    orders.jobs["d1"] = JobDetail(
        queue=ORDERS, id="d1", name="n", state="delayed", data={}, options={},
        attempts_made=0, attempts=3,
    )  # fmt: skip

    async def promote(*_args, **_options):
        return outcome

    queues.promote = promote
    await refused(office.ask(f"promote {NAME} d1"), words)


async def test_the_rest_of_what_was_not_tried(office):
    plan_id = value_of(await office.ask(f"retry {NAME} --all"), "Retry 5 now")
    words = "Nothing of this plan waits. Ask for a new one."
    await refused(plan_buttons.rest(office.toolbox, BOB, plan_id), words, StaleError)


@pytest.mark.parametrize("press", ["cancel", "confirm"])
async def test_a_press_that_another_one_was_quicker_than(office, monkeypatch, press):
    """The plan was still open when it was looked at, and in the midst of a try when it was won."""
    plans = office.toolbox.confirming._plans
    plan = (await office.toolbox.planner.propose(BOB, ORDERS, FailureFilter(code=None))).plan
    real = plans.advance

    async def advance(changed, *, expected):
        await real(replace(plan, status=PlanStatus.TRIED), expected=PlanStatus.PROPOSED)
        return await real(changed, expected=expected)

    monkeypatch.setattr(plans, "advance", advance)
    pressed = getattr(plan_buttons, press)(office.toolbox, BOB, plan.id)
    await refused(pressed, "This plan was just carried out by another press.", StaleError)


@pytest.fixture
def request_of(office, orders):
    orders.counts = Counts(waiting=34)

    async def asked(kind=PlanKind.DRAIN):
        plan = (await office.toolbox.repairs.emergencies.propose(ALICE, ORDERS, kind)).plan
        return await office.toolbox.approving.ask(ALICE, plan.id, NAME)

    return asked


async def approve(office, plan):
    return await emergencies.approve(office.toolbox, DANA, plan.id, None)


async def test_a_dialog_that_was_open_for_too_long(office, orders):
    orders.counts = Counts(waiting=34)
    found = await office.toolbox.repairs.emergencies.propose(ALICE, ORDERS, PlanKind.DRAIN)
    office.clock.forward(PLAN_LIFETIME)
    words = "The dialog was open for too long: the numbers may be others."
    asked = office.toolbox.approving.ask(ALICE, found.plan.id, NAME)
    await refused(asked, words, PlanExpiredError)


async def test_a_request_that_has_expired(office, request_of):
    plan = await request_of()
    office.clock.forward(APPROVAL_LIFETIME)
    words = "This request has expired. Nothing was changed. Ask for a new one."
    await refused(approve(office, plan), words, PlanExpiredError)


async def test_a_request_whose_counts_have_changed(office, orders, request_of):
    plan = await request_of()
    orders.counts = Counts(waiting=20)
    words = (
        "The approval is void: 34 jobs were there when it was asked, 20 are now. "
        'Nothing was changed. Press "Ask again…" on the request: another admin approves then.'
    )
    await refused(approve(office, plan), words, StaleError)


async def test_an_obliterate_of_a_queue_that_was_resumed(office, orders, request_of):
    orders.paused = True
    plan = await request_of(PlanKind.OBLITERATE)
    orders.paused = False
    words = f"{NAME} is not paused. Pause it, then try again."
    await refused(approve(office, plan), words)
