"""What Archive promises, asked of the fake and of the real adapter alike."""

import pytest

from bot.adapters.redis_archive import RedisArchive
from bot.domain.jobs import ArchivedJob
from bot.domain.queues import QueueId
from bot.domain.times import DAY, MINUTE
from bot.errors import ArchiveFullError, RefusedError, StaleError
from tests.support.fake_archive import FakeArchive
from tests.support.fake_queues import FakeClock
from tests.support.valkey_bullmq import ORDERS, now_ms

SIMS = QueueId("main", "bull", "sims")
ODD = ArchivedJob(
    id="ORDER ü",
    state="failed",
    score="1700000000000",
    fields=((b"name", b"\xff\x00\n"), (b"data", b"{}" * 500), (b"parentKey", b"bull:o:1")),
    logs=(b"", b"a line"),
    parts=(("processed", "hash", (b"bull:o:2", b"1")), ("dependencies", "set", ())),
    deduplication=("de:cust", 5000),
    parent="bull:o:1",
)


def job(number):
    fields = ((b"name", b"n"), (b"data", str(number).encode() * 20))
    return ArchivedJob(id=f"j{number}", state="failed", score=str(number), fields=fields)


def jobs(*numbers):
    return [job(number) for number in numbers]


def real_archive(sources, **options):
    return RedisArchive(client=sources.client("main"), **options)


@pytest.fixture(params=["fake", "real"])
def archive_with(request):
    """Make an archive with these options."""
    if request.param == "real":
        sources = request.getfixturevalue("sources")
        return lambda **options: real_archive(sources, **options)
    clock = FakeClock()
    clock.now = now_ms()
    return lambda **options: FakeArchive(clock, **options)


@pytest.fixture
async def archive(archive_with):
    archive = archive_with()
    await begin(archive)
    return archive


async def begin(archive, archive_id="op", queue=ORDERS):
    await archive.begin(archive_id, queue=queue, state="failed", kind="clean", by="U1")


async def put(archive, archive_id, some):
    kept = await archive.put(archive_id, some)
    assert kept.origin == kept.number
    return kept.number


async def ids(archive, archive_id="op"):
    found = {}
    for number in await archive.batches(archive_id):
        found[number] = [one.id for one in await archive.batch(archive_id, number)]
    return found


async def test_jobs_are_given_back_byte_for_byte(archive):
    number = await put(archive, "op", [ODD, job(1)])
    assert await archive.batch("op", number) == [ODD, job(1)]


async def test_a_batch_is_unsettled_until_it_is_known_what_was_removed(archive):
    first = await put(archive, "op", jobs(1, 2, 3))
    second = await put(archive, "op", jobs(4, 5))
    third = await put(archive, "op", jobs(6))
    assert await archive.unsettled("op") == [first, second, third]
    assert await archive.batches("op") == [third, second, first]

    assert await archive.settle("op", first, {"j1", "j3"})
    assert await archive.settle("op", second, set())
    assert await archive.settle("op", third, {"j6"})

    assert await archive.unsettled("op") == []
    assert await ids(archive) == {third: ["j6"], first: ["j1", "j3"]}
    assert (await archive.info("op")).jobs == 3
    assert not await archive.settle("op", first, set())
    for lost in (second, 99):
        with pytest.raises(StaleError, match="lost"):
            await archive.settle("op", lost, {"j1"})
    assert await ids(archive) == {third: ["j6"], first: ["j1", "j3"]}, "settled is settled"


async def test_a_batch_that_replaces_another_has_a_number_of_its_own(archive):
    first = await put(archive, "op", jobs(1, 2))
    again = await archive.put("op", jobs(1, 3), replaces=first)
    third = await archive.put("op", jobs(1, 2, 3), replaces=again.number)
    assert len({first, again.number, third.number}) == 3
    assert (again.origin, third.origin) == (first, first)
    assert await ids(archive) == {third.number: ["j1", "j2", "j3"]}
    assert await archive.unsettled("op") == [third.number]
    for gone in (first, again.number, 99):
        assert await archive.put("op", jobs(4), replaces=gone) is None
    for gone in (first, again.number):
        assert not await archive.settle("op", gone, set())
    assert await archive.settle("op", third.number, {"j3"})
    assert await archive.put("op", jobs(4), replaces=third.number) is None, "it is settled"
    assert await ids(archive) == {third.number: ["j3"]}
    assert (await archive.info("op")).jobs == 1


