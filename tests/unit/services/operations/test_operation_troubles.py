"""A long operation when Redis, Slack, the queue or our own code lets it down."""

import re
from dataclasses import replace

from bot.domain.plans import PlanStatus
from bot.errors import RedisUnavailableError, RefusedError
from bot.services.operations import receipts, runner, screen
from tests.support.toolbox import BOB
from tests.unit.services.operations.telling import begin, message, replies


async def test_a_pause_in_between_ends_it_early_with_the_reason(office, messenger, many):
    many.version, many.pause_after = "bullmq:5.81.0", 100
    await begin(office, "TIMEOUT")
    await office.run_operations()
    text = message(messenger)
    assert "Moved 100 of 1,100 TIMEOUT back to waiting in order-provisioning" in text
    assert "Ended early: The queue is paused" in text


async def test_a_source_that_is_away_for_a_while_is_waited_for(
    office, messenger, many, monkeypatch
):
    monkeypatch.setattr(runner, "PATIENCE", 60.0)
    await begin(office, "TIMEOUT")
    real, answers = office.queues.retry, iter([True, False, True])

    async def retry(*args, **options):
        if not next(answers, True):
            raise RedisUnavailableError("Redis does not answer.")
        return await real(*args, **options)

    office.queues.retry = retry
    await office.run_operations()
    assert "Moved 1,100 of 1,100 TIMEOUT back to waiting in order-provisioning." in message(
        messenger
    )


async def test_an_outage_in_the_middle_of_a_look_counts_no_job_twice(
    office, messenger, monkeypatch
):
    monkeypatch.setattr(receipts, "STEP", 1)
    await begin(office)
    real, answers = office.outcomes.outcomes, iter([True, True, False])

    async def outcomes(*args):
        if not next(answers, True):
            raise RedisUnavailableError("Redis does not answer.")
        return await real(*args)

    office.outcomes.outcomes = outcomes
    await office.run_operations()
    assert replies(messenger)[0].startswith("✅ 3 completed")


async def test_a_source_that_stays_away_ends_it_and_says_so(office, messenger, many, monkeypatch):
    monkeypatch.setattr(runner, "PATIENCE", 0.0)
    await begin(office, "TIMEOUT")

    async def retry(*_args, **_options):
        raise RedisUnavailableError("Redis does not answer.")

    office.queues.retry = retry
    await office.run_operations()
    text = message(messenger)
    assert "Changed none of 1,100 TIMEOUT in order-provisioning. 1,100 not touched." in text
    assert "Ended early: Redis does not answer." in text


async def test_a_source_that_stays_away_ends_it_even_where_nothing_can_be_counted(
    office, messenger, monkeypatch
):
    monkeypatch.setattr(runner, "PATIENCE", 0.0)
    plan = await begin(office)
    office.queues.down["main"] = "Redis does not answer."
    await office.run_operations()
    assert "Ended early: Redis does not answer" in message(messenger)
    assert (await office.toolbox.confirming.plan(plan.id)).status is PlanStatus.DONE


async def test_an_answer_that_slack_lost_is_looked_for_and_not_said_twice(office, messenger):
    messenger.faults = ["lost answer"]
    await begin(office)
    await office.run_operations()
    assert len(messenger.of(screen.KIND)) == 1
    assert "Moved 3" in message(messenger)


async def test_where_the_channel_refuses_the_person_is_told(office, messenger):
    messenger.missing = {BOB.channel}
    await begin(office)
    await office.run_operations()
    [posted] = messenger.of(screen.KIND)
    assert posted.ref.channel == "U0BOB"


async def test_slack_away_does_not_hold_the_jobs_up(office, messenger, queue):
    messenger.faults = ["unreachable"] * 3
    await begin(office)
    await office.run_operations()
    assert len(queue.retried) == 3
    assert "Moved 3" in message(messenger)


async def test_a_refusal_from_the_start_says_that_nothing_was_changed(office, messenger, queue):
    async def retry(*_args, **_options):
        raise RefusedError("The queue's own keys are damaged (pc).")

    await begin(office)
    office.queues.retry = retry
    await office.run_operations()
    assert "Changed none of 3 WHMCS_ERROR in order-provisioning. 3 not touched." in message(
        messenger
    )


async def test_a_mistake_of_ours_ends_it_with_a_reference(office, messenger):
    async def retry(*_args, **_options):
        raise KeyError("never mind")

    await begin(office)
    office.queues.retry = retry
    await office.run_operations()
    assert re.search(
        r"Ended early: Something unexpected went wrong \(ref \w{4}\)", message(messenger)
    )


async def test_what_was_begun_ends_when_the_bot_has_become_read_only(office, messenger, queue):
    await begin(office)
    tools = office.runner._tools
    read_only = replace(tools, catalog=replace(tools.catalog, read_only=True))
    office.runner._tools = read_only
    await office.run_operations()
    assert queue.retried == []
    assert "Ended early: Bullhorn is read-only now" in message(messenger)
