"""Bullhorn's own keys: the lease, the fenced commit, plans that act once, the audit stream."""

from dataclasses import replace

import pytest

from bot.adapters import keys
from bot.adapters.redis_audit_log import RedisAuditLog
from bot.adapters.redis_leadership import RedisLeadership
from bot.adapters.redis_plan_store import RedisPlanStore
from bot.adapters.redis_watch_store import RedisWatchStore
from bot.domain.audit import AuditEntry, Outcome
from bot.domain.incidents import Happening, Incident, Mark, MarkKind, Silence, TimelineEntry
from bot.domain.jobs import FailureFilter
from bot.domain.memory import QueueMemory
from bot.domain.notices import Notice
from bot.domain.plans import Plan, PlanGroup, PlanStatus
from bot.domain.policy import Severity
from bot.domain.state import WatchChanges
from bot.errors import LostLeaseError
from tests.support.fakes import ORDERS, SIMS, START

INCIDENT = Incident(
    number=7,
    queue=ORDERS,
    family="backlog",
    rule="backlog",
    severity=Severity.WARNING,
    began_at=START,
    fired_at=START,
    value=12,
    threshold=10,
    peak=12,
    timeline=(TimelineEntry(at=START, what=Happening.FIRED, value=12),),
)


async def test_one_leader_and_the_epoch_rises_with_each_change(redis):
    first, second = RedisLeadership(client=redis), RedisLeadership(client=redis)
    lease = await first.hold()
    assert lease is not None
    assert await first.hold() == lease, "extending keeps the epoch"
    assert await second.hold() is None
    await first.release()
    taken = await second.hold()
    assert taken is not None
    assert taken.epoch == lease.epoch + 1


async def test_releasing_another_replicas_lease_does_nothing(redis):
    first, second = RedisLeadership(client=redis), RedisLeadership(client=redis)
    lease = await first.hold()
    await second.release()
    assert await first.hold() == lease


async def test_a_commit_writes_everything_and_load_reads_it_back(redis):
    store = RedisWatchStore(client=redis)
    lease = await RedisLeadership(client=redis).hold()
    memory = QueueMemory(cursor="5-1", backlog=3, pending={"backlog": START})
    await store.commit(
        lease,
        WatchChanges(
            memories={ORDERS: memory},
            incidents=(INCIDENT,),
            notices=(Notice(number=7, channel="C1", ts="1.2"),),
            next_number=8,
            queues=frozenset({ORDERS, SIMS}),
        ),
    )
    state = await store.load()
    assert state.memories == {ORDERS: memory}
    assert state.incidents == {7: INCIDENT}
    assert state.notices[7].ts == "1.2"
    assert state.next_number == 8
    assert await store.queues() == {ORDERS, SIMS}


async def test_an_old_leader_cannot_write(redis):
    store = RedisWatchStore(client=redis)
    first = RedisLeadership(client=redis)
    old = await first.hold()
    await first.release()
    assert await RedisLeadership(client=redis).hold()
    with pytest.raises(LostLeaseError):
        await store.commit(old, WatchChanges(incidents=(INCIDENT,), next_number=99))
    assert (await store.load()).incidents == {}
    assert (await store.load()).next_number == 1


async def test_the_same_token_in_an_older_epoch_cannot_write(redis):
    store = RedisWatchStore(client=redis)
    leadership = RedisLeadership(client=redis, token="same")
    old = await leadership.hold()
    await redis.delete(keys.LEASE)  # it expired, and the same process took it again
    assert (await leadership.hold()).epoch == old.epoch + 1
    with pytest.raises(LostLeaseError):
        await store.commit(old, WatchChanges(incidents=(INCIDENT,)))


async def test_marks_wait_in_the_inbox_until_they_are_taken_by_number(redis):
    store = RedisWatchStore(client=redis)
    lease = await RedisLeadership(client=redis).hold()
    for number in (1, 2, 3):
        await store.mark(Mark(kind=MarkKind.ACKNOWLEDGE, by="U1", at=START, number=number))
    await store.commit(lease, WatchChanges(inbox_taken=2))
    assert [mark.number for mark in (await store.load()).inbox] == [3]


async def test_a_retired_incident_leaves_and_is_kept_in_the_archive(redis):
    store = RedisWatchStore(client=redis)
    lease = await RedisLeadership(client=redis).hold()
    await store.commit(lease, WatchChanges(incidents=(INCIDENT,), notices=(Notice(number=7),)))
    await store.commit(lease, WatchChanges(retired=(INCIDENT,)))
    state = await store.load()
    assert (state.incidents, state.notices) == ({}, {})
    assert await redis.llen(keys.CLOSED) == 1


async def test_silences_are_added_and_ended_once(redis):
    store = RedisWatchStore(client=redis)
    silence = Silence(
        id="ab12", queue="order-provisioning", rule=None, until=START + 1, by="U1", at=START
    )
    await store.add_silence(silence)
    assert (await store.load_open()).silences == {"ab12": silence}
    assert await store.end_silence("ab12") == silence
    assert await store.end_silence("ab12") is None


async def test_an_unreadable_record_does_not_stop_the_rest(redis):
    store = RedisWatchStore(client=redis)
    lease = await RedisLeadership(client=redis).hold()
    await store.commit(lease, WatchChanges(incidents=(INCIDENT,)))
    await redis.hset(keys.INCIDENTS, "8", '{"number": "nonsense"')
    assert set((await store.load()).incidents) == {7}