async def test_what_was_brought_back_goes_out(archive):
    first = await put(archive, "op", jobs(1, 2, 3))
    second = await put(archive, "op", jobs(4))
    await archive.settle("op", first, {"j1", "j2", "j3"})
    full = await archive.room()
    await archive.drop_jobs("op", first, {"j2", "unknown"})
    await archive.drop_jobs("op", first, {"j2"})
    await archive.drop_jobs("op", second, {"j4"})
    await archive.drop_jobs("op", 99, {"j1"})
    assert await ids(archive) == {first: ["j1", "j3"]}
    assert await archive.unsettled("op") == []
    assert await archive.room() > full
    info = await archive.info("op")
    assert info.jobs == 2
    await archive.drop_jobs("op", first, {"j1", "j3"})
    assert await archive.recent() == []
    assert (await archive.info("op")).bytes == 0


async def test_an_archive_tells_whose_it_is_and_how_large(archive):
    await begin(archive)
    await archive.put("op", jobs(1, 2))
    await begin(archive, "other", SIMS)
    await begin(archive, "empty")
    await archive.put("other", jobs(3))
    info = await archive.info("op")
    assert (info.queue, info.state, info.kind, info.by) == (ORDERS, "failed", "clean", "U1")
    assert 0 <= info.expires_at - info.at - 7 * 24 * 3600 * 1000 < 60_000
    assert (info.jobs, info.bytes > 0) == (2, True)
    assert {one.id for one in await archive.recent()} == {"op", "other"}
    assert [one.id for one in await archive.recent(SIMS)] == ["other"]
    assert await archive.info("nowhere") is None
    assert await archive.batches("nowhere") == await archive.unsettled("nowhere") == []


async def test_no_more_is_kept_than_the_cap_over_all_archives(archive_with):
    archive = archive_with(cap=400)
    await begin(archive)
    await begin(archive, "other")
    number = await put(archive, "op", jobs(*range(20)))
    used = (await archive.info("op")).bytes
    assert await archive.room() == 400 - used
    await archive.put("other", jobs(1))
    with pytest.raises(ArchiveFullError, match="full"):
        await archive.put("other", [ODD, *jobs(*range(100, 190))])
    assert (await archive.info("other")).jobs == 1
    again = await archive.put("op", jobs(*range(40)), replaces=number)
    assert (await archive.info("op")).jobs == 40, "to finish what was begun there is room"
    await archive.drop_jobs("op", again.number, {f"j{n}" for n in range(40)})
    await archive.drop("other")
    assert await archive.room() == 400
    with pytest.raises(StaleError):
        await archive.put("other", jobs(1))


async def test_jobs_are_kept_for_a_week_from_when_they_went(archive_with, redis):
    """A clean may drip for days: its last jobs are kept as long as its first."""
    archive = archive_with(kept=3_600_000)
    await begin(archive)
    if isinstance(archive, RedisArchive):  # as if it had begun an hour ago
        begun = now_ms() - 3_590_000
        redis.hset("{bullhorn}:archive:op:facts", "at", begun)
        redis.hset("{bullhorn}:archive:op:facts", "expires_at", begun + 3_600_000)
        redis.zadd("{bullhorn}:archives", {"op": begun + 3_600_000})
        redis.pexpireat("{bullhorn}:archive:op:facts", begun + 3_600_000)
    else:
        archive.clock.now += 3_590_000
    await put(archive, "op", jobs(1))
    info = await archive.info("op")
    assert info.expires_at - info.at >= 3_590_000 + 3_600_000 - 1000
    if isinstance(archive, RedisArchive):
        keys = list(redis.scan_iter("{bullhorn}:archive:op*"))
        assert len(keys) == 3
        assert all(redis.pttl(key) > 3_500_000 for key in keys)
        assert redis.zscore("{bullhorn}:archives", "op") == info.expires_at


async def lasts(archive, redis):
    """How long an archive was made to last, ms, to a minute; the same in all books."""
    info = await archive.info("op")
    if isinstance(archive, RedisArchive):
        assert redis.zscore("{bullhorn}:archives", "op") == info.expires_at
        for key in redis.scan_iter("{bullhorn}:archive:op*"):
            assert 0 <= info.expires_at - now_ms() - redis.pttl(key) + 100 < 60_000
    return (info.expires_at - info.at) // MINUTE * MINUTE


