"""History, help and the short messages, as people read them."""

from dataclasses import replace

import pytest

from bot.domain.audit import AuditEntry, Outcome
from bot.domain.times import DAY
from bot.errors import PausedError, UsageError
from bot.render import errors, help, history, problems  # noqa: A004 - the room's name
from tests.unit.render.conftest import readable
from tests.unit.render.samples import CATALOG, NOW


def test_history(matches):
    done = AuditEntry(
        at=NOW,
        user="U0BOB",
        channel="C1",
        action="retry",
        what="retry 9 × WHMCS_ERROR",
        outcome=Outcome.DONE,
        queue="order-provisioning",
        detail="moved 8, 1 had vanished",
    )
    refused = replace(
        done,
        at=NOW - 2 * DAY,
        user="U0EVE",
        outcome=Outcome.REFUSED,
        detail="Retrying needs the operator role.",
        reason="just trying",
    )
    matches(history.entries([done, refused], None, NOW), "history")
    matches(history.entries([], "order-provisioning", NOW), "history_none")
    asked = replace(refused, detail="Retrying needs the operator role. Ask U0ALICE, S0ONCALL.")
    secret = replace(done, what="retry 3 × Authorization: Bearer abc.def with fresh attempts")
    page = history.entries(
        [asked, secret], None, NOW, catalog=CATALOG, page=2, page_size=20, more=True
    )
    matches(page, "history_page")


def test_history_names_the_second_person_the_filter_and_the_numbers(matches):
    entry = AuditEntry(
        at=NOW, user="U0BOB", channel="C1", action="clean", what="clean 2,000 failed",
        outcome=Outcome.DONE, queue="order-provisioning", approver="U0ALICE",
        filter="WHMCS_ERROR, older than 7d", counts=(("done", 1_998), ("vanished", 2)),
    )  # fmt: skip
    told = replace(entry, detail="removed 1,998", counts=(("done", 1_998),))
    page = history.entries(
        [entry, told], "order-provisioning", NOW, catalog=CATALOG, since="7d", kept=10_000
    )
    matches(page, "history_approved")
    matches(history.sent(1_234, "order-provisioning", "7d", kept=10_000), "history_file")
    assert history.entries([], None, NOW, since="1h").text == "Nothing was done in the last 1h."


def test_history_names_both_people_of_a_request(matches):
    asked = AuditEntry(
        at=NOW, user="U0ALICE", channel="C1", action="drain", what="drain 105 pending jobs",
        outcome=Outcome.REFUSED, queue="order-provisioning", ended_by="U0DANA",
    )  # fmt: skip
    nobody = replace(asked, ended_by=None)
    press = replace(nobody, user="U0VERA", action="refuse", what="refuse: drain 105 pending jobs")
    told = [
        replace(asked, word="expired", detail="came too late"),
        replace(nobody, word="expired", detail="nobody approved"),
        replace(asked, word="void", detail="105 when it was asked, 90 now (105 waiting, now 90)"),
        replace(asked, word="refused"),
        replace(nobody, word="taken back"),
        replace(
            press, word="not allowed", asked_by="U0ALICE",
            detail="Refusing needs the admin role. Ask U0ALICE.",
        ),
    ]  # fmt: skip
    matches(history.entries(told, "order-provisioning", NOW), "history_requests")


def test_history_reads_what_an_older_version_wrote_of_a_request():
    old = AuditEntry(
        at=NOW, user="U0DANA", channel="C1", action="drain", what="drain 105 pending jobs",
        outcome=Outcome.REFUSED, detail="not approved in time",
    )  # fmt: skip
    text = readable(history.entries([old], None, NOW))
    assert "@U0DANA: drain 105 pending jobs · refused: not approved in time" in text


