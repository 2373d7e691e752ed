"""The notifier against a pretend Slack that loses calls and answers, and against crashes."""

from dataclasses import replace

import pytest

from bot.adapters.redis_leadership import RedisLeadership
from bot.domain.incidents import (
    Acknowledgement,
    Happening,
)
from bot.domain.policy import Severity
from tests.support.fakes import START
from tests.unit.services.notifying import INCIDENT, Scene, alerts, grown, resolved, thread


@pytest.fixture
async def scene(redis, queues, messenger, clock):
    scene = Scene(redis, queues, messenger, clock)
    await scene.begin()
    return scene


async def test_one_incident_from_firing_to_resolved(scene, messenger):
    await scene.put(INCIDENT)
    await scene.passes()
    assert alerts(messenger) == ["firing warning backlog 12 mention"]
    taken = grown(
        INCIDENT, Happening.ACKNOWLEDGED, acknowledged=Acknowledgement(by="UBOB", at=START)
    )
    await scene.put(taken)
    await scene.passes()
    assert alerts(messenger) == ["firing warning backlog 12 ack UBOB"]
    await scene.put(resolved(taken))
    await scene.passes()
    assert alerts(messenger)[0].startswith("resolved")
    assert thread(messenger) == ["acknowledged", "resolved"]
    assert (await scene.store.load_open()).incidents == {}, "it is retired when all is shown"


async def test_a_mere_number_edits_no_more_than_once_in_30_seconds(scene, messenger):
    await scene.put(INCIDENT)
    await scene.passes(count=1, seconds=1)
    for value in range(13, 33):
        await scene.put(replace(INCIDENT, value=value))
        await scene.passes(count=1, seconds=1)
    assert messenger.posted[0].edits == 0
    await scene.passes(count=1, seconds=11)
    await scene.passes(count=1, seconds=1)
    assert messenger.posted[0].edits == 1
    assert alerts(messenger) == ["firing warning backlog 32"]


async def test_a_rise_to_critical_is_also_told_to_the_channel(scene, messenger):
    await scene.put(INCIDENT)
    await scene.passes()
    await scene.put(grown(INCIDENT, Happening.ESCALATED, severity=Severity.CRITICAL))
    await scene.passes()
    assert [posted.broadcast for posted in messenger.of("bullhorn_entry")] == [True]


async def test_a_rise_for_which_nobody_is_called_stays_in_the_thread(scene, messenger):
    await scene.put(INCIDENT)
    await scene.passes()
    risen = grown(INCIDENT, Happening.ESCALATED, severity=Severity.CRITICAL)
    *earlier, last = risen.timeline
    await scene.put(replace(risen, timeline=(*earlier, replace(last, quiet=True))))
    await scene.passes()
    assert [posted.broadcast for posted in messenger.of("bullhorn_entry")] == [False]


async def test_a_silenced_incident_is_never_posted(scene, messenger):
    silenced = grown(INCIDENT, Happening.SILENCED, silenced_by="ab12")
    await scene.put(silenced)
    await scene.passes()
    await scene.put(resolved(silenced))
    await scene.passes()
    assert messenger.posted == []
    assert (await scene.store.load_open()).incidents == {}


@pytest.mark.parametrize("fault", ["lost answer", "lost call", "unreachable"])
@pytest.mark.parametrize("place", range(4))
async def test_no_fault_doubles_or_loses_anything(scene, messenger, fault, place):
    messenger.faults = [*[""] * place, fault]
    await scene.put(INCIDENT)
    await scene.passes()
    await scene.put(resolved(INCIDENT))
    await scene.passes()
    assert alerts(messenger) == ["resolved warning backlog 12"]
    assert thread(messenger) == ["resolved"]


@pytest.mark.parametrize("second", ["lost answer", "unreachable"])
async def test_two_faults_in_a_row(scene, messenger, second):
    messenger.faults = ["lost answer", second]
    await scene.put(INCIDENT)
    await scene.passes(count=6)
    assert len(alerts(messenger)) == 1


