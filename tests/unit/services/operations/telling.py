"""Begins operations, and reads what they have told."""

import asyncio

from bot.domain.jobs import FailureFilter
from bot.services.operations import screen
from tests.support.fakes import ORDERS
from tests.support.toolbox import BOB, shown


async def begin(office, code="WHMCS_ERROR", choice=None, **options):
    wanted = FailureFilter(code=code)
    plan = (await office.toolbox.planner.propose(BOB, ORDERS, wanted, **options)).plan
    return (await office.toolbox.confirming.confirm(BOB, plan.id, choice)).plan


def message(messenger):
    [posted] = messenger.of(screen.KIND)
    return shown(posted.message).text.replace("*", "")


def labels(messenger, kind=screen.KIND):
    [posted] = messenger.of(kind)
    return shown(posted.message).labels


def replies(messenger):
    return [shown(posted.message).text.replace("*", "") for posted in messenger.of(screen.RECEIPT)]


async def reaches(office, plan, phase):
    """Let everything go on until the operation is in that phase."""
    async with asyncio.timeout(20):
        while (found := await stored(office, plan)) is None or found.phase is not phase:  # noqa: ASYNC110
            await asyncio.sleep(0)


async def stored(office, plan):
    return await office.runner._tools.operations.load(plan.id)
