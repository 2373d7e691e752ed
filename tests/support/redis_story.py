"""All that `bullhorn run` asks of its Redis servers, from the first tick to an undone drain.

Nothing between the services and Redis is pretended: operations go through Bullhorn's own BullMQ
queue and the worker that takes them, archives are real, and so is what reads how jobs ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from typing import Any, Final, cast

import pytest
from redis import Redis

from bot.adapters import bullmq_stalled
from bot.adapters.bullmq_done import BullmqDoneSets
from bot.adapters.bullmq_operations import OperationsQueue, OperationsWorker
from bot.adapters.bullmq_operator import BullmqOperator
from bot.adapters.bullmq_outcomes import BullmqOutcomes
from bot.adapters.bullmq_reader import BullmqReader
from bot.adapters.bullmq_remover import BullmqRemover
from bot.adapters.redis_archive import RedisArchive
from bot.adapters.redis_operation_store import RedisOperationStore
from bot.adapters.sources import Sources, connect
from bot.commands import plan_buttons
from bot.domain.jobs import FailureFilter
from bot.domain.message import Reply
from bot.domain.operations import Phase
from bot.domain.plans import Plan, PlanKind
from bot.domain.queues import QueueId
from bot.render import action_ids
from bot.services.operations import receipts, unstick
from tests.support.fakes import FakeClock, FakeMessenger
from tests.support.toolbox import ALICE, BOB, CATALOG, Office, Parts, build_office, said
from tests.support.valkey_bullmq import now_ms, write_failed, write_meta

NAME: Final = "order-provisioning"
"""The queue of the story; the office's catalogue says that a WHMCS_ERROR may be retried at once."""

FAILED: Final = 200
"""Jobs of the story that have failed at first: more than a call takes."""

_PATIENCE: Final = 30.0
_ADDED: Final = 4
"""Jobs that have not failed: one waits, two are delayed, one is active without a worker."""


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
    """A bot's services on real Redis servers, with the worker of operations; Slack is not real."""
    own, sources = connect("REDIS_URL", own_url), Sources(addresses)
    queue = OperationsQueue(client=connect("REDIS_URL", own_url))
    queues = RealQueues(sources, own)
    office = build_office(
        redis=own,
        queues=cast("Any", queues),
        messenger=FakeMessenger(queues.clock),
        catalog=replace(CATALOG, prefixes=sources.prefixes),
        parts=Parts(
            submitted=queue,
            outcomes=BullmqOutcomes(sources=sources),
            remover=BullmqRemover(sources=sources),
            archive=RedisArchive(client=own),
        ),
    )
    worker = OperationsWorker(
        client=lambda: connect("REDIS_URL", own_url, patient=True), handler=office.runner.run
    )
    try:
        with _hurry():
            worker.start()
            await _waits(worker)
            yield office
            await worker.stop(1)
    finally:
        await worker.stop(0)
        await queue.aclose()
        await sources.aclose()
        await own.aclose()


async def _waits(worker: OperationsWorker) -> None:
    """Until it waits for operations: BullMQ's cannot be stopped in the midst of its start."""
    async with asyncio.timeout(_PATIENCE):
        while worker._worker is None or not worker._worker.waiting:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@contextmanager