async def test_a_leader_that_dies_after_the_post_is_followed_by_one_that_finds_it(scene, messenger):
    await scene.put(INCIDENT)
    real_post, died = messenger.post, []

    async def post_and_die(*args, **kwargs):
        ref = await real_post(*args, **kwargs)
        if not died:
            died.append(ref)
            await scene.redis.delete("{bullhorn}:lease")  # the successor's epoch begins here
            await RedisLeadership(client=scene.redis).hold()
        return ref

    messenger.post = post_and_die
    await scene.passes(count=1)
    await scene.begin()
    await scene.passes()
    assert len(alerts(messenger)) == 1


async def test_a_refused_channel_falls_back_to_the_default_one(scene, messenger):
    messenger.faults = ["refused:channel_not_found"]
    await scene.put(INCIDENT)
    await scene.passes()
    assert [posted.ref.channel for posted in messenger.posted] == ["CDEFAULT"]


async def test_a_deleted_message_comes_back_when_something_happens(scene, messenger):
    await scene.put(INCIDENT)
    await scene.passes()
    messenger.posted.clear()
    await scene.put(replace(INCIDENT, value=13))
    await scene.passes(count=6)
    assert messenger.posted == [], "a mere number is not worth it"
    await scene.put(grown(INCIDENT, Happening.ESCALATED, severity=Severity.CRITICAL))
    await scene.passes()
    assert alerts(messenger) == ["firing critical backlog 12 mention"]


async def test_an_archived_channel_is_left_for_the_default_one(scene, messenger):
    await scene.put(INCIDENT)
    await scene.passes()
    messenger.faults = ["refused:is_archived"]
    await scene.put(grown(INCIDENT, Happening.ESCALATED, severity=Severity.CRITICAL))
    await scene.passes()
    assert [posted.ref.channel for posted in messenger.posted] == ["C1", "CDEFAULT"]


async def test_what_is_over_when_its_turn_comes_is_not_posted(scene, messenger):
    await scene.put(INCIDENT)
    turn = messenger.post

    async def late(message, **where):
        await scene.put(resolved(INCIDENT))
        return await turn(message, **where)

    messenger.post = late
    await scene.passes()
    assert messenger.posted == []
    assert (await scene.store.load_open()).incidents == {}


async def test_what_is_posted_late_shows_what_is_true_then(scene, messenger):
    await scene.put(INCIDENT)
    turn = messenger.post

    async def late(message, **where):
        await scene.put(replace(INCIDENT, value=40))
        return await turn(message, **where)

    messenger.post = late
    await scene.passes()
    assert alerts(messenger) == ["firing warning backlog 40 mention"]


async def test_a_leader_that_slept_does_not_send(scene, messenger):
    await scene.put(INCIDENT)
    turn = messenger.post

    async def late(message, **where):
        scene.watch._valid_until = 0.0  # it was stopped for longer than its lease lasts
        return await turn(message, **where)

    messenger.post = late
    await scene.passes()
    assert messenger.posted == []


async def test_an_alert_that_cannot_be_made_does_not_stop_the_others(scene, messenger):
    await scene.put(replace(INCIDENT, number=8, value=-1))
    await scene.put(INCIDENT)
    made = scene.notifier._writer.alert

    def broken(incident, *, first):
        if incident.value < 0:
            raise KeyError("no such unit")
        return made(incident, first=first)

    scene.notifier._writer.alert = broken
    await scene.passes()
    assert alerts(messenger) == ["firing warning backlog 12 mention"]


async def test_a_storm_is_worked_on_a_few_at_a_time_critical_first(scene, messenger):
    for number in range(30):
        severity = Severity.CRITICAL if number == 29 else Severity.WARNING
        await scene.put(replace(INCIDENT, number=number, severity=severity))
    await scene.notifier.run_pass()
    assert len(scene.notifier._busy) == 4
    await scene.notifier.drain()
    assert "critical" in alerts(messenger)[0]
    await scene.passes(count=10)
    assert len(alerts(messenger)) == 30


async def test_without_the_lease_nothing_is_done(scene, messenger):
    await scene.put(INCIDENT)
    scene.watch.lease = None
    await scene.passes()
    assert messenger.posted == []
