"""Discovery, trouble at one queue or at a whole source, and that reading writes nothing."""

from itertools import pairwise

import pytest

from bot.adapters import bullmq_scripts as scripts
from bot.adapters.bullmq_discovery import Discovery
from bot.adapters.bullmq_reader import BullmqReader
from bot.adapters.sources import Sources
from bot.domain.jobs import FailureFilter
from bot.domain.queues import QueueId
from bot.domain.sample import SampleRequest
from bot.errors import RedisUnavailableError
from tests.support.node_bullmq import VERSIONS
from tests.support.valkey_bullmq import ORDERS, contents, now_ms, write_failed, write_meta

ANY = FailureFilter()


def named(name, prefix="bull"):
    return QueueId("main", prefix, name)


async def test_queues_are_found_by_their_meta_and_vanish_with_it(reader, redis):
    write_meta(redis, ORDERS)
    write_meta(redis, named("sims"))
    write_meta(redis, named("other", prefix="elsewhere"))
    redis.set("bull:noise:meta", "no hash")
    redis.hset("{bullhorn}:x:meta", "a", 1)
    assert (await reader.discover()).queues == {ORDERS, named("sims")}
    redis.delete(ORDERS.key("meta"))
    assert (await reader.discover()).queues == {named("sims")}


async def test_a_pass_rests_before_the_next_unless_no_queue_is_known(sources, redis):
    now, client = [0.0], sources.client("main")
    discovery = Discovery("main", "bull", gap=60.0, monotonic=lambda: now[0])
    assert await discovery.go_on(client) == frozenset()
    write_meta(redis, ORDERS)
    assert await discovery.go_on(client) == {ORDERS}
    write_meta(redis, named("sims"))
    now[0] = 59.9
    scans = redis.info("commandstats")["cmdstat_scan"]["calls"]
    assert await discovery.go_on(client) == {ORDERS}
    assert redis.info("commandstats")["cmdstat_scan"]["calls"] == scans
    now[0] = 60.0
    assert await discovery.go_on(client) == {ORDERS, named("sims")}


async def test_what_was_begun_is_gone_on_with_without_rest(sources, redis, monkeypatch):
    monkeypatch.setattr("bot.adapters.bullmq_discovery.STEPS", 1)
    write_meta(redis, ORDERS)
    redis.mset({f"noise:{number}": "" for number in range(3_000)})
    discovery, client = Discovery("main", "bull", gap=60.0), sources.client("main")
    for _ in range(20):
        if discovery.complete:
            break
        await discovery.go_on(client)
    assert discovery.complete
    assert discovery.known == {ORDERS}


@pytest.mark.parametrize(("recent", "most"), [(0, 100), (100, 50)])
async def test_a_pipeline_is_small_enough_for_others(reader, redis, monkeypatch, recent, most):
    sizes, run_all = [], scripts.run_all

    async def counted(client, script, calls):
        sizes.append(len(calls))
        return await run_all(client, script, calls)

    monkeypatch.setattr(scripts, "run_all", counted)
    requests = [SampleRequest(queue=named(f"q{n}"), recent=recent) for n in range(120)]
    assert len((await reader.sample(requests)).samples) == 120
    assert sum(sizes) == 120
    assert max(sizes) <= most


async def test_a_job_with_a_queer_id_is_no_queue(reader, redis):
    write_meta(redis, ORDERS)
    write_meta(redis, named("with:colon"))
    write_failed(redis, ORDERS, [("x:meta", now_ms(), "A_B", "work")])
    assert (await reader.discover()).queues == {ORDERS, named("with:colon")}


async def test_glob_signs_in_a_prefix_mean_themselves(valkey, redis):
    write_meta(redis, named("q", prefix="b[u]l*"))
    write_meta(redis, named("q", prefix="bul"))
    sources = Sources({"main": (valkey.url, "b[u]l*")})
    reader = BullmqReader(sources=sources, own=sources.client("main"))
    assert (await reader.discover()).queues == {named("q", prefix="b[u]l*")}
    await sources.aclose()


async def test_a_pass_over_a_large_key_space_takes_several_rounds(sources, redis, monkeypatch):
    monkeypatch.setattr("bot.adapters.bullmq_discovery.STEPS", 2)
    queues = {named(f"q{number}") for number in range(40)}
    for queue in queues:
        write_meta(redis, queue)
    redis.mset({f"noise:{number}": "" for number in range(9_000)})
    discovery, client = Discovery("main", "bull"), sources.client("main")

    rounds = []
    while len(rounds) < 20 and (not rounds or rounds[-1] != queues):
        rounds.append(await discovery.go_on(client))
    assert len(rounds) > 2
    assert all(one <= two for one, two in pairwise(rounds))
    gone = named("q7")
    redis.delete(gone.key("meta"))
    for _ in range(12):
        known = await discovery.go_on(client)
    assert known == queues - {gone}


async def test_one_broken_queue_does_not_hurt_the_others(reader, redis):
    write_meta(redis, ORDERS)
    write_meta(redis, named("bad"))
    redis.set(named("bad").key("wait"), "a string")
    round_ = await reader.sample([SampleRequest(queue=named("bad")), SampleRequest(queue=ORDERS)])
    assert list(round_.samples) == [ORDERS]
    assert "type" in round_.broken[named("bad")]


