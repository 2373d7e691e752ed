"""Each command's words: what it takes, and what it answers."""

import pytest

from bot.domain.sample import Counts
from bot.errors import JobGoneError, StaleError, UsageError
from tests.support.fakes import ORDERS, SIMS, START
from tests.support.toolbox import ALICE, BOB, VERA, labels, said, value_of

HOUR = 3_600_000


async def refused(office, text, actor=BOB):
    with pytest.raises(UsageError) as caught:
        await office.ask(text, actor)
    return str(caught.value)


@pytest.mark.parametrize("text", ["", "   ", "status", "STATUS", " \u00a0status "])
async def test_status_is_the_answer_to_nothing_at_all(office, text):
    answer = await office.said(text, VERA)
    assert "order-provisioning" in answer
    assert "2 queues · all healthy" in answer
    assert "Not seen yet: invoices" in answer


async def test_status_of_one_queue_looks_now_and_not_at_what_the_last_tick_saw(office, queues):
    queues.queues[ORDERS].counts = Counts(waiting=33, active=2)
    answer = await office.said("status order-provisioning", VERA)
    assert "33" in answer
    assert "BullMQ 6" in answer
    assert "sim-management" not in answer


async def test_status_says_what_cannot_be_seen(office, queues):
    queues.down["main"] = 'Redis "main" cannot be reached.'
    for text in ("status", "status order-provisioning"):
        assert "cannot be reached" in await office.said(text, VERA)


async def test_status_does_not_say_that_there_are_none_where_none_can_be_read(office, queues):
    queues.down["main"] = 'Redis "main" cannot be reached.'
    reply = await office.ask("status", VERA)
    assert "2 queues cannot be read now" in said(reply)
    assert reply.message.text == "2 queues cannot be read now."
    assert "No queue seen" not in said(reply)


async def test_status_takes_one_queue_at_most(office):
    assert "one queue at most" in await refused(office, "status order-provisioning sim-management")


async def test_failed_groups_with_cause_and_resolution(office):
    answer = await office.said("failed order-provisioning", VERA)
    assert "5 failed in order-provisioning" in answer
    assert "3 × WHMCS_ERROR" in answer
    assert "2 × MAPPING_ERROR" in answer
    assert "No mapping. → Add it" in answer


@pytest.mark.parametrize(
    ("options", "counted", "left_out"),
    [
        ("--error WHMCS_ERROR", "3 of 5 failed", "MAPPING_ERROR"),
        ("--error=WHMCS_ERROR", "3 of 5 failed", "MAPPING_ERROR"),
        ("—error WHMCS_ERROR", "3 of 5 failed", "MAPPING_ERROR"),
        ("--since 45s", "2 of 5 failed", "WHMCS_ERROR"),
        ("--name provision --since 45s", "2 of 5 failed", "WHMCS_ERROR"),
        ("--name other", "No failed job", "×"),
        ("--error “WHMCS_ERROR” --name other", "No failed job", "×"),
    ],
)
async def test_failed_takes_error_name_and_since(office, options, counted, left_out):
    answer = await office.said(f"failed order-provisioning {options}", VERA)
    assert counted in answer
    assert left_out not in answer


async def test_the_jobs_of_a_group_come_in_pages(office, queues):
    for number in range(12):
        queues.queues[ORDERS].fail(f"x{number:02}", "TIME_OUT: x", START - 20_000 + number)
    first = await office.ask("failed order-provisioning --error TIME_OUT --jobs")
    assert "1–10 of 12 failed" in said(first)
    assert "x11" in said(first)
    assert "x01" not in said(first)
    second = await office.ask(value_of(first, "Next"))
    assert "11–12 of 12 failed" in said(second)
    assert "x01" in said(second)
    assert "Next" not in labels(second)
    assert value_of(second, "Previous") == "failed order-provisioning --error TIME_OUT --jobs"
    paged = await office.said("failed order-provisioning --error TIME_OUT --page 2")
    assert "11–12 of 12 failed" in paged, "a page is one of jobs"


