"""Since when the oldest job waits: said only where its hash tells it."""

import pytest

from bot.domain.jobs import FailureFilter
from bot.domain.sample import SampleRequest
from tests.support.node_bullmq import VERSIONS
from tests.support.valkey_bullmq import ORDERS, now_ms, write_meta

each_version = pytest.mark.parametrize("version", VERSIONS)


async def look(reader):
    return (await reader.sample([SampleRequest(queue=ORDERS)])).samples[ORDERS]


@pytest.mark.parametrize(
    ("job", "waits"),
    [
        ({}, 2_000_000),
        ({"opts": '{"attempts":3}'}, 2_000_000),
        ({"opts": '{"delay":1800000}', "delay": "0"}, 200_000),
        ({"opts": '{"backoff":{"type":"fixed","delay":5000}}'}, 2_000_000),
        # it is not written down since when these wait
        ({"opts": '{"delay":9000000}', "delay": "0"}, None),
        ({"opts": '{"delay":1800000'}, None),
        ({"opts": '{"delay":null}'}, None),
        ({"processedOn": "1"}, None),
        ({"attemptsMade": "1"}, None),
        ({"atm": "1", "ats": "1"}, None),
        ({"atm": "0", "attemptsMade": "0"}, 2_000_000),
        ({"stacktrace": "[]"}, None),
        ({"timestamp": "soon"}, None),
        (None, None),
    ],
)
async def test_since_when_the_oldest_waits(reader, redis, job, waits):
    write_meta(redis, ORDERS)
    created = now_ms() - 2_000_000
    if job is not None:
        redis.hset(ORDERS.key("1"), mapping={"timestamp": created, **job})
    redis.lpush(ORDERS.key("wait"), "1")
    sample = await look(reader)
    assert sample.counts.waiting == 1
    expected = None if waits is None else created + 2_000_000 - waits
    assert sample.oldest_waiting_at == expected


@each_version
async def test_a_retried_job_does_not_look_as_old_as_it_is(node, reader, operator, version):
    queue = node.queue(version, "orders")
    worker = await queue.worker()
    await queue.add({"data": {"fail": "X_Y"}})
    await queue.wait(failed=1)
    await worker.stop()
    [batch] = [jobs async for jobs in reader.select_failed(ORDERS, FailureFilter())]
    await operator.retry(ORDERS, batch, fresh=version >= 5, configured=None)
    sample = await look(reader)
    assert sample.counts.waiting == 1
    assert sample.oldest_waiting_at is None
