"""One real Valkey and one Node helper for all integration tests; each test begins with no keys."""

import asyncio

import pytest

from bot.adapters.bullmq_done import BullmqDoneSets
from bot.adapters.bullmq_operator import BullmqOperator
from bot.adapters.bullmq_outcomes import BullmqOutcomes
from bot.adapters.bullmq_reader import BullmqReader
from bot.adapters.bullmq_remover import BullmqRemover
from bot.adapters.redis_archive import RedisArchive
from bot.adapters.redis_audit_log import RedisAuditLog
from bot.adapters.redis_plan_store import RedisPlanStore
from bot.adapters.redis_watch_store import RedisWatchStore
from bot.adapters.sources import Sources
from bot.domain.operations import Tally
from bot.domain.pacing import Pace
from bot.domain.policy import Catalog, QueuePolicy
from bot.services.journal import Journal
from bot.services.operations.base import Throttle
from bot.services.repairs import Repairs, Supplies, repair_executors
from tests.support.archive_world import with_points
from tests.support.bullmq_whole import raw_client
from tests.support.node_bullmq import node_bullmq
from tests.support.queue_worlds import Pretend, Real, fail_six
from tests.support.valkey import valkey_server
from tests.support.valkey_bullmq import now_ms


@pytest.fixture(scope="session")
def running_valkey():
    with valkey_server() as server:
        yield server


@pytest.fixture(scope="session")
def running_node(running_valkey):
    with node_bullmq(running_valkey) as node:
        yield node


@pytest.fixture
def valkey(running_valkey):
    running_valkey.empty()
    return running_valkey


@pytest.fixture
def redis(valkey):
    with valkey.client() as client:
        yield client


@pytest.fixture
def raw(valkey):
    """A client that gives bytes."""
    with raw_client(valkey) as client:
        yield client


@pytest.fixture
async def node(valkey, running_node):
    yield running_node
    await running_node.ask("reset")


@pytest.fixture
async def sources(valkey):
    sources = Sources({"main": (valkey.url, "bull")})
    yield sources
    await sources.aclose()


@pytest.fixture
def reader(sources):
    return BullmqReader(sources=sources, own=sources.client("main"), rest=0)


@pytest.fixture
def operator(sources):
    return BullmqOperator(sources=sources)


@pytest.fixture
def remover(sources):
    return BullmqRemover(sources=sources)


@pytest.fixture
def supplies(sources, reader, operator, remover):
    own, catalog = sources.client("main"), Catalog(default=QueuePolicy())
    audit = RedisAuditLog(client=own)
    return Supplies(
        reader=reader,
        operator=operator,
        remover=remover,
        archive=RedisArchive(client=own),
        done=BullmqDoneSets(sources=sources),
        outcomes=BullmqOutcomes(sources=sources),
        plans=RedisPlanStore(client=own),
        journal=Journal(audit=audit, reader=reader, catalog=catalog),
        store=RedisWatchStore(client=own),
        catalog=catalog,
    )


@pytest.fixture
def repairs(supplies):
    return Repairs(supplies)


@pytest.fixture
def carry_out(supplies):
    """Run a plan's steps to their end, waiting as they want."""
    executors = repair_executors(supplies)

    async def run(plan):
        tally, notices = Tally(), []
        async for step in executors[plan.kind].steps(plan, Throttle(Pace(size=50))):
            tally = tally.plus(step.outcome)
            notices += [step.notice] if step.notice else []
            await asyncio.sleep(step.wait)
        return tally, notices

    return run


@pytest.fixture
def points(monkeypatch):
    """Where a process that archives or undoes may be killed, or stand still."""
    return with_points(monkeypatch)


@pytest.fixture(params=["fake", "real"])
async def world(request):
    """The queues of a contract: in memory, and on Valkey."""
    if request.param == "fake":
        yield Pretend()
        return
    valkey = request.getfixturevalue("valkey")
    sources = Sources({"main": (valkey.url, "bull"), "lost": ("redis://127.0.0.1:1/0", "bull")})
    yield Real(request.getfixturevalue("redis"), sources)
    await sources.aclose()


@pytest.fixture
def start():
    """When the first of the six failures happened: a quarter of an hour ago."""
    return now_ms() - 900_000


@pytest.fixture
def failed(world, start):
    """A world with six failed jobs."""
    fail_six(world, start)
    return world
