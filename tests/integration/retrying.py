"""Makes jobs fail, and retries them."""

from bot.adapters.bullmq_retry import CHUNK
from bot.domain.jobs import FailureFilter
from tests.support.valkey_bullmq import ORDERS, now_ms, write_failed, write_meta

FAILS = {"data": {"fail": "WHMCS_ERROR: 502"}}


async def failed(reader, queue=ORDERS):
    wanted = FailureFilter(code="WHMCS_ERROR")
    return [ref async for batch in reader.select_failed(queue, wanted) for ref in batch]


async def retry(operator, refs, *, fresh=False, configured=None, queue=ORDERS):
    return await operator.retry(queue, refs, fresh=fresh, configured=configured)


async def two_chunks_failed(reader, redis):
    write_meta(redis, ORDERS)
    at = now_ms()
    rows = [(str(n), at + n, "WHMCS_ERROR: x", "work") for n in range(2 * CHUNK)]
    write_failed(redis, ORDERS, rows)
    return await failed(reader)


async def fail(queue, *jobs, **options):
    worker = await queue.worker(**options)
    await queue.add(*jobs)
    await queue.wait(failed=len(jobs))
    return worker