async def test_a_queue_without_any_key_is_an_empty_queue(reader):
    round_ = await reader.sample([SampleRequest(queue=ORDERS)])
    sample = round_.samples[ORDERS]
    assert sample.counts.backlog == 0
    assert sample.version is None


async def test_text_that_is_no_utf8_does_not_stop_a_look(reader, redis, valkey):
    write_meta(redis, ORDERS)
    with valkey.client() as client:
        write_failed(redis, ORDERS, [("1", now_ms(), "A_B", "work")])
        client.hset(
            ORDERS.key("1"),
            mapping={"name": b"\xff\xfe", "data": b"\x00\xff", "failedReason": b"\xffx"},
        )
        client.zadd(ORDERS.key("failed"), {b"\xff\xff": now_ms()})
    assert (await reader.sample([SampleRequest(queue=ORDERS)])).samples[ORDERS].counts.failed == 2
    report = await reader.failures(ORDERS, ANY)
    assert (report.total, report.vanished, report.groups[0].code) == (1, 1, "?x")
    refs = [ref async for batch in reader.select_failed(ORDERS, ANY) for ref in batch]
    assert len(refs) == 2
    assert (await reader.job(ORDERS, "1")).name == "\ufffd\ufffd"


async def test_a_source_that_is_down_is_in_the_round_and_the_rest_is_seen(valkey, redis):
    write_meta(redis, ORDERS)
    lost = QueueId("lost", "bull", "sims")
    secret = "redis://user:hunter2@127.0.0.1:1/0"
    sources = Sources({"main": (valkey.url, "bull"), "lost": (secret, "bull")})
    reader = BullmqReader(sources=sources, own=sources.client("main"))
    round_ = await reader.sample([SampleRequest(queue=lost), SampleRequest(queue=ORDERS)])
    assert list(round_.samples) == [ORDERS]
    assert round_.unreachable == {"lost": 'Redis "lost" cannot be reached.'}
    assert (await reader.discover()).queues == {ORDERS}
    with pytest.raises(RedisUnavailableError) as caught:
        await reader.failures(lost, ANY)
    assert "hunter2" not in str(caught.value)
    await sources.aclose()


async def test_a_server_that_forgot_the_scripts_is_taught_again(reader, redis):
    write_meta(redis, ORDERS)
    write_failed(redis, ORDERS, [("1", now_ms(), "A_B", "work")])
    for _ in range(2):
        redis.script_flush()
        round_ = await reader.sample([SampleRequest(queue=ORDERS), SampleRequest(queue=named("x"))])
        assert len(round_.samples) == 2
        redis.script_flush()
        assert (await reader.failures(ORDERS, ANY)).total == 1


async def test_connections_that_the_server_closed_are_replaced(reader, redis):
    write_meta(redis, ORDERS)
    await reader.sample([SampleRequest(queue=ORDERS)])
    redis.client_kill_filter(_type="normal", skipme=True)
    round_ = await reader.sample([SampleRequest(queue=ORDERS)])
    assert list(round_.samples) == [ORDERS]


async def test_workers_are_unknown_where_client_list_is_forbidden(valkey, redis):
    write_meta(redis, ORDERS)
    redis.acl_setuser(
        "watcher", enabled=True, passwords=["+pw"], keys=["*"], commands=["+@all", "-client|list"]
    )
    address = valkey.url.replace("redis://", "redis://watcher:pw@")
    sources = Sources({"main": (address, "bull")})
    reader = BullmqReader(sources=sources, own=sources.client("main"))
    sample = (await reader.sample([SampleRequest(queue=ORDERS)])).samples[ORDERS]
    assert sample.workers is None
    await sources.aclose()
    redis.acl_deluser("watcher")


@pytest.mark.parametrize("version", VERSIONS)
async def test_nothing_that_reads_writes(node, reader, redis, version):
    queue = node.queue(version, "orders")
    worker = await queue.worker()
    await queue.add(*[{"data": {"fail": "A_B: 1", "log": "hm"}} for _ in range(3)], {})
    await queue.wait(failed=3, completed=1)
    await worker.stop()
    await queue.add({}, {"opts": {"delay": 60_000}}, {"opts": {"priority": 3}})
    before = contents(redis)

    await reader.discover()
    await reader.sample([SampleRequest(queue=ORDERS, recent=100)])
    await reader.sample([SampleRequest(queue=ORDERS, cursor="1-1")])
    report = await reader.failures(ORDERS, FailureFilter(code="A_B", name="work", since=1))
    example = report.groups[0].example_id
    await reader.failed_jobs(ORDERS, ANY, limit=10)
    assert [batch async for batch in reader.select_failed(ORDERS, ANY)]
    await reader.failed_refs(ORDERS, [example, "none"])
    assert await reader.job(ORDERS, example)
    assert await reader.job_logs(ORDERS, example, limit=5)
    assert await reader.last_failure(ORDERS, example)
    await reader.now()

    assert contents(redis) == before
