"""A real cluster of three nodes: two sources on two of them, Bullhorn's own state on the third."""

import asyncio

import pytest

from bot.adapters import keys, redis_cluster
from bot.adapters.bullmq_operator import BullmqOperator
from bot.adapters.bullmq_reader import BullmqReader
from bot.adapters.operations_probe import OperationsProbe
from bot.adapters.redis_plan_store import RedisPlanStore
from bot.adapters.sources import Sources, connect
from bot.domain.jobs import FailureFilter
from bot.domain.queues import QueueId
from bot.domain.sample import SampleRequest
from bot.errors import RedisUnavailableError
from tests.support.node_bullmq import node_bullmq
from tests.support.redis_story import FAILED, NAME, do, failed, office_at, tell, tick, write_story
from tests.support.valkey_bullmq import now_ms, write_failed, write_meta
from tests.support.valkey_cluster import valkey_cluster
from tests.support.valkey_process import running

OWN = "{bullhorn}:"


@pytest.fixture(scope="module")
def running_cluster():
    with valkey_cluster() as cluster:
        yield cluster


@pytest.fixture
def cluster(running_cluster):
    running_cluster.empty()
    return running_cluster


@pytest.fixture
def elsewhere(cluster):
    """The two nodes that do not hold Bullhorn's own state."""
    return [place for place in range(3) if place != cluster.place(OWN)]


@pytest.fixture
def queues(cluster, elsewhere):
    """A queue of the story on each of them, as two sources."""
    found = []
    for source, place in zip(("left", "right"), elsewhere, strict=True):
        queue = QueueId(source, cluster.prefix_on(place), NAME)
        with cluster.nodes[place].client() as client:
            write_story(client, queue)
        found.append(queue)
    return found


@pytest.fixture
async def office(cluster, queues):
    addresses = {queue.source: (cluster.url, queue.prefix) for queue in queues}
    async with office_at(cluster.url, addresses) as office:
        yield office


@pytest.fixture
async def one(cluster):
    """One source over all nodes: BullMQ's default prefix, and queues with braces in their names."""
    sources = Sources({"main": (cluster.url, "bull")})
    yield sources
    await sources.aclose()


def spread_queues(cluster, count=12):
    """Queues on all nodes, each with a failed job."""
    found = [QueueId("main", "bull", f"{{q{number}}}") for number in range(count)]
    for queue in found:
        with cluster.nodes[cluster.place(queue.key("meta"))].client() as client:
            write_meta(client, queue)
            write_failed(client, queue, [("1", now_ms(), "WHMCS_ERROR: x", "work")])
    assert {cluster.place(queue.key("meta")) for queue in found} == {0, 1, 2}
    return found


def look_at(queues):
    return [SampleRequest(queue=queue) for queue in queues]


async def test_the_story_on_each_node(office, queues):
    for queue in queues:
        await tell(office, queue, queue.qualified)


async def test_queues_of_all_nodes_are_found_and_sampled(cluster, one):
    queues = set(spread_queues(cluster))
    reader = BullmqReader(sources=one, own=one.client("main"), rest=0)
    found = await reader.discover()
    assert (found.queues, found.complete, found.unreachable) == (queues, {"main"}, {})

    round_ = await reader.sample(look_at(queues))

    assert (set(round_.samples), round_.unreachable, round_.broken) == (queues, {}, {})
    assert {sample.counts.failed for sample in round_.samples.values()} == {1}
    gone = min(queues)
    with cluster.nodes[cluster.place(gone.key("meta"))].client() as client:
        client.delete(gone.key("meta"))
    await reader.discover()
    assert (await reader.discover()).queues == queues - {gone}


async def test_many_slots_have_no_more_clients_than_some(cluster, one, monkeypatch):
    monkeypatch.setattr(redis_cluster, "MOST_SLOTS", 3)
    queues = spread_queues(cluster)
    reader = BullmqReader(sources=one, own=one.client("main"))
    for queue in [*queues, *queues]:
        [job] = await reader.failed_jobs(queue, FailureFilter(), limit=5)
        assert job.id == "1"
    client = one.client("main")
    assert len(client._others) == 3
    await client.nodes()
    assert client._evicted == []


async def test_a_node_that_is_away_hides_its_queues_only():
    with valkey_cluster() as cluster:
        queues = spread_queues(cluster)
        for node in cluster.nodes:
            with node.client() as client:
                client.config_set("cluster-require-full-coverage", "no")
        sources = Sources({"main": (cluster.url, "bull")})
        reader = BullmqReader(sources=sources, own=sources.client("main"), rest=0)
        assert (await reader.discover()).queues == set(queues)
        cluster.nodes[2].kill()

        round_ = await reader.sample(look_at(queues))
        found = await reader.discover()

        assert set(round_.samples) == {q for q in queues if cluster.place(q.key("meta")) != 2}
        assert round_.unreachable == {"main": 'A node of Redis "main" cannot be reached.'}
        assert {sample.workers for sample in round_.samples.values()} == {None}
        assert found.queues == set(queues)
        assert list(found.unreachable) == ["main"]
        await sources.aclose()