async def test_nothing_failed_is_good_news(office):
    assert "No failed jobs in sim-management" in await office.said("failed sim-management", VERA)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("failed", "Say which queue"),
        ("failed order-provisioning sim-management", "Say which queue"),
        ("failed order-provisioning --error", "--error needs a value"),
        ("failed order-provisioning --error --jobs", "--error needs a value"),
        ("failed order-provisioning --since soon", '"soon" is not a duration'),
        ("failed order-provisioning --page two", '--page takes a number, not "two"'),
        ("failed order-provisioning --jobs --page two", '--page takes a number, not "two"'),
        ("failed order-provisioning --jobs --page 0", "--page takes a number"),
        ("failed order-provisioning --jobs --page ²", "--page takes a number"),
        ('failed "order-provisioning', "A quote is not closed"),
        ("job order-provisioning", "Say which job"),
        ("job order-provisioning 1 2", "Say which job"),
        ("retry", "Say what to retry"),
        ("retry order-provisioning", "Say what to retry"),
        ("retry order-provisioning --since 2h", "Say what to retry"),
        ("retry order-provisioning w0 --all", "not both"),
        ("retry order-provisioning w0 --error WHMCS_ERROR", "not both"),
        ("retry order-provisioning --all --error WHMCS_ERROR", "--all means every failed job"),
        ("alerts nonsense", "`alerts test [QUEUE]`"),
        ("alerts test order-provisioning more", "`alerts test [QUEUE]`"),
        ("ack", "Say which alert"),
        ("ack 1 2", "Say which alert"),
        ("ack backlog", "Say which alert"),
        ("ack ²", "Say which alert"),
        ("silence", "Say what and how long"),
        ("silence order-provisioning", "Say what and how long"),
        ("silence order-provisioning backlog", "Say what and how long"),
        ("silence order-provisioning 0m", "A silence needs a length"),
        ("silence order-provisioning 2weeks", '"2weeks" is not a duration'),
        ("unsilence", "Say which silence"),
        ("unsilence 1 2", "Say which silence"),
        ("history a b", "one queue at most"),
        ("history --page 501", "--page goes up to 500"),
        ("history --page abc", "--page takes a number"),
        ("failed order-provisioning --page abc", "--page takes a number"),
        ("failed order-provisioning --since 2 h", "--since takes a duration like 2h"),
        ("failed order-provisioning --error A_B --error C_D", "--error is given twice"),
        ("silence order-provisioning 31d", "A silence lasts 30d at most"),
    ],
)
async def test_wrong_words_are_answered_with_what_would_be_right(office, text, told):
    assert told in await refused(office, text)


async def test_a_job_with_its_stack_and_its_logs(office, queues):
    queues.queues[ORDERS].logs["w0"] = [f"line {number}" for number in range(80)]
    answer = await office.said("job order-provisioning w0", VERA)
    assert "WHMCS_ERROR: connect ETIMEDOUT" in answer
    assert "failed" in answer
    logs = await office.said("job order-provisioning w0 --logs", VERA)
    assert "line 79" in logs
    assert "line 29" not in logs, "the newest 50 only"
    assert "stack" in (await office.said("job order-provisioning w0 --stack", VERA)).lower()


async def test_a_job_that_is_gone_is_an_answer(office, queues):
    with pytest.raises(JobGoneError, match="Job 4711 is not in order-provisioning"):
        await office.ask("job order-provisioning 4711", VERA)
    queues.last_failures[ORDERS, "4711"] = START - HOUR
    with pytest.raises(JobGoneError, match="last seen failing") as caught:
        await office.ask("job order-provisioning 4711", VERA)
    assert caught.value.at == START - HOUR


async def test_one_named_job_is_retried_at_once_and_all_are_told(office, queues):
    reply = await office.ask("retry order-provisioning w1 w1 --fresh", BOB)
    assert reply.message is None
    assert "<@U0BOB> retried job w1 of order-provisioning, with fresh attempts" in said(reply)
    assert queues.queues[ORDERS].retried == [("w1", True)]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("retry order-provisioning w0 w1", 2),
        ("retry order-provisioning --all", 5),
        ("retry order-provisioning --error WHMCS_ERROR", 3),
        ("retry order-provisioning --all --since 45s", 2),
        ("retry order-provisioning --name provision", 5),
    ],
)
async def test_more_than_one_job_is_a_card_first(office, queues, text, count):
    reply = await office.ask(text)
    assert f"Retry {count}" in said(reply)
    assert reply.announcement is None
    assert queues.queues[ORDERS].retried == []
    assert f"Retry {count} now" in labels(reply)


async def test_a_card_says_that_some_of_the_named_jobs_are_left_out(office):
    answer = await office.said("retry order-provisioning w0 w1 4711")
    assert "Retry 2 jobs" in answer
    assert "1 of the 3 named are not failed now: left out" in answer


