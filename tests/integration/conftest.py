"""One real Valkey and one Node helper for all integration tests; each test begins with no keys."""

import pytest

from bot.adapters.bullmq_operator import BullmqOperator
from bot.adapters.bullmq_reader import BullmqReader
from bot.adapters.bullmq_remover import BullmqRemover
from bot.adapters.sources import Sources
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
