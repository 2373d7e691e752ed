"""Drain and obliterate as people read them: the dialog, the request, what became of it."""

from dataclasses import replace

import pytest

from bot.domain.access import AccessPolicy
from bot.domain.archives import CAP, KEPT
from bot.domain.emergencies import Emergency, Verdict, going, total
from bot.domain.message import Message
from bot.domain.operations import Operation, Tally
from bot.domain.plans import APPROVAL_LIFETIME, Plan, PlanKind, PlanStatus
from bot.domain.queues import QueueId
from bot.domain.sample import Counts
from bot.domain.times import MINUTE
from bot.render import action_ids, emergencies, operation_words
from bot.render.modals import QUEUE_NAME
from bot.services import plan_words
from tests.unit.render import samples as given

ADMINS = AccessPolicy(admins=frozenset({"U0ALICE", "U0BOB", "S0LEADS"}))
ALONE = AccessPolicy(admins=frozenset({"U0ALICE"}), operators=frozenset({"U0BOB"}))
CATALOG = replace(given.CATALOG, access=ADMINS)
COUNTS = Counts(
    waiting=1204, prioritized=3, delayed=20, active=2, completed=100, failed=41, waiting_children=1
)
NOW = given.NOW


def plan(kind=PlanKind.DRAIN, counts=COUNTS, **changes):
    groups = going(kind, counts)
    made = Plan(
        id="4f1c2a9b7d30", queue=given.ORDERS, kind=kind, groups=groups, count=total(groups),
        matching=total(groups), asked_by="U0ALICE", asked_at=NOW,
        expires_at=NOW + APPROVAL_LIFETIME, channel="C0INCIDENTS",
    )  # fmt: skip
    return replace(made, **changes)


def dialog(plan, catalog=CATALOG, active=2, lost=0):
    found = Emergency(
        plan=plan, active=active, lost=lost, room=CAP - 44_000_000, cap=CAP, kept=KEPT
    )
    return emergencies.dialog(found, catalog)


def seen(modal):
    """A dialog as a message, its field and buttons as a line: for a snapshot."""
    blocks = [block for block in modal.blocks if block["type"] != "input"]
    fields = [block["label"]["text"] for block in modal.blocks if block["type"] == "input"]
    ends = [f"field: {one}" for one in fields] + [f"submit: {modal.submit or 'none'}"]
    last = {"type": "context", "elements": [{"type": "mrkdwn", "text": " / ".join(ends)}]}
    last["elements"][0]["verbatim"] = True
    return Message(text=modal.title, blocks=(*blocks, last))


def closed(how, by="U0BOB", **changes):
    return plan(
        status=PlanStatus.CANCELLED, outcome=how.value, confirmed_by=by,
        confirmed_at=NOW + 2 * MINUTE, **changes,
    )  # fmt: skip


def test_the_dialog_of_a_drain(matches):
    matches(seen(dialog(plan())), "emergency_drain")


def test_the_dialog_of_an_obliterate(matches):
    matches(seen(dialog(plan(PlanKind.OBLITERATE))), "emergency_obliterate")


def test_an_empty_queue_has_itself_to_lose(matches):
    shown = dialog(plan(PlanKind.OBLITERATE, Counts()), active=0)
    matches(seen(shown), "emergency_obliterate_empty")


def test_the_only_admin_is_told_that_nobody_can_approve(matches):
    shown = dialog(plan(), replace(CATALOG, access=ALONE))
    assert not shown.submit
    assert all(block["type"] != "input" for block in shown.blocks)
    matches(seen(shown), "emergency_alone")


@pytest.mark.parametrize("kind", [PlanKind.DRAIN, PlanKind.OBLITERATE])
def test_the_request(matches, kind):
    matches(emergencies.request(plan(kind), CATALOG), f"emergency_request_{kind.verb}")


def test_the_request_says_what_makes_it_void_soon():
    said = "17 jobs more in the last 20 s: at this rate void in about 31 s"
    text = str(emergencies.request(plan(warnings=(said,)), CATALOG).blocks)
    assert f"\u26a0\ufe0f {said}." in text


