"""Each command by each role: who is let in, who is refused, and what the audit log keeps of it."""

from dataclasses import replace

import pytest

from bot.commands import COMMANDS
from bot.domain.access import AccessPolicy, Role
from bot.domain.audit import Outcome
from bot.domain.jobs import ArchivedJob, JobDetail
from bot.domain.sample import ActiveJob, Counts
from bot.errors import AccessDeniedError, SlackUnavailableError
from tests.support.fakes import ORDERS, FakeDirectory
from tests.support.toolbox import ALICE, BOB, EVE, POLICY, VERA, build_office, said

ARCHIVE = "abcdef012345"
BY_ROLE = {Role.ADMIN: ALICE, Role.OPERATOR: BOB, Role.VIEWER: VERA, Role.NOBODY: EVE}

# One harmless use of each command, and the least role that it takes: the table of the contract.
CONTRACT = {
    "status": ("status", Role.VIEWER),
    "failed": ("failed order-provisioning", Role.VIEWER),
    "job": ("job order-provisioning w0", Role.VIEWER),
    "retry": ("retry order-provisioning w0", Role.OPERATOR),
    "drain": ("drain order-provisioning", Role.ADMIN),
    "obliterate": ("obliterate order-provisioning", Role.ADMIN),
    "promote": ("promote order-provisioning d1", Role.OPERATOR),
    "unstick": ("unstick order-provisioning", Role.OPERATOR),
    "remove": ("remove order-provisioning w1", Role.OPERATOR),
    "clean": ("clean order-provisioning failed --older-than 0s", Role.OPERATOR),
    "undo": ("undo {archive}", Role.OPERATOR),
    "pause": ("pause order-provisioning deploy", Role.OPERATOR),
    "resume": ("resume order-provisioning", Role.OPERATOR),
    "alerts": ("alerts", Role.VIEWER),
    "ack": ("ack 1", Role.OPERATOR),
    "silence": ("silence order-provisioning 1h", Role.OPERATOR),
    "unsilence": ("unsilence {silence}", Role.OPERATOR),
    "history": ("history", Role.VIEWER),
    "help": ("help", Role.VIEWER),
}


@pytest.fixture
async def busy(office, queues):
    """Alert #1 fires, and one silence is there for somebody to end."""
    queues.queues[ORDERS].counts = Counts(waiting=60)
    await office.tick(after=1000)
    await to_repair(office)
    text = await office.said("silence sim-management 1h", BOB)
    assert "silenced sim-management" in text
    return office


async def to_repair(office):
    """In order-provisioning d1 is delayed, and a1 has lost its worker; and there is an archive."""
    orders = office.queues.queues[ORDERS]
    orders.delayed = ["d1"]
    orders.jobs["d1"] = JobDetail(
        queue=ORDERS, id="d1", name="work", state="delayed", data={}, options={},
        attempts_made=0, attempts=3,
    )  # fmt: skip
    orders.active.jobs = [ActiveJob(id="a1", name="w", started_at=1, attempt=1, locked=False)]
    await office.archive.begin(ARCHIVE, queue=ORDERS, state="failed", kind="clean", by="U0BOB")
    job = ArchivedJob(id="gone", state="completed", score="1", fields=())
    await office.archive.put(ARCHIVE, [job])
    office.outcomes.default = replace(office.outcomes.default, state="gone")


async def line_for(office, name):
    """The command's line, with the id of the silence in it."""
    silences = (await office.toolbox.alerting.board()).silences
    return CONTRACT[name][0].format(silence=silences[0].id, archive=ARCHIVE)


def test_the_table_knows_every_command():
    assert set(CONTRACT) == {command.name for command in COMMANDS}


@pytest.mark.parametrize("role", BY_ROLE, ids=lambda role: role.title)
@pytest.mark.parametrize("name", CONTRACT)
async def test_each_command_lets_in_exactly_those_who_may(busy, name, role):
    actor, least = BY_ROLE[role], CONTRACT[name][1]
    text = await line_for(busy, name)
    before = await busy.history()
    if role >= least:
        assert said(await busy.ask(text, actor))
        return
    with pytest.raises(AccessDeniedError) as caught:
        await busy.ask(text, actor)
    assert f"needs the {least.title} role" in str(caught.value)
    assert set(caught.value.people) == set(POLICY.holders(least))
    added = [entry for entry in await busy.history() if entry not in before]
    if least is Role.VIEWER:
        assert added == [], "looking changes nothing, and is not on record"
    else:
        [entry] = added
        assert (entry.user, entry.channel, entry.action) == (actor.user, actor.channel, name)
        assert (entry.what, entry.outcome) == (text, Outcome.REFUSED)


async def test_nothing_happens_when_a_retry_is_refused(office, queues):
    with pytest.raises(AccessDeniedError, match=r"Retrying needs the operator role\. Ask "):
        await office.ask("retry order-provisioning w0", VERA)
    assert queues.queues[ORDERS].retried == []


async def test_silencing_all_queues_takes_an_admin(office):
    with pytest.raises(AccessDeniedError, match="Silencing all queues needs the admin role") as no:
        await office.ask("silence all 30m deploy", BOB)
    assert no.value.people == ("U0ALICE",)
    [entry] = await office.history()
    assert (entry.what, entry.outcome) == ("silence all 30m deploy", Outcome.REFUSED)
    assert "silenced all queues" in await office.said("silence all 30m deploy", ALICE)


async def test_the_beginning_of_a_very_long_refused_line_is_on_record(office):
    with pytest.raises(AccessDeniedError):
        await office.ask("retry order-provisioning " + "w0 " * 500, VERA)
    assert len((await office.history())[0].what) == 200


async def test_where_nobody_may_the_refusal_says_where_that_is_set(redis, queues, messenger):
    office = build_office(redis=redis, queues=queues, messenger=messenger, access=AccessPolicy())
    with pytest.raises(AccessDeniedError, match="Nobody has it yet: see `access` in the config"):
        await office.ask("retry order-provisioning --all", ALICE)


async def test_a_viewer_sees_no_retry_buttons_and_an_operator_does(office):
    def buttons(reply):
        return [
            element["text"]["text"]
            for block in reply.message.blocks
            for element in block.get("elements", [])
            if element["type"] == "button"
        ]

    for_bob = buttons(await office.ask("failed order-provisioning", BOB))
    for_vera = buttons(await office.ask("failed order-provisioning", VERA))
    assert "Retry these 3…" in for_bob
    assert [label for label in for_vera if "Retry" in label] == []
    assert "Show jobs" in for_vera


async def test_while_slack_cannot_tell_who_is_in_a_group_nobody_is_let_in_by_it(
    redis, queues, messenger
):
    directory = FakeDirectory({"S0ONCALL": frozenset({"U0BOB"})})
    directory.down = True
    office = build_office(redis=redis, queues=queues, messenger=messenger, directory=directory)
    with pytest.raises(SlackUnavailableError):
        await office.ask("silence order-provisioning 1h", BOB)
    assert said(await office.ask("help", ALICE)), "an admin by name needs no group"
