"""Taking jobs of real queues of BullMQ 3 to 6 out, whole, and putting them back as they were."""

import pytest

from bot.domain.jobs import BatchOutcome
from bot.errors import RefusedError
from tests.integration.removing import FAILS, captured, fail, refs_of, remove, restore, take
from tests.support.bullmq_whole import places, whole
from tests.support.node_bullmq import VERSIONS
from tests.support.valkey_bullmq import ORDERS

each_version = pytest.mark.parametrize("version", VERSIONS)


@each_version
async def test_failed_jobs_go_whole_and_come_back_as_they_were(node, remover, raw, version):
    queue = node.queue(version, "orders")
    odd = {**FAILS, "name": "ünïcode", "opts": {"attempts": 2, "priority": 3, "jobId": "ORDER 7/ä"}}
    worker = await fail(queue, *[FAILS] * 120, odd)
    raw.hset(ORDERS.key("ORDER 7/ä"), "blob", bytes(range(256)))
    before = whole(raw, ORDERS)
    refs = await refs_of(remover, "failed")
    assert len(refs) == 121

    jobs, outcome = await take(remover, "failed", refs)

    assert set(outcome.done) == {ref.id for ref in refs}
    left = whole(raw, ORDERS)
    assert set(left) <= {"meta", "id", "priority", "pc"}, "nothing of a job is left"
    assert raw.smembers(ORDERS.key("bullhorn:op")) == {ref.id.encode() for ref in refs}

    back = await restore(remover, jobs)

    assert set(back.done) == set(outcome.done)
    assert whole(raw, ORDERS) == before
    await worker.heal()
    await queue.call("retryJobs")
    await queue.wait(completed=121)
    await worker.stop()


@each_version
async def test_what_is_not_any_more_as_it_was_shown_stays(node, remover, raw, version):
    queue = node.queue(version, "orders")
    worker = await fail(queue, *[FAILS] * 4)
    refs = await refs_of(remover, "failed")
    raw.zadd(ORDERS.key("failed"), {refs[0].id: refs[0].failed_at + 1})
    raw.zrem(ORDERS.key("failed"), refs[1].id)
    raw.delete(ORDERS.key(refs[2].id))

    seen = [part async for part in remover.capture(ORDERS, "failed", refs)]
    outcome = await remove(remover, "failed", refs)

    assert [job.id for part in seen for job in part.jobs] == [refs[3].id]
    assert (seen[0].changed, seen[0].vanished) == (2, 1)
    assert outcome == BatchOutcome(done=(refs[3].id,), changed=2, vanished=1)
    assert await remove(remover, "failed", refs) == BatchOutcome(already=1, changed=2, vanished=1)
    assert raw.exists(ORDERS.key(refs[0].id), ORDERS.key(refs[1].id)) == 2
    await worker.stop()


@pytest.mark.parametrize("version", [5, 6])
async def test_a_deduplication_key_comes_back_with_its_time(node, remover, raw, version):
    queue = node.queue(version, "orders")
    options = {"deduplication": {"id": "cust-1", "ttl": 600_000}}
    worker = await fail(queue, {**FAILS, "opts": options}, {**FAILS, "opts": {"delay": 0}})
    other = {**FAILS, "opts": {"deduplication": {"id": "cust-2", "ttl": 600_000}}}
    await queue.add(other)
    await queue.wait(failed=3)
    raw.pexpire(ORDERS.key("de:cust-1"), 140_000)  # some of its time is over
    before = whole(raw, ORDERS)

    jobs, _ = await take(remover, "failed", await refs_of(remover, "failed"))
    assert "de:cust-1" not in whole(raw, ORDERS)
    raw.set(ORDERS.key("de:cust-2"), "another job", px=9000)
    await restore(remover, jobs)

    after = whole(raw, ORDERS)
    assert raw.get(ORDERS.key("de:cust-2")) == b"another job", "who holds it now keeps it"
    assert before.pop("de:cust-2") != after.pop("de:cust-2")
    assert after == before
    assert 100_000 < raw.pttl(ORDERS.key("de:cust-1")) <= 140_000
    await worker.stop()


@each_version
async def test_a_child_whose_parent_waits_for_it_is_left_out(node, remover, raw, version):
    queue = node.queue(version, "orders")
    worker = await queue.worker()
    await queue.flow({"children": [FAILS, {"data": {}}]})
    await queue.wait(failed=1, completed=1, **{"waiting-children": 1})
    before = whole(raw, ORDERS)
    refs = await refs_of(remover, "failed")

    assert await remove(remover, "failed", refs) == BatchOutcome(left_out=1)
    parents = await refs_of(remover, "waiting-children")
    assert await remove(remover, "waiting-children", parents) == BatchOutcome(left_out=1)
    assert whole(raw, ORDERS) == before

    done = await refs_of(remover, "completed")
    jobs, outcome = await take(remover, "completed", done)
    assert outcome.done == (done[0].id,), "the parent does not wait for this one any more"
    assert sorted(places(raw, ORDERS).values()) == [["failed"], ["waiting-children"]]
    await restore(remover, jobs)
    assert whole(raw, ORDERS) == before
    await worker.stop()


@each_version
async def test_a_parent_comes_back_with_what_its_children_left(node, remover, raw, version):
    queue = node.queue(version, "orders")
    worker = await queue.worker()
    ignored = {"ignoreDependencyOnFailure": True, "failParentOnFailure": False}
    children = [{"data": {}}, {"data": {}}]
    if version >= 5:
        children.append({**FAILS, "opts": ignored})
    parent = await queue.flow({"data": {"fail": "MAPPING_ERROR: x"}, "children": children})
    await queue.wait(failed=len(children) - 1, completed=2)
    before = whole(raw, ORDERS)
    assert f"{parent}:processed" in before

    refs = [ref for ref in await refs_of(remover, "failed") if ref.id == parent]
    jobs, outcome = await take(remover, "failed", refs)
    assert outcome.done == (parent,)
    assert f"{parent}:processed" not in whole(raw, ORDERS)
    assert len(places(raw, ORDERS)) == len(children), "the children stay"
    await restore(remover, jobs)

    assert whole(raw, ORDERS) == before
    await worker.stop()


@pytest.mark.parametrize("version", [5, 6])
async def test_a_parent_that_failed_while_children_run_is_left_out(node, remover, version):
    queue = node.queue(version, "orders")
    worker = await queue.worker()
    fatal = {**FAILS, "opts": {"failParentOnFailure": True}}
    later = {"data": {}, "opts": {"delay": 600_000}}
    parent = await queue.flow({"children": [fatal, later]})
    await queue.wait(failed=2, delayed=1)
    refs = await refs_of(remover, "failed")

    outcome = await remove(remover, "failed", refs)

    assert outcome.left_out == 1
    assert parent not in outcome.done
    assert len(outcome.done) == 1, "the failed child, which its parent does not wait for"
    await worker.stop()


@pytest.mark.parametrize("version", [3, 4, 5])
async def test_a_paused_queue_before_6_is_refused_and_nothing_moves(node, remover, raw, version):
    queue = node.queue(version, "orders")
    worker = await fail(queue, FAILS, FAILS)
    refs = await refs_of(remover, "failed")
    jobs = await captured(remover, "failed", refs)
    await queue.call("pause")
    before = whole(raw, ORDERS)

    for call in (remove(remover, "failed", refs), restore(remover, jobs)):
        with pytest.raises(RefusedError, match="paused") as caught:
            await call
        assert caught.value.done == BatchOutcome()

    assert whole(raw, ORDERS) == before
    await worker.stop()
