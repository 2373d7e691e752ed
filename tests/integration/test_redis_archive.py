"""The archive in Redis: how its batches are written over."""

import pytest

from tests.integration.test_contract_archive import begin, ids, jobs, put, real_archive


@pytest.mark.parametrize("version", ["this", "before"])
async def test_a_batch_that_is_written_over_meanwhile_is_looked_at_again(
    sources, redis, monkeypatch, version
):
    """A version before did not count how often; and one of the same size is not the same."""
    archive, other = real_archive(sources), real_archive(sources)
    await begin(archive)
    number = await put(archive, "op", jobs(1, 2, 3))
    blob = await sources.client("main").execute_command(
        "HGET", "{bullhorn}:archive:op", number, NEVER_DECODE=True
    )
    real, reads = archive._read, []

    async def read(*args):
        found = await real(*args)
        reads.append(args)
        if len(reads) == 1:
            if version == "this":
                await other.drop_jobs("op", number, {"j1"})
            redis.hset("{bullhorn}:archive:op", number, blob + bytes(version == "before"))
        return found

    monkeypatch.setattr(archive, "_read", read)
    await archive.drop_jobs("op", number, {"j2"})
    assert await ids(archive) == {number: ["j1", "j3"]}
    assert len(reads) == 2 + 1


async def test_a_batch_of_which_all_was_removed_is_settled_without_a_look_at_it(sources, redis):
    archive = real_archive(sources)
    await begin(archive)
    number = await put(archive, "op", jobs(1, 2))
    redis.hset("{bullhorn}:archive:op", number, "9 from the future")
    assert await archive.settle("op", number, {"j1", "j2"})
    assert not await archive.settle("op", number, {"j1", "j2"})
    assert await archive.unsettled("op") == []


async def test_what_a_batch_leaves_in_the_books_goes_with_it(sources, redis):
    archive = real_archive(sources)
    await begin(archive)
    clean = set(redis.hkeys("{bullhorn}:archive:op:facts"))
    number = await put(archive, "op", jobs(1, 2, 3))
    await archive.settle("op", number, {"j1", "j2"})
    for id_ in ("j1", "j2"):
        await archive.drop_jobs("op", number, {id_})
    assert set(redis.hkeys("{bullhorn}:archive:op:facts")) == clean | {"next"}