def _hurry() -> Iterator[None]:
    """Nobody works on the jobs: one look at how they ended; and stalled ones are moved soon."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(receipts, "WATCH_LIMIT", 0)
        patch.setattr(bullmq_stalled, "CHECK", 100)
        patch.setattr(unstick, "BETWEEN", 0.15)
        yield


def write_story(redis: Redis, queue: QueueId, failed: int = FAILED) -> None:
    """A queue with failed jobs of one code, and those that `_ADDED` tells of; and a log line."""
    write_meta(redis, queue)
    at = now_ms() - 60_000
    rows = [(str(n), at + n, f"WHMCS_ERROR: HTTP 50{n % 5}", "provision") for n in range(failed)]
    write_failed(redis, queue, rows)
    redis.rpush(queue.key("0:logs"), "asked WHMCS")
    for job in ("w", "a", "d1", "d2"):
        redis.hset(queue.key(job), mapping={"name": "provision", "timestamp": at, "opts": "{}"})
    redis.rpush(queue.key("wait"), "w")
    redis.rpush(queue.key("active"), "a")
    later = (now_ms() + 3_600_000) * 4096
    redis.zadd(queue.key("delayed"), {"d1": later, "d2": later + 1})
    redis.xadd(queue.key("events"), {"event": "failed", "jobId": "0", "failedReason": "x"})


async def tell(office: Office, queue: QueueId, address: str = NAME) -> None:
    """Go through the story of one queue; `address` is how people call it."""
    await look(office, queue, address)
    await office.ask(f"retry {address} 0")
    assert "0" not in await failed(office, queue)
    await _clean_and_undo(office, queue, address)
    await office.ask(f"promote {address} d1")
    await do(office, f"promote {address} --all")
    await do(office, f"unstick {address}")
    await do(office, f"retry {address} --error WHMCS_ERROR")
    assert await failed(office, queue) == set()
    await _drain_and_undo(office, queue, address)
    told = [entry.action for entry in await office.history() if entry.queue == address]
    assert told.count("receipt") == told.count("promote") == told.count("undo") == 2, told
    await office.ask(f"pause {address}")
    await office.ask(f"resume {address}")
    await office.ask(f"silence {address} 1h deploy")
    [silence] = (await office.toolbox.store.load_open()).silences
    await office.ask(f"unsilence {silence}")
    await tick(office)


async def _clean_and_undo(office: Office, queue: QueueId, address: str) -> None:
    before = await failed(office, queue)
    plan = await do(office, f"clean {address} failed --older-than 1s")
    assert await failed(office, queue) == set()
    assert address.rpartition("/")[2] in await office.said("undo")
    await do(office, f"undo {plan.id}")
    assert await failed(office, queue) == before
    await do(office, f"remove {address} 1")
    assert await failed(office, queue) == before - {"1"}


async def _drain_and_undo(office: Office, queue: QueueId, address: str) -> None:
    """Two people; all jobs of the story wait by now, but the one that was removed."""
    emergencies, approving = office.toolbox.repairs.emergencies, office.toolbox.approving
    drawn = (await emergencies.propose(BOB, queue, PlanKind.DRAIN)).plan
    await approving.ask(BOB, drawn.id, address)
    drained = await carried_out(office, (await approving.approve(ALICE, drawn.id)).id)
    back = await do(office, f"undo {drained.id}")
    assert drained.done == back.done == FAILED - 1 + _ADDED, (drained.outcome, back.outcome)


async def do(office: Office, command: str) -> Plan:
    """Type a command, press its card's button, and wait until the worker has carried it out."""
    card = await office.ask(command)
    reply = await plan_buttons.confirm(office.toolbox, BOB, _plan_of(card))
    plan = await carried_out(office, _plan_of(card))
    assert plan.done == plan.count, (plan.outcome, said(reply))
    return plan


def _plan_of(card: Reply) -> str:
    """The plan that the card's first button confirms."""
    assert card.message is not None
    elements = [one for block in card.message.blocks for one in block.get("elements", [])]
    return str(next(e["value"] for e in elements if e.get("action_id") == action_ids.PLAN_CONFIRM))


async def carried_out(office: Office, plan_id: str) -> Plan:
    """A plan whose operation has ended."""
    store = RedisOperationStore(client=office.redis)
    async with asyncio.timeout(_PATIENCE):
        while True:
            operation = await store.load(plan_id)
            plan = await office.toolbox.confirming.plan(plan_id)
            if plan is not None and operation is not None and operation.phase is Phase.ENDED:
                return plan
            await asyncio.sleep(0.02)


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