async def test_a_slot_that_has_moved_is_followed(cluster, office, queues, elsewhere):
    """A queue's slot and Bullhorn's own go to other nodes and come back; nobody notices.

    The worker of operations neither: it waits at the node that had Bullhorn's own slot.
    """
    left, _ = queues
    await tick(office)
    home, target = elsewhere
    cluster.move(left.key("meta"), target)
    cluster.move(OWN, home)

    await tick(office)
    await office.ask(f"retry {left.qualified} 0")
    assert "0" not in await failed(office, left)
    await do(office, f"promote {left.qualified} --all")

    cluster.move(left.key("meta"), home)
    cluster.move(OWN, 3 - home - target)
    await office.ask(f"retry {left.qualified} 1")
    assert await failed(office, left) == {str(number) for number in range(2, FAILED)}
    await do(office, f"clean {left.qualified} failed --older-than 1s")
    await tick(office)


async def test_a_slot_on_its_way_is_unknown_until_it_has_arrived(
    cluster, office, queues, elsewhere
):
    left, right = queues
    home, target = elsewhere
    await tick(office)
    with cluster.nodes[home].client() as client:
        cluster.begin_move(left.key("meta"), target)
        client.migrate(*_address(cluster, target), [left.key("meta")], 0, 5000)

    round_ = await office.toolbox.reader.sample(look_at(queues))
    assert list(round_.samples) == [right]
    assert round_.broken == {left: "its keys are on their way to another node of the cluster"}
    with pytest.raises(RedisUnavailableError, match="moving these keys"):
        await office.toolbox.reader.job(left, "0")

    with pytest.raises(RedisUnavailableError, match="Nothing was changed"):
        await office.ask(f"retry {left.qualified} 0")

    asyncio.get_running_loop().call_later(0.2, cluster.end_move, left.key("meta"), target)
    assert (await office.toolbox.reader.job(left, "0")).state == "failed"  # waits for its arrival
    await tell(office, left, left.qualified)
    cluster.move(left.key("meta"), home)


async def test_a_queue_half_on_its_way_is_not_touched(cluster, queues, elsewhere):
    """Its `meta` is here still, a list is not: a script would take that for an empty one."""
    left, _ = queues
    home, target = elsewhere
    sources = Sources({"left": (cluster.url, left.prefix)})
    reader = BullmqReader(sources=sources, own=sources.client("left"))
    refs = [ref async for some in reader.select_failed(left, FailureFilter()) for ref in some]
    with cluster.nodes[home].client() as client:
        cluster.begin_move(left.key("meta"), target)
        client.migrate(*_address(cluster, target), [left.key("wait")], 0, 5000)

        with pytest.raises(RedisUnavailableError, match="moving these keys"):
            await BullmqOperator(sources=sources).retry(left, refs, fresh=False, configured=None)

        assert client.zcard(left.key("failed")) == len(refs)
    cluster.end_move(left.key("meta"), target)
    cluster.move(left.key("meta"), home)
    await sources.aclose()


def _address(cluster, place):
    return cluster.nodes[place].host, cluster.nodes[place].port


async def test_real_workers_finish_what_is_retried(cluster, elsewhere):
    place = elsewhere[0]
    name = QueueId("main", cluster.prefix_on(place), "orders")
    sources = Sources({"main": (cluster.url, name.prefix)})
    reader = BullmqReader(sources=sources, own=sources.client("main"))
    with node_bullmq(cluster.nodes[place]) as node:
        queue = node.queue(5, "orders", prefix=name.prefix)
        worker = await queue.worker(name="one")
        await queue.add(*[{"data": {"fail": "WHMCS_ERROR: 502"}}] * 70)
        await queue.wait(failed=70)
        await worker.heal()
        [sample] = (await reader.sample(look_at([name]))).samples.values()
        assert (sample.counts.failed, sample.workers) == (70, 1)
        refs = [ref async for some in reader.select_failed(name, FailureFilter()) for ref in some]

        outcome = await BullmqOperator(sources=sources).retry(
            name, refs, fresh=False, configured=None
        )

        assert len(outcome.done) == 70
        await queue.wait(completed=70)
        await worker.stop()
        await node.ask("reset")
    await sources.aclose()


async def test_what_operations_need_can_be_checked(cluster):
    client = connect("REDIS_URL", cluster.url)
    assert await OperationsProbe(client=client).run() is None
    await client.aclose()
    with cluster.nodes[cluster.place(OWN)].client() as node:
        assert set(node.keys()) <= {keys.ARCHIVE_TOTAL}


async def test_one_server_is_told_from_a_cluster():
    with running({}) as server:
        client = connect("REDIS_URL", f"redis+cluster://{server.host}:{server.port}")
        with pytest.raises(RedisUnavailableError, match="not a cluster"):
            await RedisPlanStore(client=client).get("x")
        await client.aclose()


async def test_a_wrong_password_is_told(cluster):
    url = cluster.url.replace("://", "://nobody:hunter2@")
    client = connect("REDIS_URL", url)
    with pytest.raises(RedisUnavailableError, match="refuses the login") as caught:
        await RedisPlanStore(client=client).get("x")
    assert "hunter2" not in str(caught.value)
    await client.aclose()
