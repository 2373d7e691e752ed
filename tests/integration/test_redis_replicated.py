"""What is archived is on a replica before it leaves its queue, where there is one."""

import os
import signal

import pytest

from bot.adapters import redis_replicated
from bot.adapters.redis_archive import RedisArchive
from bot.adapters.redis_replicated import LOOK_EVERY, Replicated
from bot.adapters.sources import connect
from bot.domain.jobs import ArchivedJob
from bot.errors import RedisUnavailableError
from tests.support.valkey_bullmq import ORDERS
from tests.support.valkey_process import HOST, running, wait_until

JOB = ArchivedJob(id="j1", state="failed", score="1", fields=((b"name", b"n"),))


@pytest.fixture(scope="module")
def running_primary():
    with running({}) as server:
        yield server


@pytest.fixture
def primary(running_primary):
    with running_primary.client() as client:
        client.flushall()
        client.script_flush()
        client.execute_command("CONFIG", "RESETSTAT")
    return running_primary


@pytest.fixture
def replica(primary):
    with running({"replicaof": f"{HOST} {primary.port}"}) as server, primary.client() as client:
        wait_until(lambda: online(client), what="the replica")
        yield server


def online(client):
    told = client.info("replication")
    return told["connected_slaves"] and told["slave0"]["state"] == "online"


@pytest.fixture
async def archive(primary):
    client = connect("REDIS_URL", f"redis://{HOST}:{primary.port}/0")
    archive = RedisArchive(client=client)
    await archive.begin("op", queue=ORDERS, state="failed", kind="clean", by="U1")
    yield archive
    await client.aclose()


def waits(primary):
    """How often WAIT was called."""
    with primary.client() as client:
        stats = client.info("commandstats")
    return stats.get("cmdstat_wait", {}).get("calls", 0)


async def test_a_batch_is_on_the_replica_when_it_is_kept(archive, primary, replica):
    for count in range(1, 4):
        await archive.put("op", [JOB])
        with replica.client() as client:
            assert client.hlen("{bullhorn}:archive:op") == count
    assert waits(primary) == 3 + 1, "the first time the server did not know the script"


async def test_a_replica_that_does_not_keep_up_stops_what_would_remove(
    archive, primary, replica, monkeypatch
):
    monkeypatch.setattr(redis_replicated, "WAIT_MS", 100)
    os.kill(replica._process.pid, signal.SIGSTOP)
    try:
        with pytest.raises(RedisUnavailableError, match="does not keep up"):
            await archive.put("op", [JOB])
    finally:
        os.kill(replica._process.pid, signal.SIGCONT)
    monkeypatch.undo()
    assert len(await archive.unsettled("op")) == 1, "it is known to whoever goes on"
    await archive.put("op", [JOB])


async def test_without_a_replica_nothing_is_waited_for(archive, primary):
    await archive.put("op", [JOB])
    await archive.put("op", [JOB])
    assert waits(primary) == 0


async def test_a_replica_that_comes_later_is_waited_for(archive, primary):
    now = [0.0]
    archive._replicated = Replicated(archive._client, monotonic=lambda: now[0])
    await archive.put("op", [JOB])
    with running({"replicaof": f"{HOST} {primary.port}"}), primary.client() as client:
        wait_until(lambda: online(client), what="the replica")
        now[0] = LOOK_EVERY
        await archive.put("op", [JOB])
    assert waits(primary) == 1


@pytest.mark.parametrize("forbidden", [("-info",), ("-wait",), ("-info", "-wait")])
async def test_a_server_that_may_not_be_asked_stops_nothing(primary, replica, forbidden):
    with primary.client() as client:
        client.execute_command("ACL", "SETUSER", "least", "on", ">x", "~*", "+@all", *forbidden)
    client = connect("REDIS_URL", f"redis://least:x@{HOST}:{primary.port}/0")
    archive = RedisArchive(client=client)
    await archive.begin("op", queue=ORDERS, state="failed", kind="clean", by="U1")
    assert await archive.put("op", [JOB]) is not None
    assert await archive.put("op", [JOB]) is not None
    await client.aclose()