def test_an_approval_for_an_empty_queue_is_void_with_any_job():
    shown = emergencies.request(plan(PlanKind.OBLITERATE, Counts()), CATALOG)
    assert "void when any job is there by then." in str(shown.blocks)


def test_what_became_of_a_request(matches):
    begun = plan(
        status=PlanStatus.RUNNING, approved_by="U0BOB", confirmed_by="U0ALICE",
        confirmed_at=NOW + 2 * MINUTE,
    )  # fmt: skip
    matches(emergencies.settled(begun, CATALOG), "emergency_approved")
    matches(emergencies.settled(closed(Verdict.REFUSED), CATALOG), "emergency_refused")
    own = closed(Verdict.REFUSED, by="U0ALICE")
    matches(emergencies.settled(own, CATALOG), "emergency_taken_back")
    matches(emergencies.settled(closed(Verdict.EXPIRED), CATALOG), "emergency_expired")
    matches(emergencies.settled(closed(Verdict.UNSENT), CATALOG), "emergency_unsent")
    now = going(PlanKind.DRAIN, Counts(waiting=700))
    void = closed(Verdict.VOID, groups=now, matching=total(now))
    matches(emergencies.settled(void, CATALOG), "emergency_void")


def test_an_open_one_is_shown_as_it_is():
    asked = plan(status=PlanStatus.ASKED)
    assert emergencies.settled(asked, CATALOG) == emergencies.request(asked, CATALOG)


def test_a_settled_one_has_no_buttons_that_decide():
    for how in (Verdict.REFUSED, Verdict.EXPIRED, Verdict.VOID, Verdict.UNSENT):
        ids = str(emergencies.settled(closed(how), CATALOG).blocks)
        assert action_ids.APPROVAL_APPROVE not in ids
        assert action_ids.APPROVAL_REFUSE not in ids


def test_the_words_for_one_person(matches):
    matches(emergencies.asked(plan()), "emergency_asked")
    matches(emergencies.approved(plan(), CATALOG), "emergency_begins")
    matches(emergencies.unsent(plan(), "Slack refuses: not_in_channel."), "emergency_not_posted")
    not_paused = emergencies.not_paused(given.ORDERS, PlanKind.OBLITERATE, 2, CATALOG)
    matches(not_paused, "emergency_not_paused")


def test_jobs_that_lost_their_worker_are_unstuck_before_an_obliterate(matches):
    two = emergencies.not_paused(given.ORDERS, PlanKind.OBLITERATE, 2, CATALOG, lost=2)
    matches(two, "emergency_not_paused_stuck")
    text = str(dialog(plan(PlanKind.OBLITERATE), lost=1).blocks)
    assert "1 job has lost its worker and never ends: `unstick` first." in text
    assert "must have ended" not in text


def test_a_hostile_name_stays_text():
    queue = QueueId("main", "bull", "<!channel> *x* `y` " + "z" * 400)
    modal = dialog(plan(queue=queue))
    [field] = [block for block in modal.blocks if block["type"] == "input"]
    assert field["block_id"] == field["element"]["action_id"] == QUEUE_NAME
    assert "<" not in field["label"]["text"]
    assert len(field["label"]["text"]) <= 150
    assert "<!channel>" not in str(seen(modal))
    assert "<" not in emergencies.wrong_name(queue.name)


def test_slacks_limits_for_a_dialog():
    for kind in (PlanKind.DRAIN, PlanKind.OBLITERATE):
        modal = dialog(plan(kind))
        assert 0 < len(modal.title) <= 24
        assert 0 < len(modal.submit) <= 24
        assert modal.metadata == "4f1c2a9b7d30"


def test_more_than_were_counted_are_not_said_to_be_of_them():
    made = plan(PlanKind.OBLITERATE, count=1_612)
    assert (
        operation_words.done_words(made, Tally(done=1_613), "orders")
        == "Removed 1,613 jobs of *orders*, 1,612 when asked"
    )
    assert operation_words.done_words(made, Tally(done=1_612), "orders") == (
        "Removed 1,612 of 1,612 jobs of *orders*"
    )
    operation = Operation(id="x", attempt="a", tally=Tally(done=1_613))
    assert plan_words.outcome(made, operation) == "1,613, 1,612 when asked"