async def test_fields_a_newer_replica_added_are_passed_over(redis):
    store = RedisWatchStore(client=redis)
    await redis.hset(keys.WATCH, str(ORDERS), '{"cursor": "1-1", "invented_later": 5}')
    assert (await store.cursors())[ORDERS].cursor == "1-1"


PLAN = Plan(
    id="p1",
    queue=ORDERS,
    filter=FailureFilter(code="WHMCS_ERROR", until=START),
    count=9,
    groups=(PlanGroup("WHMCS_ERROR", 9),),
    asked_by="U1",
    asked_at=START,
    expires_at=START + 1000,
    channel="C1",
)


async def test_a_request_is_told_once_its_time_is_over_and_the_list_of_them_does_not_stay(redis):
    plans = RedisPlanStore(client=redis)
    await plans.save(PLAN)
    assert await plans.advance(replace(PLAN, status=PlanStatus.ASKED), expected=PLAN.status)
    assert await plans.asked(until=PLAN.expires_at - 1) == []
    assert await plans.asked(until=PLAN.expires_at) == ["p1"]
    assert await redis.pttl(keys.ASKED) > 0
    await plans.forget_asked("p1")
    assert await plans.asked(until=PLAN.expires_at) == []


async def test_a_plan_is_stored_with_an_expiry_and_advances_once(redis):
    plans = RedisPlanStore(client=redis)
    await plans.save(PLAN)
    assert await plans.get("p1") == PLAN
    assert await redis.pttl(keys.plan("p1")) > 0
    running = replace(PLAN, status=PlanStatus.RUNNING)
    assert await plans.advance(running, expected=PlanStatus.PROPOSED)
    assert not await plans.advance(running, expected=PlanStatus.PROPOSED)
    assert await redis.pttl(keys.plan("p1")) > 0, "advancing keeps the expiry"
    assert await plans.get("nothing") is None


async def test_recent_plans_are_those_that_run_and_those_of_the_last_hour(redis):
    plans = RedisPlanStore(client=redis)
    await redis.zadd(keys.BEGUN, {"from yesterday": 1})
    for number in range(3):
        plan = replace(PLAN, id=f"p{number}", attempt="a")
        await plans.save(plan)
        running = replace(plan, status=PlanStatus.RUNNING)
        await plans.advance(running, expected=PlanStatus.PROPOSED)
    assert await plans.recent(limit=9) == ["p2", "p1", "p0"]
    await redis.delete(keys.BEGUN)
    assert await plans.recent(limit=9) == ["p0", "p1", "p2"], "a drip may run for longer"
    await plans.advance(replace(running, status=PlanStatus.DONE), expected=PlanStatus.RUNNING)
    assert await plans.recent(limit=2) == ["p2", "p0"], "it has just ended"
    assert await redis.pttl(keys.BEGUN) > 0


async def test_the_audit_log_gives_the_newest_first_and_filters_by_queue(redis):
    audit = RedisAuditLog(client=redis)
    for number in range(5):
        await audit.record(
            AuditEntry(
                at=START + number,
                user="U1",
                channel="C1",
                action="retry",
                what=f"retry {number}",
                outcome=Outcome.DONE,
                queue="a" if number % 2 else "b",
            )
        )
    assert [e.what for e in await audit.recent(limit=2)] == ["retry 4", "retry 3"]
    assert [e.what for e in await audit.recent(limit=9, queue="a")] == ["retry 3", "retry 1"]


async def test_the_audit_log_is_capped(redis):
    audit = RedisAuditLog(client=redis, kept=100)
    for number in range(400):
        await audit.record(
            AuditEntry(
                at=number, user="U", channel="C", action="x", what=str(number), outcome=Outcome.DONE
            )
        )
    assert await redis.xlen(keys.AUDIT) < 400


def audited(at, what, *, queue="a", outcome=Outcome.DONE, plan=None):
    return AuditEntry(
        at=at, user="U1", channel="C1", action="retry", what=what, outcome=outcome, queue=queue,
        plan=plan,
    )  # fmt: skip


async def test_the_audit_log_gives_what_is_not_older_and_may_be_seen(redis):
    audit = RedisAuditLog(client=redis)
    for number in range(1_200):
        await audit.record(audited(number, f"{number}", queue=["a", "b", None][number % 3]))
    since = await audit.recent(limit=9_999, since=1_195)
    assert [e.what for e in since] == ["1199", "1198", "1197", "1196", "1195"]
    assert len(await audit.recent(limit=9_999, since=0)) == 1_200, "over several pages"
    seen = await audit.recent(limit=3, sees=lambda queue: queue == "b")
    assert [e.what for e in seen] == ["1198", "1195", "1192"]
    assert [e.what for e in await audit.recent(limit=1, sees=lambda queue: queue is None)] == [
        "1199"
    ]


async def test_what_was_begun_is_told_until_it_has_ended_or_when_asked_for(redis):
    audit = RedisAuditLog(client=redis)
    await audit.record(audited(1, "begun", outcome=Outcome.STARTED, plan="p"))
    assert [e.what for e in await audit.recent(limit=9)] == ["begun"]
    await audit.record(audited(2, "ended", plan="p"))
    assert [e.what for e in await audit.recent(limit=9)] == ["ended"]
    assert [e.what for e in await audit.recent(limit=9, begun=True)] == ["ended", "begun"]


async def test_the_audit_log_keeps_as_many_as_it_says(redis):
    audit = RedisAuditLog(client=redis, kept=200)
    assert audit.kept == 200
    for number in range(700):
        await audit.record(audited(number, str(number)))
    assert 200 <= await redis.xlen(keys.AUDIT) < 700
    assert [e.what for e in await audit.recent(limit=2)] == ["699", "698"]