async def test_what_is_left_lasts_a_day_from_when_others_came_back(archive_with, redis):
    archive = archive_with(kept=5 * MINUTE)
    await begin(archive)
    number = await put(archive, "op", jobs(1, 2, 3))
    await archive.settle("op", number, {"j1", "j2"})
    await archive.drop_jobs("op", number, {"unknown"})
    assert await lasts(archive, redis) == 5 * MINUTE, "nothing has come back"
    await archive.drop_jobs("op", number, {"j1"})
    assert await lasts(archive, redis) == DAY
    assert await ids(archive) == {number: ["j2"]}


async def test_an_archive_lasts_a_day_when_jobs_are_about_to_come_back(archive_with, redis):
    archive = archive_with(kept=5 * MINUTE)
    await begin(archive)
    number = await put(archive, "op", jobs(1, 2))
    room = await archive.room()
    await archive.prolong("op")
    assert await lasts(archive, redis) == DAY
    assert await ids(archive) == {number: ["j1", "j2"]}
    assert await archive.room() == room


async def test_an_archive_that_lasts_longer_anyway_is_not_cut_short(archive, redis):
    number = await put(archive, "op", jobs(1, 2))
    await archive.prolong("op")
    await archive.drop_jobs("op", number, {"j1"})
    assert await lasts(archive, redis) == 7 * DAY


async def test_an_archive_that_is_gone_is_not_begun_by_what_is_noted_of_it(archive):
    await archive.drop("op")
    await archive.prolong("op")
    await archive.leave_out("op", 2)
    assert await archive.info("op") is None


async def test_an_archive_remembers_how_many_the_last_undo_left_out(archive):
    for count in (3, 2):
        await archive.leave_out("op", count)
        assert (await archive.info("op")).left_out == count


async def test_of_jobs_whose_batch_redis_has_not_any_more_it_is_known_how_many(sources, redis):
    archive = real_archive(sources)
    await begin(archive)
    first, _ = await put(archive, "op", jobs(1, 2)), await put(archive, "op", jobs(3))
    redis.hdel("{bullhorn}:archive:op", first)
    [info] = await archive.recent()
    assert (info.jobs, info.lost) == (3, 2)


async def test_an_archive_whose_only_batch_has_shrunk_expires_too(sources, redis):
    archive = real_archive(sources)
    await begin(archive)
    number = await put(archive, "op", jobs(1, 2, 3))
    await archive.settle("op", number, {"j1", "j2"})
    assert redis.pttl("{bullhorn}:archive:op") > 0
    await archive.drop_jobs("op", number, {"j1"})
    assert await ids(archive) == {number: ["j2"]}
    assert redis.pttl("{bullhorn}:archive:op") > 0


async def test_a_number_that_was_lost_is_not_given_again(sources, redis):
    """A failover takes a batch back: whoever put it must not settle another one in its place."""
    archive = real_archive(sources)
    await begin(archive)
    before = {key: redis.dump(key) for key in redis.scan_iter("{bullhorn}:archive*")}
    lost = await put(archive, "op", jobs(1, 2))
    redis.flushall()
    for key, value in before.items():
        redis.restore(key, 0, value)
    other = await put(archive, "op", jobs(3, 4))
    assert other != lost
    with pytest.raises(StaleError, match="lost"):
        await archive.settle("op", lost, {"j1"})
    assert await ids(archive) == {other: ["j3", "j4"]}


async def test_the_text_of_a_full_archive_has_the_configs_unit(sources):
    archive = real_archive(sources, cap=256_000_000, kept=3 * 24 * 3_600_000)
    await begin(archive)
    await sources.client("main").set("{bullhorn}:archives:total", 256_000_000)
    with pytest.raises(ArchiveFullError, match=r"keeps 256 MB, each job for 3 d"):
        await archive.put("op", jobs(1))


async def test_what_another_version_wrote_is_told(sources):
    archive = real_archive(sources)
    await begin(archive)
    number = await put(archive, "op", jobs(1))
    await sources.client("main").hset("{bullhorn}:archive:op", str(number), "9 from the future")
    with pytest.raises(RefusedError, match="another version"):
        await archive.batch("op", number)
