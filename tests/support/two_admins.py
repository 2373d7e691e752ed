"""An office with two admins: one asks for what the other must approve."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from bot.domain.access import Actor
from bot.domain.plans import Plan, PlanKind
from bot.domain.sample import Counts
from tests.support.fake_queues import FakeQueue, FakeQueues
from tests.support.fakes import ORDERS, FakeMessenger
from tests.support.toolbox import ALICE, POLICY, Office, build_office

DANA: Final = Actor(user="U0DANA", channel="C0ELSEWHERE")
"""The second admin, who presses in another channel."""
NAME: Final = "order-provisioning"


async def two_admins(redis: Any, queues: FakeQueues, messenger: FakeMessenger) -> Office:
    """It, after its first look at the one queue."""
    queues.add(ORDERS)
    admins = replace(POLICY, admins=frozenset({ALICE.user, DANA.user}))
    office = build_office(redis=redis, queues=queues, messenger=messenger, access=admins)
    await office.tick()
    return office


def hold(office: Office, **counts: int) -> FakeQueue:
    """The queue, with so many jobs; BullMQ 6."""
    queue = office.queues.queues[ORDERS]
    queue.counts = Counts(**counts)
    return queue


async def propose(office: Office, kind: PlanKind = PlanKind.DRAIN, actor: Actor = ALICE) -> Plan:
    """What a dialog shows."""
    return (await office.toolbox.repairs.emergencies.propose(actor, ORDERS, kind)).plan


async def asked(office: Office, kind: PlanKind = PlanKind.DRAIN) -> Plan:
    """What the first admin has asked for."""
    plan = await propose(office, kind)
    return await office.toolbox.approving.ask(ALICE, plan.id, NAME)
