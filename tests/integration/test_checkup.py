"""The probe and the whole checkup against real servers: all that can be wrong with a Redis."""

import asyncio

import pytest
from redis import Redis
from slack_sdk.web.async_client import AsyncWebClient

from bot.adapters import keys
from bot.adapters.bullmq_operations import OperationsQueue
from bot.adapters.bullmq_reader import BullmqReader
from bot.adapters.operations_probe import OperationsProbe
from bot.adapters.redis_probe import RedisProbe
from bot.adapters.slack_calls import SlackCalls
from bot.adapters.slack_probe import SlackProbe
from bot.adapters.sources import Sources, connect
from bot.demo.localslack.server import LocalSlack
from bot.domain.checkup import QueuesFound, ServerFacts, Setup, Status, Trouble
from bot.domain.policy import Catalog, QueuePolicy
from bot.domain.queues import QueueId
from bot.services.checkup import Checkup
from tests.support.ports import free_port
from tests.support.valkey import valkey_server
from tests.support.valkey_bullmq import ORDERS, contents, write_meta


@pytest.fixture(scope="module")
def spoilt():
    """A server of its own, whose settings and users these tests change."""
    with valkey_server() as server:
        yield server


@pytest.fixture
def server(spoilt):
    spoilt.empty()
    yield spoilt
    with spoilt.client() as client:
        client.config_set("maxmemory", "0")
        client.config_set("maxmemory-policy", "noeviction")
        client.execute_command("REPLICAOF", "NO", "ONE")
        client.acl_deluser("limited")


@pytest.fixture
def admin(server):
    with server.client() as client:
        yield client


@pytest.fixture
async def connected(server):
    """A client of the server, or of another address."""
    clients = []

    def connected_to(url=None):
        clients.append(connect("test", url or server.url))
        return clients[-1]

    yield connected_to
    for client in clients:
        await client.aclose()


@pytest.fixture
def probe(connected):
    def built(url=None, source="main"):
        return RedisProbe(client=connected(url), source=source, prefix="bull")

    return built


def limited(admin: Redis, server, *commands):
    """The address of a user who may do everything but what `commands` take away."""
    admin.execute_command("ACL", "SETUSER", "limited", "reset", "on", ">hunter2", "~*", "+@all",
                          *commands)  # fmt: skip
    return f"redis://limited:hunter2@{server.host}:{server.port}/0"


async def test_a_server_that_is_well(probe, admin):
    admin.config_set("maxmemory", str(512 * 2**20))
    seen = await probe().look()
    assert isinstance(seen, ServerFacts)
    assert seen.product == "Valkey"
    assert seen.version == admin.info()["valkey_version"]
    assert 0 < seen.latency < 1000
    assert seen.replica is False
    assert seen.eviction == "noeviction"
    assert 0 < seen.memory_used < seen.memory_limit == 512 * 2**20
    assert seen.client_list


async def test_the_write_leaves_nothing(probe, admin):
    assert await probe(source=None).write() is None
    assert admin.dbsize() == 0


async def test_refused(probe):
    seen = await probe(f"redis://127.0.0.1:{free_port()}/0").look()
    assert isinstance(seen, Trouble)
    assert seen.absent
    assert seen.why == 'Redis "main" cannot be reached'
    assert "host, port" in seen.fix


@pytest.mark.parametrize("login", [":hunter2", "limited:wrong-hunter2", "nobody:hunter2"])
async def test_a_wrong_password_is_told_and_not_quoted(probe, server, admin, login):
    limited(admin, server)
    seen = await probe(f"redis://{login}@{server.host}:{server.port}/0").look()
    assert isinstance(seen, Trouble)
    assert "refuses the login" in seen.why
    assert "password" in seen.fix
    assert "hunter2" not in seen.why + seen.fix


async def test_a_user_who_may_not_write(probe, server, admin):
    url = limited(admin, server, "-@write")
    assert isinstance(await probe(url).look(), ServerFacts)
    written = await probe(url, source=None).write()
    assert isinstance(written, Trouble)
    assert written.why == "Bullhorn's own Redis does not permit this to Bullhorn's user (set)"
    assert "ACL" in written.fix


async def test_jobs_go_through_and_leave_nothing(connected, admin):
    assert await OperationsProbe(client=connected()).run() is None
    assert admin.keys() == [keys.ARCHIVE_TOTAL]
    assert admin.get(keys.ARCHIVE_TOTAL) == "0", "how much all archives take"


async def test_the_queue_of_operations_is_left_alone(connected, server, admin):
    queue = OperationsQueue(client=connected())
    await queue.submit("a", "1")
    await OperationsProbe(client=connected()).run()
    before = contents(admin)
    assert await OperationsProbe(client=connected()).run() is None
    assert contents(admin) == before


async def test_a_queue_that_does_not_answer(connected):
    tried = await OperationsProbe(client=connected(f"redis://127.0.0.1:{free_port()}/0")).run()
    assert isinstance(tried, Trouble)
    assert "cannot be reached" in tried.why


async def test_a_user_who_may_not_touch_bullhorns_keys(probe, server, admin):
    url = limited(admin, server, "resetkeys", "~bull:*")
    assert isinstance(await probe(url, source=None).write(), Trouble)


async def test_out_of_memory(probe, admin):
    admin.config_set("maxmemory", "1")
    written = await probe(source=None).write()
    assert isinstance(written, Trouble)
    assert "out of memory" in written.why


