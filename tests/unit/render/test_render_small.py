"""History, help and the short messages, as people read them."""

from dataclasses import replace

from bot.domain.audit import AuditEntry, Outcome
from bot.domain.times import DAY
from bot.render import help, history, problems  # noqa: A004 - the room's name
from tests.unit.render.samples import NOW


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
