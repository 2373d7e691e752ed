"""TLS with a private authority: one server, and a cluster."""

from contextlib import AsyncExitStack

import pytest

from bot.adapters.redis_plan_store import RedisPlanStore
from bot.adapters.sources import connect
from bot.domain.queues import QueueId
from bot.errors import RedisUnavailableError
from tests.support.redis_story import NAME, office_at, tell, write_story
from tests.support.valkey_cluster import valkey_cluster
from tests.support.valkey_process import running
from tests.support.valkey_tls import CA, tls_before

QUEUE = QueueId("main", "bull", NAME)


@pytest.fixture(scope="module")
def running_server():
    with running({}) as server:
        yield server


@pytest.fixture
def server(running_server):
    with running_server.client() as client:
        client.flushall()
        write_story(client, QUEUE)
    return running_server


@pytest.fixture
async def port(server):
    async with tls_before(server.host, server.port) as port:
        yield port


async def test_the_story_over_tls(port):
    url = f"rediss://127.0.0.1:{port}/0?ssl_ca_certs={CA}"
    async with office_at(url, {"main": (url, "bull")}) as office:
        await tell(office, QUEUE)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("rediss://127.0.0.1:{port}/0", "the authority is not known"),
        ("rediss://localhost:{port}/0?ssl_ca_certs={ca}", "the certificate is for another name"),
        ("redis://127.0.0.1:{port}/0?socket_timeout=0.5", "no TLS"),
    ],
)
async def test_without_the_right_trust_nothing_is_said(port, url, why):
    client = connect("REDIS_URL", url.format(port=port, ca=CA))
    with pytest.raises(RedisUnavailableError):
        await RedisPlanStore(client=client).get("x")
    await client.aclose()


async def test_any_name_and_any_certificate_if_one_insists(port):
    for option in (f"ssl_ca_certs={CA}&ssl_check_hostname=false", "ssl_cert_reqs=none"):
        client = connect("REDIS_URL", f"rediss://localhost:{port}/0?{option}")
        assert await client.ping()
        await client.aclose()


async def test_the_story_in_a_cluster_over_tls():
    """Each node announces the port of the TLS in front of it, as behind a proxy."""
    async with AsyncExitStack() as stack:
        cluster = stack.enter_context(valkey_cluster(size=1))
        [node] = cluster.nodes
        port = await stack.enter_async_context(tls_before(node.host, node.port))
        queue = QueueId("main", "{bull}", NAME)
        with node.client() as client:
            client.config_set("cluster-announce-port", str(port))
            write_story(client, queue)
        url = f"redis+cluster://127.0.0.1:{port}?ssl=true&ssl_ca_certs={CA}"
        office = await stack.enter_async_context(office_at(url, {"main": (url, "{bull}")}))
        await tell(office, queue)