async def test_a_card_warns_of_what_a_retry_will_not_help(office):
    assert "MAPPING_ERROR" in await office.said("retry order-provisioning --error MAPPING_ERROR")
    reply = await office.ask("retry order-provisioning --all")
    assert "2" in said(reply)
    assert "fixed" in said(reply)


@pytest.fixture
async def alarmed(office, queues):
    queues.queues[ORDERS].counts = Counts(waiting=60)
    queues.queues[SIMS].counts = Counts(waiting=12)
    await office.tick(after=1000)
    return office


async def test_alerts_shows_what_fires_what_is_pending_and_what_is_silenced(alarmed):
    await alarmed.ask("silence sim-management 2h a deploy", BOB)
    await alarmed.tick(after=60_000)
    answer = await alarmed.said("alerts", VERA)
    assert "1 alert firing · 4 pending · 1 silence" in answer
    assert "backlog 60" in answer
    assert "#1 since" in answer
    assert "sim-management: backlog since" in answer
    assert "by <@U0BOB>: a deploy" in answer


async def test_no_alerts_proves_nothing_when_nobody_watches(office, clock):
    assert "No alerts" in await office.said("alerts", VERA)
    clock.forward(5 * 60_000)
    answer = await office.said("alerts", VERA)
    assert "No alerts ·" not in answer
    assert "not" in answer


@pytest.mark.parametrize("text", ["ack 1", "ack #1", "ack inc-1"])
async def test_an_alert_is_acknowledged_by_its_number(alarmed, text):
    assert "<@U0BOB> acknowledged #1" in await alarmed.said(text, BOB)
    assert "acknowledged by <@U0BOB>" in await alarmed.said("alerts", VERA)
    with pytest.raises(StaleError, match="already acknowledged by U0BOB"):
        await alarmed.ask("ack 1", ALICE)


async def test_there_is_nothing_to_acknowledge_where_nothing_fires(office):
    with pytest.raises(StaleError, match="#9 is not firing any more"):
        await office.ask("ack 9", BOB)


async def test_a_silence_of_one_rule_with_its_reason_and_its_end(alarmed):
    reply = await alarmed.ask('silence order-provisioning backlog 2h "WHMCS is away"', BOB)
    assert reply.message is None, "it is for all to know"
    assert "<@U0BOB> silenced order-provisioning (backlog) until" in said(reply)
    assert "WHMCS is away" in said(reply)
    [silence] = (await alarmed.toolbox.alerting.board()).silences
    assert silence.until - silence.at == 2 * HOUR
    assert "<@U0ALICE> ended the silence of order-provisioning (backlog)" in await alarmed.said(
        f"unsilence {silence.id.upper()}", ALICE
    )
    with pytest.raises(StaleError, match="There is no silence"):
        await alarmed.ask(f"unsilence {silence.id}", ALICE)


async def test_alerts_test_posts_where_alerts_arrive(office, messenger):
    await office.ask("alerts test", VERA)
    await office.ask("alerts test order-provisioning", VERA)
    await office.ask("alerts test sim-management", VERA)
    places = [posted.ref.channel for posted in messenger.of("bullhorn_test")]
    assert places == ["C0INCIDENTS", "C0ORDERS", "C0INCIDENTS"]
    assert "U0VERA" in messenger.posted[0].message.text + str(messenger.posted[0].message.blocks)


async def test_alerts_test_tells_why_alerts_cannot_arrive(office, messenger):
    messenger.missing.add("C0ORDERS")
    told = await refused(office, "alerts test order-provisioning", VERA)
    assert "cannot reach C0ORDERS: Slack says channel_not_found" in told


async def test_a_viewer_is_offered_no_retry_of_a_job(office):
    assert "Retry" in labels(await office.ask("job order-provisioning w0", BOB))
    assert "Retry" not in labels(await office.ask("job order-provisioning w0", VERA))
    assert "operators can retry" in await office.said("status order-provisioning", VERA)
    assert "you can retry" in await office.said("status order-provisioning", BOB)
    page = str((await office.ask("failed order-provisioning --jobs", VERA)).message)
    assert "retry order-provisioning" not in page


async def test_a_rule_may_be_typed_in_any_case(office):
    assert "(backlog)" in await office.said("silence sim-management Backlog 1h", BOB)
