"""A request that nobody pressed in its ten minutes: put aside by the leader, told once."""

import asyncio
from dataclasses import replace

import pytest

from bot.adapters import keys
from bot.commands import emergencies
from bot.domain.emergencies import Verdict, verdict
from bot.domain.plans import APPROVAL_LIFETIME
from bot.errors import PlanExpiredError, RedisUnavailableError
from tests.support.toolbox import ALICE, POLICY, build_office, shown
from tests.support.two_admins import DANA, NAME, hold, propose, two_admins


@pytest.fixture
async def office(redis, queues, messenger):
    office = await two_admins(redis, queues, messenger)
    hold(office, waiting=34)
    return office


@pytest.fixture
async def plan(office):
    """What Alice has asked for, ten minutes ago; the request is in the channel."""
    plan = await propose(office)
    await emergencies.ask(office.toolbox, ALICE, plan.id, NAME)
    office.clock.forward(APPROVAL_LIFETIME)
    return plan


@pytest.fixture
def request_now(messenger):
    """The request's message as people see it."""
    return lambda: shown(messenger.of(emergencies.KIND)[0].message)


async def ends(office):
    """What the audit log says became of requests, the newest first."""
    told = [e for e in await office.history() if e.action == "drain"]
    return [(e.user, e.ended_by, e.word, e.detail) for e in told]


NOBODY = (ALICE.user, None, "expired", "nobody approved")


async def test_its_buttons_go_when_the_ten_minutes_are_over(office, plan, request_now, redis):
    office.clock.forward(-1)
    await office.reconcile()
    assert request_now().labels == ["Approve", "Refuse"]
    office.clock.forward(1)
    await office.reconcile()
    assert "drain order-provisioning (34 jobs) expired" in request_now().text
    assert request_now().labels == ["Ask again…"]
    assert verdict(await office.toolbox.approving.plan(plan.id)) is Verdict.EXPIRED
    assert not await redis.exists(keys.ASKED), "nothing is looked at again"


async def test_history_says_once_that_nobody_approved_however_many_look(
    office, plan, redis, queues, messenger
):
    access = replace(POLICY, admins=frozenset({ALICE.user, DANA.user}))
    other = build_office(redis=redis, queues=queues, messenger=messenger, access=access)
    await asyncio.gather(*(one.reconcile() for one in (office, other) * 5))
    await office.reconcile()
    assert await ends(office) == [NOBODY]


async def test_what_a_crash_left_out_is_made_good_by_who_leads_next(
    office, plan, request_now, monkeypatch
):
    """It died between the plan and the audit log, then between that and Slack."""
    audit, messenger = office.toolbox.audit, office.toolbox.messenger
    with monkeypatch.context() as broken:
        broken.setattr(audit, "record", _away)
        with pytest.raises(asyncio.CancelledError):
            await office.reconcile()
        broken.undo()
        broken.setattr(messenger, "find", _away)
        with pytest.raises(asyncio.CancelledError):
            await office.reconcile()
    assert "Approve" in request_now().labels
    await office.reconcile()
    assert await ends(office) == [NOBODY]
    assert request_now().labels == ["Ask again…"]


async def _away(*_args, **_options):
    raise asyncio.CancelledError


async def test_an_audit_log_that_takes_nothing_is_tried_again(office, plan, monkeypatch):
    async def full(*_args, **_options):
        raise RedisUnavailableError("Bullhorn's own Redis is out of memory.")

    with monkeypatch.context() as broken:
        broken.setattr(office.toolbox.audit, "record", full)
        await office.reconcile()
    assert await ends(office) == []
    await office.reconcile()
    assert await ends(office) == [NOBODY]


async def test_slack_away_keeps_it_for_the_next_pass_and_a_refusal_does_not(
    office, plan, request_now, messenger, redis
):
    messenger.faults.append("unreachable")
    await office.reconcile()
    assert request_now().labels == ["Approve", "Refuse"]
    assert await redis.exists(keys.ASKED)
    messenger.faults.append("refused:is_archived")
    await office.reconcile()
    assert not await redis.exists(keys.ASKED)


async def test_a_press_that_settled_it_is_shown_though_its_edit_was_lost(
    office, plan, request_now, messenger
):
    office.clock.forward(-1)
    messenger.faults.append("unreachable")
    await emergencies.refuse(office.toolbox, DANA, plan.id, None)
    assert request_now().labels == ["Approve", "Refuse"]
    office.clock.forward(1)
    await office.reconcile()
    assert "refused this" in request_now().text


async def test_a_late_press_is_the_one_that_is_told(office, plan, request_now):
    with pytest.raises(PlanExpiredError):
        await emergencies.approve(office.toolbox, DANA, plan.id, None)
    assert request_now().labels == ["Ask again…"]
    await office.reconcile()
    assert await ends(office) == [(ALICE.user, DANA.user, "expired", "came too late")]


async def test_a_plan_that_is_long_gone_is_not_looked_at_again(office, plan, redis):
    await redis.delete(keys.plan(plan.id))
    await office.reconcile()
    assert not await redis.exists(keys.ASKED)
