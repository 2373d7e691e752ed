"""Makes jobs fail, takes them out of their queue, and puts them back."""

from tests.integration.retrying import fail
from tests.support.valkey_bullmq import ORDERS

__all__ = ["FAILS", "captured", "fail", "refs_of", "remove", "restore", "take"]

FAILS = {"data": {"fail": "WHMCS_ERROR: 502", "log": "asked WHMCS ü"}}


async def refs_of(remover, state, *, until=None, queue=ORDERS):
    return [ref async for refs in remover.select(queue, state, until=until) for ref in refs]


async def captured(remover, state, refs, queue=ORDERS):
    return [job async for some in remover.capture(queue, state, refs) for job in some.jobs]


async def remove(remover, state, refs, *, operation="op", configured=None, queue=ORDERS):
    return await remover.remove(queue, state, refs, configured=configured, operation=operation)


async def restore(remover, jobs, *, operation="undo", configured=None, queue=ORDERS):
    return await remover.restore(queue, jobs, configured=configured, operation=operation)


async def take(remover, state, refs):
    """Capture and remove."""
    jobs = await captured(remover, state, refs)
    outcome = await remove(remover, state, refs)
    return jobs, outcome
