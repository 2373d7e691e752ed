"""Access by queue and by channel, and the read-only bot: each command, each card, each list."""

from dataclasses import replace

import pytest

from bot.commands import COMMANDS, plan_buttons
from bot.domain.access import AccessPolicy, Actor, Role
from bot.domain.audit import Outcome
from bot.domain.policy import QueuePolicy
from bot.domain.sample import Counts
from bot.errors import AccessDeniedError, BullhornError, HiddenQueueError
from tests.support.fakes import ORDERS, SIMS, FakeDirectory
from tests.support.toolbox import (
    ALICE,
    BOB,
    CATALOG,
    CHANNEL,
    GROUPS,
    POLICY,
    VERA,
    build_office,
    labels,
    said,
    value_of,
)
from tests.unit.commands.test_commands_roles import ARCHIVE, CONTRACT, to_repair

CARL = Actor(user="U0CARL", channel=CHANNEL)
"""An operator of order-provisioning, and of nothing else."""

CARLS = AccessPolicy(viewers=frozenset({VERA.user, "S0ONCALL"}), operators=frozenset({CARL.user}))
HIDDEN = AccessPolicy(viewers=frozenset({CARL.user}), operators=frozenset({CARL.user}))
OF = {command.name: command for command in COMMANDS}


@pytest.fixture
def open_office(redis, queues, messenger):
    """An office whose order-provisioning has its own access; alert #1 is about it."""

    async def opened(own=None, **catalog):
        orders = queues.queues.get(ORDERS) or queues.add(ORDERS)
        for number in range(3):
            orders.fail(f"w{number}", "WHMCS_ERROR: connect ETIMEDOUT", queues.clock.now - 60_000)
        orders.counts = Counts(waiting=60)
        if SIMS not in queues.queues:
            queues.add(SIMS)
        policies = {
            **CATALOG.queues,
            "order-provisioning": replace(CATALOG.queues["order-provisioning"], access=own),
        }
        office = build_office(
            redis=redis, queues=queues, messenger=messenger,
            catalog=replace(CATALOG, queues=policies, **catalog),
        )  # fmt: skip
        await office.tick(after=1000)
        await to_repair(office)
        return office

    return opened


async def line_of(office, name):
    """The command's line, about order-provisioning throughout."""
    line = CONTRACT[name][0].replace("{archive}", ARCHIVE)
    if "{silence}" in line:
        who = CARL if office.toolbox.catalog.policy(ORDERS).access else ALICE
        await office.ask("silence order-provisioning backlog 1h", who)
        silences = (await office.toolbox.alerting.board()).silences
        return line.format(silence=silences[0].id)
    return line


CHANGES = [name for name, (_, role) in CONTRACT.items() if role is not Role.VIEWER]
LOOKS = [
    name for name, (line, _) in CONTRACT.items() if OF[name].role is Role.VIEWER and " " in line
]


@pytest.mark.parametrize("name", CHANGES)
async def test_an_operator_of_other_queues_changes_nothing_in_this_one(open_office, queues, name):
    office = await open_office(CARLS)
    line = await line_of(office, name)
    before = (list(queues.queues[ORDERS].retried), queues.queues[ORDERS].paused)
    may = (CARL.user,) if CONTRACT[name][1] is Role.OPERATOR else ()  # it has no admin
    told = r"needs the \w+ role\. " + ("Ask " if may else "Nobody has it yet")
    with pytest.raises(AccessDeniedError, match=told) as no:
        await office.ask(line, BOB)
    assert no.value.people == may, "those who may do it to this queue"
    newest = (await office.history())[0]
    assert (newest.user, newest.outcome, newest.what) == (BOB.user, Outcome.REFUSED, line)
    assert (list(queues.queues[ORDERS].retried), queues.queues[ORDERS].paused) == before


@pytest.mark.parametrize("name", [n for n in CHANGES if CONTRACT[n][1] is Role.OPERATOR])
async def test_an_operator_of_this_queue_alone_may_change_it(open_office, name):
    office = await open_office(CARLS)
    assert said(await office.ask(await line_of(office, name), CARL))


async def test_and_changes_nothing_in_another(open_office):
    office = await open_office(CARLS)
    for line in ("pause sim-management", "silence sim-management 1h"):
        with pytest.raises(HiddenQueueError, match='No queue "sim-management"'):
            await office.ask(line, CARL)
    with pytest.raises(AccessDeniedError, match="needs the admin role"):
        await office.ask("silence all 1h", CARL)


@pytest.mark.parametrize("name", [*CHANGES, *LOOKS])
async def test_a_hidden_queue_answers_as_one_that_is_not_there(open_office, name):
    office = await open_office(HIDDEN)
    line = await line_of(office, name)
    with pytest.raises(BullhornError) as no:
        await office.ask(line, BOB if OF[name].role <= Role.OPERATOR else ALICE)
    told = str(no.value)
    assert told.startswith(
        (
            'No queue "order-provisioning"',
            "There is no silence",
            "There is no archive",
            "Alert #1 is not",
        )
    )
    assert "Did you mean order" not in told
    refused = [e.what for e in await office.history() if e.outcome is Outcome.REFUSED]
    assert refused == ([line] if OF[name].mutates else [])


