"""Queues with hostile names, and keys of the wrong type."""

import pytest

from bot.adapters.redis_watch_store import RedisWatchStore
from bot.domain.sample import SampleRequest
from bot.services.watch import TickResult
from tests.integration.hostile.hall import contents, know, named, write_job
from tests.support.toolbox import BOB
from tests.support.valkey_bullmq import ORDERS, now_ms, write_meta


async def test_names_of_queues_that_are_hostile_are_shown(hall, reader, raw, redis):
    queues = [
        named(name)
        for name in (
            "<!channel>", "a b", "--all", "'", '"', "`x`", "x" * 1_000, "🔥", "\u202e", "a:b",
            "a/b", "{people}", "\n", "all", "*",
        )
    ]  # fmt: skip
    for queue in queues:
        write_meta(redis, queue)
        write_job(raw, queue, "1", {})
    raw.hset(b"bull:\xff\xfe:meta", "version", "bullmq:5.1.0")
    found = (await reader.discover()).queues
    assert found == set(queues)
    await know(raw, *found)
    asked = await hall.walk("status", *(f'status "{queue.name}"' for queue in queues), most=200)
    assert len([text for text in asked if text.startswith("failed ")]) >= len(queues) // 2


SAMPLED = (
    "meta", "wait", "paused", "active", "prioritized", "delayed", "waiting-children", "completed",
    "failed", "events", "limiter",
)  # fmt: skip


@pytest.mark.parametrize("suffix", SAMPLED)
@pytest.mark.parametrize("kind", ["string", "list"])
async def test_a_key_of_the_wrong_type_breaks_its_queue_alone(
    hall, reader, raw, redis, suffix, kind
):
    broken, fine = named("broken"), named("fine")
    for queue in (broken, fine):
        write_meta(redis, queue)
        write_job(raw, queue, "1", {})
    raw.zadd(broken.key("delayed"), {"d": now_ms() * 4096})
    raw.lpush(broken.key("active"), "9")
    raw.delete(broken.key(suffix))
    a_list = {"wait", "paused", "active"}
    if kind == "string" and suffix != "limiter":
        raw.set(broken.key(suffix), "x")
    elif suffix in a_list:
        raw.sadd(broken.key(suffix), "x")
    else:
        raw.rpush(broken.key(suffix), "x")
    await know(raw, broken, fine)
    before = contents(raw, broken)

    round_ = await reader.sample([SampleRequest(queue=q) for q in (broken, fine)])

    assert set(round_.samples) == {fine}
    assert set(round_.broken) == {broken}
    assert "type" in round_.broken[broken]
    assert not round_.unreachable
    asked = await hall.walk(
        "status", "status broken", "failed broken", "failed broken --jobs", "job broken 1",
        "status fine", "failed fine", "job fine 1",
    )  # fmt: skip
    assert len(asked) >= 8
    assert await hall.ask("job fine 1") is not None
    await hall.ask("retry broken 1", BOB)
    await hall.ask("retry broken --all", BOB)
    assert contents(raw, broken) == before, "nothing is retried where not all can be seen"


async def test_the_watch_goes_on_beside_queues_that_are_broken(hall, raw, redis, sources):
    write_meta(redis, ORDERS)
    write_meta(redis, named("broken"))
    raw.set(named("broken").key("wait"), "x")
    assert await hall.office.tick() is TickResult.GOOD
    assert await hall.office.tick(after=15_000) is TickResult.GOOD
    store = RedisWatchStore(client=sources.client("main"))
    assert await store.queues() == {ORDERS, named("broken")}
    assert hall.office.telemetry.rounds[-1].samples.keys() == {ORDERS}