async def test_a_replica(probe, admin):
    admin.execute_command("REPLICAOF", "127.0.0.1", str(free_port()))
    seen = await probe().look()
    assert isinstance(seen, ServerFacts)
    assert seen.replica is True
    written = await probe(source=None).write()
    assert isinstance(written, Trouble)
    assert "it is a replica" in written.why
    assert "primary" in written.fix


async def test_an_eviction_policy_that_drops_keys(probe, admin):
    admin.config_set("maxmemory-policy", "allkeys-lru")
    seen = await probe().look()
    assert isinstance(seen, ServerFacts)
    assert seen.eviction == "allkeys-lru"


async def test_what_is_forbidden_is_unknown(probe, server, admin):
    seen = await probe(limited(admin, server, "-client|list", "-info")).look()
    assert isinstance(seen, ServerFacts)
    assert not seen.client_list
    assert seen.product is seen.eviction is seen.memory_used is seen.replica is None


async def test_queues_among_many_other_keys(probe, admin):
    write_meta(admin, ORDERS)
    write_meta(admin, QueueId("main", "other", "elsewhere"))
    pipe = admin.pipeline(transaction=False)
    for number in range(5000):
        pipe.set(f"bull:noise:{number}", "x")
    pipe.execute()
    before = contents(admin)
    found = await probe().queues(within=5)
    assert found == QueuesFound(queues=frozenset({ORDERS}), complete=True)
    assert contents(admin) == before


async def test_a_search_that_runs_out_of_time_says_so(probe, admin):
    write_meta(admin, ORDERS)
    found = await probe().queues(within=0)
    assert found == QueuesFound(queues=frozenset(), complete=False)


async def test_scan_forbidden(probe, server, admin):
    found = await probe(limited(admin, server, "-scan")).queues(within=5)
    assert isinstance(found, Trouble)
    assert "does not permit" in found.why


@pytest.fixture
async def checkup(server, connected):
    """The whole, with this own Redis and source `main`, against the local Slack."""
    closers = []

    async def built(own_url=None, source_url=None, limit=5.0):
        slack = LocalSlack()
        await slack.start()
        closers.append(slack.stop)
        sources = Sources({"main": (source_url or server.url, "bull")})
        closers.append(sources.aclose)
        own = connected(own_url)
        client = AsyncWebClient(token="xoxb-demo", base_url=slack.api_url, retry_handlers=[])
        calls = SlackCalls(count=lambda _method, _result: None)
        return Checkup(
            setup=Setup(slack_host="localhost", port=3000, app_token=True, config="a.yml"),
            catalog=Catalog(
                default=QueuePolicy(), queues={"orders": QueuePolicy(bullmq=6)}, channel="#general"
            ),
            own=RedisProbe(client=own, source=None),
            operations=OperationsProbe(client=connected(own_url)),
            sources={
                "main": RedisProbe(client=sources.client("main"), source="main", prefix="bull")
            },
            reader=BullmqReader(sources=sources, own=own),
            slack=SlackProbe(client=client, calls=calls, app_token="xapp-demo"),
            limit=limit,
        )  # fmt: skip

    yield built
    for close in closers:
        await close()


def failed(report):
    return {line.check: line.detail for line in report.findings if line.status is Status.FAIL}


async def test_all_is_well_and_the_source_is_not_written(checkup, admin):
    write_meta(admin, ORDERS, "bullmq:5.81.5")
    before = contents(admin)
    report = await (await checkup()).run()
    assert failed(report) == {}
    assert report.count(Status.WARN) == report.count(Status.SKIP) == 0
    lines = {line.check: line.detail for line in report.findings}
    assert lines["queue orders"] == (
        "BullMQ 5 (Redis: bullmq:5.81.5, config: 6): retry (unless paused), fresh attempts, pause"
    )
    admin.delete(keys.ARCHIVE_TOTAL)
    assert contents(admin) == before


async def test_a_user_who_may_not_run_scripts_cannot_read_queues(checkup, admin, server):
    write_meta(admin, ORDERS)
    url = limited(admin, server, "-@scripting")
    report = await (await checkup(source_url=url)).run()
    assert list(failed(report)) == ["source main: queues"]
    assert "does not permit" in failed(report)["source main: queues"]
    assert "hunter2" not in repr(report)


async def test_what_a_script_that_reads_a_queue_lacks_is_named(checkup, admin, server):
    write_meta(admin, ORDERS)
    report = await (await checkup(source_url=limited(admin, server, "-llen"))).run()
    assert failed(report) == {
        "queue orders": "its keys cannot be read: Redis does not permit this to Bullhorn's user "
        "(llen)"
    }


async def test_a_user_who_may_not_scan_finds_no_queues(checkup, admin, server):
    report = await (await checkup(source_url=limited(admin, server, "-scan"))).run()
    assert list(failed(report)) == ["source main: queues"]
    assert {line.check for line in report.findings if line.status is Status.SKIP} == {
        "queue orders"
    }


async def test_a_server_that_accepts_and_never_answers(checkup):
    async def hang(reader, writer):
        await reader.read()  # until the client goes away
        writer.close()

    silent = await asyncio.start_server(hang, "127.0.0.1", 0)
    host, port = silent.sockets[0].getsockname()
    report = await (await checkup(own_url=f"redis://{host}:{port}/0", limit=0.5)).run()
    assert failed(report) == {"own Redis": "Bullhorn's own Redis did not answer within 0.5 s"}
    silent.close()
    await silent.wait_closed()
