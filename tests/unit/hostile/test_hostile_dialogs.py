"""Whatever a submitted dialog or a second admin's press holds, nothing begins that must not."""

import asyncio
import copy
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_bolt.request.async_request import AsyncBoltRequest

from bot.domain.access import Actor
from bot.domain.plans import PlanKind, PlanStatus
from bot.domain.sample import Counts
from bot.render import action_ids
from tests.support.fakes import ORDERS
from tests.support.toolbox import ALICE, BOB, EVE, POLICY, VERA, build_office, said
from tests.unit.hostile.door import (
    FORGED_PLANS,
    JUNK,
    OBJECTS,
    UNHURRIED,
    Door,
    changes_nothing,
    places,
    press,
    quiet,
    replaced,
    without,
)

NAME = "order-provisioning"
DANA = Actor(user="U0DANA", channel="C0INCIDENTS")
FAMILIES = (action_ids.APPROVAL_APPROVE, action_ids.APPROVAL_REFUSE)
ADMINS = replace(POLICY, admins=frozenset({ALICE.user, DANA.user}))


class Gate(Door):
    """A door with two admins, one dialog that is open, and one request that waits."""

    async def open(self):
        self.queues.queues[ORDERS].counts = Counts(waiting=30)
        self.office = build_office(
            redis=self.redis, queues=self.queues, messenger=self.office.toolbox.messenger,
            access=ADMINS,
        )  # fmt: skip
        self.listeners._toolbox = self.office.toolbox
        await self.office.tick()
        emergencies = self.office.toolbox.repairs.emergencies
        self.shown = (await emergencies.propose(ALICE, ORDERS, PlanKind.DRAIN)).plan.id
        asked = (await emergencies.propose(ALICE, ORDERS, PlanKind.DRAIN)).plan.id
        await self.office.toolbox.approving.ask(ALICE, asked, NAME)
        self.asked = asked
        return self

    async def plan(self, plan_id):
        return await self.office.toolbox.approving.plan(plan_id)


def submission(plan_id, typed=NAME, user=ALICE.user, **more):
    values = {"queue_name": {"queue_name": {"type": "plain_text_input", "value": typed}}}
    return {
        "type": "view_submission", "user": {"id": user, "username": "alice", "team_id": "T1"},
        "api_app_id": "A1", "team": {"id": "T1", "domain": "d"}, "trigger_id": "1.2.3",
        "view": {
            "id": "V1", "type": "modal", "callback_id": "emergency", "private_metadata": plan_id,
            "state": {"values": values}, "hash": "1.2", "blocks": [],
        },
        "response_urls": [], **more,
    }  # fmt: skip


@pytest.fixture(scope="module")
def gate(runner):
    gate = runner.run(Gate().open())
    yield gate
    runner.run(gate.redis.aclose())


@pytest.mark.parametrize("family", FAMILIES)
def test_a_forged_plan_is_a_sentence(runner, gate, family):
    for forged in (*FORGED_PLANS, gate.shown + "0"):
        status, [(_, reply)] = runner.run(changes_nothing(gate, press(family, forged, DANA.user)))
        assert status == 200
        assert "not known any more" in said(reply)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    "user", [BOB.user, VERA.user, EVE.user, "", "u0dana", "U0DANA ", "U0ALICE,U0DANA", "*"]
)
def test_only_an_admin_decides(runner, gate, family, user):
    status, [(_, reply)] = runner.run(changes_nothing(gate, press(family, gate.asked, user)))
    assert status == 200
    assert "needs the admin role" in said(reply)


def test_who_asked_does_not_decide_alone(runner, gate):
    body = press(action_ids.APPROVAL_APPROVE, gate.asked, ALICE.user)
    _, [(_, reply)] = runner.run(changes_nothing(gate, body))
    assert "another admin must approve it" in said(reply)


@pytest.mark.parametrize(
    "family", [action_ids.PLAN_CONFIRM, action_ids.PLAN_CONFIRM_FRESH, action_ids.PLAN_CANARY]
)
def test_no_button_of_a_card_begins_it(runner, gate, family):
    for plan_id in (gate.asked, gate.shown):
        _, [(_, reply)] = runner.run(changes_nothing(gate, press(family, plan_id, ALICE.user)))
        assert "A second admin must approve this" in said(reply)


def test_no_press_approves_what_was_not_asked(runner, gate):
    body = press(action_ids.APPROVAL_APPROVE, gate.shown, DANA.user)
    runner.run(changes_nothing(gate, body))


@pytest.mark.parametrize("plan_id", FORGED_PLANS)
def test_a_dialog_of_nothing_stays_open(runner, gate, plan_id):
    status, answers = runner.run(changes_nothing(gate, submission(plan_id)))
    assert (status, answers) == (200, [])


@pytest.mark.parametrize("user", [DANA.user, BOB.user, VERA.user, EVE.user, "", "u0alice"])
def test_a_dialog_is_the_askers_own(runner, gate, user):
    status, [(origin, reply)] = runner.run(changes_nothing(gate, submission(gate.shown, user=user)))
    assert status == 200
    assert origin.actor.user == user
    assert said(reply)


def test_any_field_of_a_submission_may_be_missing(runner, gate):
    body = submission(gate.shown, typed="another name")
    for path, _ in places(body):
        runner.run(changes_nothing(gate, without(body, path)))


@UNHURRIED
@given(st.data())
def test_any_field_of_a_submission_may_be_of_any_kind(runner, gate, data):
    body = submission(gate.shown, typed="another name")
    del body["response_urls"]  # Bolt itself raises on other kinds there
    path, was = data.draw(st.sampled_from(list(places(body))), label="place")
    junk = data.draw(OBJECTS if isinstance(was, dict) else JUNK, label="junk")
    _, answers = runner.run(changes_nothing(gate, replaced(body, path, junk)))
    assert answers == []


@pytest.mark.parametrize("family", FAMILIES)
def test_any_field_of_a_press_may_be_missing(runner, gate, family):
    body = press(family, gate.asked, VERA.user)
    for path, _ in places(body):
        status, answers = runner.run(changes_nothing(gate, without(body, path)))
        assert len(answers) == (status == 200), path


async def deliver_at_once(gate, *bodies):
    """Each of them several times, as redeliveries would."""
    requests = (AsyncBoltRequest(body=copy.deepcopy(one), mode="socket_mode") for one in bodies * 5)
    with quiet():
        await asyncio.gather(*map(gate.app.async_dispatch, requests))
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(others, timeout=10)


def test_a_submission_delivered_five_times_asks_once(runner):
    gate = runner.run(Gate().open())
    before = len(gate.office.toolbox.messenger.posted)
    runner.run(deliver_at_once(gate, submission(gate.shown)))
    assert len(gate.office.toolbox.messenger.posted) == before + 1
    assert runner.run(gate.plan(gate.shown)).status is PlanStatus.ASKED
    runner.run(gate.redis.aclose())


def test_approve_and_refuse_delivered_five_times_each_decide_once(runner):
    gate = runner.run(Gate().open())
    bodies = [press(family, gate.asked, DANA.user) for family in FAMILIES]
    runner.run(deliver_at_once(gate, *bodies))
    plan = runner.run(gate.plan(gate.asked))
    submitted = [one for one, _ in gate.office.submitted.waiting]
    assert submitted.count(gate.asked) == (plan.status is PlanStatus.RUNNING)
    assert plan.status in (PlanStatus.RUNNING, PlanStatus.CANCELLED)
    runner.run(gate.redis.aclose())
