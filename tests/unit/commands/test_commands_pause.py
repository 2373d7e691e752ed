"""`pause` and `resume`: at once, announced, on record, once."""

import pytest

from bot.domain.audit import Outcome
from bot.domain.pausing import PauseOutcome
from bot.errors import RedisUnavailableError, RefusedError, UsageError
from tests.support.fakes import ORDERS
from tests.support.toolbox import BOB, VERA, said


async def test_a_pause_is_announced_with_the_reason_and_the_way_back(office, queues):
    reply = await office.ask("pause order-provisioning WHMCS maintenance, 1h")
    assert queues.queues[ORDERS].paused
    assert reply.message is None
    text = said(reply)
    assert "U0BOB" in text
    assert "paused order-provisioning: WHMCS maintenance, 1h" in text
    assert "Jobs under way finish" in text
    assert "Took in" not in text
    [entry] = await office.history()
    assert (entry.user, entry.action, entry.queue) == ("U0BOB", "pause", "order-provisioning")
    assert (entry.outcome, entry.reason) == (Outcome.DONE, "WHMCS maintenance, 1h")
    assert "because WHMCS maintenance" in await office.said("history")


async def test_the_button_of_the_announcement_resumes(office, queues):
    reply = await office.ask("pause order-provisioning")
    [button] = [
        element
        for block in reply.announcement.blocks
        for element in block.get("elements", ())
        if element.get("value", "").startswith("resume")
    ]
    text = await office.said(button["value"])
    assert "resumed order-provisioning" in text
    assert not queues.queues[ORDERS].paused


@pytest.mark.parametrize("first", ["pause", "resume"])
async def test_a_second_press_says_plainly_that_nothing_was_to_do(office, first):
    if first == "pause":
        await office.ask("pause order-provisioning")
    reply = await office.ask(f"{first} order-provisioning")
    state = "paused already" if first == "pause" else "not paused"
    assert said(reply) == f"order-provisioning is {state}: nothing was changed."
    assert reply.announcement is None
    entry = (await office.history())[0]
    assert entry.detail == (
        "it was paused already" if first == "pause" else "it was running already"
    )


@pytest.mark.parametrize("version", [None, "bullmq:7.0.0", "bullmq:2.4.0"])
@pytest.mark.parametrize("action", ["pause", "resume"])
async def test_an_unknown_version_is_refused_and_on_record(office, queues, version, action):
    queues.queues[ORDERS].version = version
    with pytest.raises(RefusedError, match=f"unknown BullMQ version, and {action} is not safe"):
        await office.ask(f"{action} order-provisioning because") if action == "pause" else (
            await office.ask(f"{action} order-provisioning")
        )
    assert not queues.queues[ORDERS].paused
    [entry] = await office.history()
    assert (entry.action, entry.outcome) == (action, Outcome.REFUSED)
    assert "Set `bullmq:` for this queue" in entry.detail


async def test_when_redis_is_away_it_says_what_is_unknown(office, queues):
    queues.down["main"] = 'Redis "main" did not answer in time.'
    with pytest.raises(RedisUnavailableError, match=r"paused now, `status` tells; asking again"):
        await office.ask("pause order-provisioning")
    queues.down.clear()
    [entry] = await office.history()
    assert (entry.action, entry.outcome) == ("pause", Outcome.FAILED)


@pytest.mark.parametrize(("changed", "words"), [(True, "resumed"), (False, "was not paused")])
async def test_jobs_that_were_taken_in_are_told(office, monkeypatch, changed, words):
    async def resume(queue, *, configured):
        del queue, configured
        return PauseOutcome(changed=changed, gathered=1204)

    monkeypatch.setattr(office.queues, "resume", resume)
    reply = await office.ask("resume order-provisioning")
    text = said(reply)
    assert reply.message is None
    assert words in text
    assert "Took in 1,204 jobs that lay in the other of BullMQ's two lists" in text
    assert "took in 1,204" in (await office.history())[0].detail


async def test_one_job_that_was_taken_in_of_a_paused_queue(office, monkeypatch):
    async def pause(queue, *, configured):
        del queue, configured
        return PauseOutcome(changed=False, gathered=1)

    monkeypatch.setattr(office.queues, "pause", pause)
    text = await office.said("pause order-provisioning deploy")
    assert "order-provisioning was paused already; <@U0BOB> had its jobs put in order" in text
    assert "Took in 1 job that lay" in text


async def test_where_the_audit_log_cannot_be_written_the_announcement_says_so(office, monkeypatch):
    async def record(entry, *, once=""):
        del entry, once
        raise RedisUnavailableError("Bullhorn's own Redis cannot be reached.")

    monkeypatch.setattr(office.toolbox.audit, "record", record)
    for action in ("pause", "resume"):
        assert "audit log could not be written" in await office.said(f"{action} order-provisioning")


@pytest.mark.parametrize("text", ["pause", "resume", "resume order-provisioning now"])
async def test_the_words_must_be_right(office, text):
    with pytest.raises(UsageError, match="Say which queue"):
        await office.ask(text)


async def test_hostile_reasons_are_only_text(office):
    reply = await office.ask("pause order-provisioning <!channel> *now* @here")
    shown = reply.announcement.blocks[0]["text"]["text"]
    assert "<!channel>" not in shown
    assert "&lt;!channel&gt;" in shown


async def test_an_open_alert_gets_a_line_in_its_thread(office):
    await office.ask("pause order-provisioning deploy", BOB)
    await office.ask("pause order-provisioning again", BOB)
    state = await office.toolbox.store.load()
    assert [mark.text for mark in state.inbox] == ["paused the queue: deploy"]


async def test_a_viewer_may_not(office, queues):
    with pytest.raises(Exception, match="Pausing needs the operator role"):
        await office.ask("pause order-provisioning", VERA)
    assert not queues.queues[ORDERS].paused