@pytest.mark.parametrize(
    ("action", "counts", "mark"),
    [
        ("retry", {"done": 833, "of": 833}, "\u2705"),
        ("retry", {"done": 0, "left_out": 833, "of": 833}, "\u26a0\ufe0f"),
        ("retry", {"done": 5, "left_out": 6_470, "of": 5}, "\u26a0\ufe0f"),
        ("retry", {"done": 400, "of": 833}, "\u26a0\ufe0f"),
        ("clean", {"done": 1, "vanished": 9, "of": 10}, "\u2705"),
        ("undo", {"done": 1, "vanished": 9, "of": 10}, "\u26a0\ufe0f"),
        ("obliterate", {"done": 0, "of": 0}, "\u2705"),
        ("receipt", {"completed": 0, "failed again": 64}, "\u26a0\ufe0f"),
        ("receipt", {"completed": 9, "without a new job": 1}, "\u26a0\ufe0f"),
        ("receipt", {"completed": 9, "waiting": 1}, "\u25ab\ufe0f"),
        ("receipt", {"completed": 9, "waiting": 0}, "\u2705"),
        ("ack", {}, "\u2705"),
    ],
)
def test_what_did_little_is_not_marked_as_well_done(action, counts, mark):
    entry = AuditEntry(
        at=NOW, user="U0BOB", channel="C1", action=action, what=action, outcome=Outcome.DONE,
        queue="order-provisioning", counts=tuple(counts.items()),
    )  # fmt: skip
    assert f"{mark} <!date" in str(history.entries([entry], None, NOW).blocks)


def test_history_says_that_there_is_more(matches):
    entry = AuditEntry(
        at=NOW, user="U0BOB", channel="C1", action="ack", what="acknowledge #1",
        outcome=Outcome.DONE, queue="order-provisioning",
    )  # fmt: skip
    matches(history.entries([entry] * 2, "order-provisioning", NOW, more=True), "history_more")
    assert "No older actions" in history.entries([], None, NOW, page=3).text


def test_what_was_typed_is_said_back_in_short():
    long = "x" * 500
    told = errors.told(UsageError(f'No queue "{long}". Did you mean "q"?'))
    assert told.text == f'No queue "{long[:59]}\u2026". Did you mean "q"?'
    assert len(errors.told(UsageError(f'A quote is not closed: "{long}')).text) < 100


def test_a_short_quoted_word_before_a_long_sentence_is_left_as_it_is():
    said = f'"waiting" cannot be cleaned. {"Say what to clean: this or that. " * 4}'.strip()
    assert errors.told(UsageError(said)).text == said
    two = f'Neither "a" nor "{"b" * 80}" is known, and this goes on for quite a while after it all.'
    assert errors.told(UsageError(two)).text == two.replace("b" * 80, "b" * 59 + "\u2026")


def test_a_refusal_that_can_be_mended_has_a_button():
    error = PausedError("The queue is paused. Resume it first.")
    assert "Resume =" not in readable(errors.told(error))
    error.offer = "resume order-provisioning"
    assert "Resume = resume order-provisioning" in readable(errors.told(error))


def test_history_names_channels_in_refusals():
    detail = "Retrying is not allowed here, only in C0ORDERS, C0OPS1: see `access.channels`."
    entry = AuditEntry(
        at=NOW, user="U0BOB", action="retry", what="drain 135 pending jobs",
        outcome=Outcome.REFUSED, detail=detail, channel="C1",
    )  # fmt: skip
    text = str(history.entries([entry], None, NOW).blocks)
    assert "only in <#C0ORDERS>, <#C0OPS1>: see" in text


def test_history_names_who_stopped_an_operation():
    entry = AuditEntry(
        at=NOW, user="U0BOB", channel="C1", action="retry", what="retry 5 jobs",
        outcome=Outcome.DONE, detail="2 of 5; stopped by U0ALICE",
    )  # fmt: skip
    said = str(history.entries([entry], None, NOW).blocks)
    assert "2 of 5; stopped by <@U0ALICE>" in said


def test_help(matches):
    commands = [
        help.CommandHelp(
            name="status",
            usage="`/queue status` · `/queue status QUEUE`",
            summary="every queue, worst first; or one queue in detail",
            role="viewer",
        ),
        help.CommandHelp(
            name="retry",
            usage="`/queue retry QUEUE ID... [--fresh]`",
            summary="retry failed jobs",
            role="operator",
            examples=("retry order-provisioning 4711",),
            details="One job is retried at once.\nMore than one gets a plan to confirm.",
        ),
    ]
    matches(help.overview(commands, "viewer"), "help")
    matches(help.one(commands[1]), "help_retry")


def test_problems_and_notices(matches):
    typo = 'No queue "order-provisoning". Did you mean *order-provisioning*?'
    matches(problems.problem(typo), "problem")
    broke = "I could not finish that: Redis stopped answering. Nothing was changed."
    matches(problems.problem(broke, "7f3a"), "problem_with_reference")
    matches(problems.notice("Still working on it…\nNothing is lost."), "notice")
    matches(problems.posted_in("C0123"), "posted_in")
