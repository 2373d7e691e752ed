"""What a job's message may hold is masked wherever a failed reason or a failure code is shown."""

import json
from dataclasses import replace

import pytest

from bot.domain.audit import AuditEntry, Outcome
from bot.domain.incidents import Facts, Happening, TimelineEntry
from bot.domain.jobs import BatchOutcome, FailureFilter
from bot.domain.plan_warnings import plan_warnings
from bot.domain.plans import PlanGroup
from bot.render import alerts, failures, history, job, plans
from tests.unit.render import samples as given
from tests.unit.render.samples import CATALOG, NOW, SIM_POLICY, SIMS

LOGIN = "Authorization: Bearer abc.def.ghi"
ACCOUNT = "ACCOUNT_NOT_FOUND: Freebit knows no account 08040778179"
SECRETS = ("abc.def.ghi", "08040778179")


def everything():
    """The messages that show a failed reason or a code, of a queue that redacts SIM accounts."""
    groups = (given.group(LOGIN, 3, LOGIN), given.group("ACCOUNT_NOT_FOUND", 2, ACCOUNT))
    report = given.report(queue=SIMS, groups=groups, total=5, kept=5)
    yield failures.report(report, SIM_POLICY, FailureFilter(), CATALOG)
    wanted = FailureFilter(code=LOGIN)
    yield failures.report(replace(report, groups=groups[:1]), SIM_POLICY, wanted, CATALOG)
    yield failures.report(replace(report, groups=()), SIM_POLICY, wanted, CATALOG)
    failed = [given.failed(0, reason=LOGIN, code=LOGIN), given.failed(1, reason=ACCOUNT)]
    yield failures.jobs(SIMS, failed, wanted, 9, 2, 3, SIM_POLICY, CATALOG)
    yield from _plans(wanted)
    yield from _alerts(groups)
    entry = AuditEntry(
        at=NOW, user="U0BOB", channel="C1", action="retry", what=f"retry 3 × {LOGIN}",
        outcome=Outcome.DONE, queue="sim-management", reason=LOGIN, detail=LOGIN,
    )  # fmt: skip
    yield history.entries([entry], None, NOW, catalog=CATALOG)
    bare = given.job(queue=SIMS, data=None, failed_reason=ACCOUNT, stacktrace=(ACCOUNT, LOGIN))
    yield job.detail(bare, SIM_POLICY, CATALOG, NOW)
    yield job.stack(bare, SIM_POLICY, CATALOG)
    yield job.logs(bare, [ACCOUNT, LOGIN], SIM_POLICY, CATALOG)


def _plans(wanted):
    groups = (PlanGroup(LOGIN, 3, NOW),)
    warnings = plan_warnings(groups, SIM_POLICY, now=NOW, workers=2)
    plan = given.plan(queue=SIMS, groups=groups, filter=wanted, warnings=warnings)
    yield plans.card(plan, SIM_POLICY, CATALOG, NOW)
    yield plans.card(replace(plan, groups=groups * 2), SIM_POLICY, CATALOG, NOW)
    yield plans.announcement(plan, BatchOutcome(done=("1",)), "U0BOB", CATALOG)
    yield plans.expired(plan, CATALOG)


def _alerts(groups):
    writer = alerts.AlertRenderer(CATALOG)
    note = TimelineEntry(at=NOW, what=Happening.NOTE, by="U0BOB", text=f"retried 3 {LOGIN} jobs")
    spike = given.spike(queue=SIMS, facts=Facts(groups=groups), timeline=(note,))
    yield writer.alert(spike, first=True)
    yield writer.alert(given.incident(queue=SIMS, timeline=(note,)), first=False)
    yield writer.entry(spike, 0)


@pytest.mark.parametrize("secret", SECRETS)
def test_no_message_and_no_button_holds_what_is_masked(secret):
    for message in everything():
        assert secret not in message.text
        assert secret not in json.dumps(message.blocks), message.text


def test_a_code_that_holds_something_masked_gets_no_button_but_its_example_does():
    report = given.report(queue=SIMS, groups=(given.group(LOGIN, 3, LOGIN),), total=3)
    message = failures.report(report, SIM_POLICY, FailureFilter(), CATALOG)
    values = [
        element["value"]
        for block in message.blocks
        if block["type"] == "actions"
        for element in block["elements"]
    ]
    assert values == ["job sim-management 4711"]
