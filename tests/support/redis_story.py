"""All that `bullhorn run` asks of its Redis servers, from the first tick to a retried failure."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Final, cast

from redis import Redis

from bot.adapters.bullmq_done import BullmqDoneSets
from bot.adapters.bullmq_operator import BullmqOperator
from bot.adapters.bullmq_reader import BullmqReader
from bot.adapters.sources import Sources, connect
from bot.commands import plan_buttons
from bot.domain.jobs import FailureFilter
from bot.domain.queues import QueueId
from tests.support.fakes import FakeClock, FakeMessenger
from tests.support.toolbox import BOB, CATALOG, Office, build_office, said, value_of
from tests.support.valkey_bullmq import now_ms, write_failed, write_meta

NAME: Final = "order-provisioning"
"""The queue of the story; the office's catalogue says that a WHMCS_ERROR may be retried at once."""


class RealQueues:
    """Reader, operator and done sets in one, where the office's builder takes a fake."""

    def __init__(self, sources: Sources, own: Any) -> None:
        self.reader = BullmqReader(sources=sources, own=own)
        operator, done = BullmqOperator(sources=sources), BullmqDoneSets(sources=sources)
        self._parts = (self.reader, operator, done)
        self.clock = FakeClock()

    def __getattr__(self, name: str) -> Any:
        return next(getattr(part, name) for part in self._parts if hasattr(part, name))


@asynccontextmanager
async def office_at(
    own_url: str, addresses: Mapping[str, tuple[str, str]]
) -> AsyncIterator[Office]:
    """A bot's services on real Redis servers; Slack is not real."""
    own, sources = connect("REDIS_URL", own_url), Sources(addresses)
    queues = RealQueues(sources, own)
    try:
        yield build_office(
            redis=own,
            queues=cast("Any", queues),
            messenger=FakeMessenger(queues.clock),
            catalog=replace(CATALOG, prefixes=sources.prefixes),
        )
    finally:
        await sources.aclose()
        await own.aclose()


def write_story(redis: Redis, queue: QueueId, failed: int = 120) -> None:
    """A queue with failed jobs of one code, one that waits, one that is active, and a log line."""
    write_meta(redis, queue)
    at = now_ms() - 60_000
    rows = [(str(n), at + n, f"WHMCS_ERROR: HTTP 50{n % 5}", "provision") for n in range(failed)]
    write_failed(redis, queue, rows)
    redis.rpush(queue.key("0:logs"), "asked WHMCS")
    for state, job in (("wait", "w"), ("active", "a")):
        redis.hset(queue.key(job), mapping={"name": "provision", "timestamp": at, "opts": "{}"})
        redis.rpush(queue.key(state), job)
    redis.xadd(queue.key("events"), {"event": "failed", "jobId": "0", "failedReason": "x"})


async def tell(office: Office, queue: QueueId, address: str = NAME) -> None:
    """Go through the story of one queue; `address` is how people call it."""
    await look(office, queue, address)
    await office.ask(f"retry {address} 0")
    assert "0" not in await failed(office, queue)
    card = await office.ask(f"retry {address} --error WHMCS_ERROR")
    plan = value_of(card, "Retry ")
    done = await plan_buttons.confirm(office.toolbox, BOB, plan)
    await office.run_operations()
    assert await failed(office, queue) == set(), said(done)
    assert [entry.action for entry in await office.history()][:3] == ["receipt", "retry", "retry"]
    await office.ask(f"pause {address}")
    await office.ask(f"resume {address}")
    await office.ask(f"silence {address} 1h deploy")
    [silence] = (await office.toolbox.store.load_open()).silences
    await office.ask(f"unsilence {silence}")
    await tick(office)


async def look(office: Office, queue: QueueId, address: str = NAME) -> None:
    """What needs no permission to change anything of a queue."""
    await tick(office)
    assert "WHMCS_ERROR" in await office.said(f"failed {address}")
    assert address.rpartition("/")[2] in await office.said("status")
    await office.said(f"status {address}")
    assert "provision" in await office.said(f"job {address} 0")
    assert "asked WHMCS" in await office.said(f"job {address} 0 --logs")
    await office.toolbox.reader.last_failure(queue, "0")
    assert "0" in await failed(office, queue)


async def tick(office: Office) -> None:
    """One look at everything, which must see everything."""
    result = await office.tick()
    assert result.name == "GOOD", result


async def failed(office: Office, queue: QueueId) -> set[str]:
    """The ids of the failed jobs."""
    batches = office.toolbox.reader.select_failed(queue, FailureFilter())
    return {ref.id async for batch in batches for ref in batch}