async def test_a_hidden_queue_is_in_no_list_nor_is_it_suggested(open_office):
    office = await open_office(HIDDEN)
    await office.ask("silence order-provisioning backlog 1h", CARL)
    await office.ask("retry order-provisioning w0", CARL)
    for line in ("status", "alerts", "history", "history --since 7d", "help"):
        assert "order" not in await office.said(line, VERA), line
        assert "order-provisioning" not in str((await office.ask(line, VERA)).message.blocks), line
    for line in ("status order-provisionin", "failed order-provisioning"):
        with pytest.raises(BullhornError) as no:
            await office.ask(line, VERA)
        assert "Did you mean order" not in str(no.value)
    with pytest.raises(HiddenQueueError):
        await office.ask("history order-provisioning", VERA)
    csv = (await office.ask("history --csv", VERA)).file
    assert csv is None or b"order-provisioning" not in csv.content
    assert "order-provisioning" in await office.said("status", CARL)
    assert "retry job w0" in await office.said("history order-provisioning", CARL)


async def test_who_sees_one_queue_alone_has_a_status_of_it(open_office):
    office = await open_office(CARLS)
    text = await office.said("status", CARL)
    assert "1 queue" in text
    assert "sim-management" not in text


@pytest.mark.parametrize("name", CHANGES)
async def test_a_read_only_bot_refuses_every_change_and_says_why(open_office, name):
    office = await open_office(read_only=True)
    line = CONTRACT[name][0].format(silence="abc", archive=ARCHIVE)
    with pytest.raises(AccessDeniedError) as no:
        await office.ask(line, ALICE)
    assert str(no.value).endswith(
        " is off. Bullhorn is read-only: `access.read_only` is true in its config."
    )
    [entry] = await office.history()
    assert (entry.what, entry.outcome) == (line, Outcome.REFUSED)


async def test_a_read_only_bot_still_answers(open_office):
    office = await open_office(read_only=True)
    for line in (
        "status",
        "failed order-provisioning",
        "alerts",
        "history",
        "retry --help",
        "undo",
    ):
        assert said(await office.ask(line, VERA))
    text = said(await office.ask("status order-provisioning", VERA))
    assert "read-only: I change nothing" in text
    assert "can retry" not in text


def acting(reply):
    """The buttons that would change something."""
    return [
        label for label in labels(reply) if label.startswith(("Retry", "Ack", "Silence", "End"))
    ]


@pytest.mark.parametrize(
    ("own", "more", "who", "drawn"),
    [
        (None, {}, BOB, True),
        (None, {}, VERA, False),
        (CARLS, {}, BOB, False),
        (CARLS, {}, CARL, True),
        (None, {"read_only": True}, BOB, False),
        (replace(POLICY, channels=frozenset({"C0OTHER"})), {}, ALICE, False),
        (replace(POLICY, channels=frozenset({CHANNEL})), {}, BOB, True),
    ],
)
@pytest.mark.parametrize(
    "line", ["failed order-provisioning", "job order-provisioning w0", "alerts"]
)
async def test_buttons_that_change_something_are_drawn_for_who_may(
    open_office, own, more, who, drawn, line
):
    office = await open_office(own, **more)
    assert bool(acting(await office.ask(line, who))) is drawn


async def test_changes_are_made_in_the_channels_of_the_queue(open_office):
    office = await open_office(replace(POLICY, channels=frozenset({"C0ORDERS"})))
    with pytest.raises(
        AccessDeniedError, match=r"Pausing is not allowed here, only in .*channels`"
    ):
        await office.ask("pause order-provisioning", ALICE)
    assert (await office.history())[0].outcome is Outcome.REFUSED
    there = replace(ALICE, channel="C0ORDERS")
    assert "paused" in await office.said("pause order-provisioning", there)
    assert "paused" in await office.said("pause sim-management", ALICE)


@pytest.mark.parametrize("press", [plan_buttons.confirm, plan_buttons.cancel])
async def test_a_card_is_checked_again_when_its_button_is_pressed(open_office, queues, press):
    """The config has changed since it was drawn: it was another process that drew it."""
    before = await open_office()
    card = await before.ask("retry order-provisioning --all", BOB)
    plan = value_of(card, "Retry")
    after = await open_office(CARLS)
    with pytest.raises(AccessDeniedError, match="needs the operator role"):
        await press(after.toolbox, BOB, plan)
    assert queues.queues[ORDERS].retried == []
    entry = (await after.history())[0]
    assert (entry.outcome, entry.plan, entry.queue) == (Outcome.REFUSED, plan, "order-provisioning")


async def test_without_user_groups_in_the_plan_who_is_named_gets_in(redis, queues, messenger):
    directory = FakeDirectory(GROUPS)
    directory.unread["S0ONCALL"] = "this workspace's Slack plan has no user groups"
    queues.add(ORDERS)
    queues.add(SIMS)
    office = build_office(redis=redis, queues=queues, messenger=messenger, directory=directory)
    await office.tick()
    assert "paused" in await office.said("pause order-provisioning", ALICE)
    with pytest.raises(AccessDeniedError, match="cannot be read: this workspace's Slack plan"):
        await office.ask("pause order-provisioning", BOB)
    assert said(await office.ask("status", VERA))


def test_a_queue_without_access_of_its_own_is_as_everywhere():
    assert QueuePolicy().access is None
