"""The jobs run, one that breaks does not end the others, and the end waits for what runs."""

import asyncio

import pytest
from structlog.testing import capture_logs

from bot import schedule as module
from bot.domain.sample import Counts
from bot.errors import BullhornError
from bot.schedule import Schedule
from bot.services.heartbeat import Heartbeat
from bot.services.notifier import Notifier
from bot.services.reconciling import Reconciler
from tests.support.fakes import ORDERS, FakeQueues, PlainWriter
from tests.support.toolbox import build_office


class MoodyQueues(FakeQueues):
    """Queues whose samples fail with `failures`, one after the other, and wait for `gate`."""

    def __init__(self, clock):
        super().__init__(clock)
        self.gate = asyncio.Event()
        self.gate.set()
        self.failures = []
        self.asked = 0

    async def sample(self, requests):
        self.asked += 1
        await self.gate.wait()
        if self.failures:
            raise self.failures.pop(0)
        return await super().sample(requests)


class CountingPulse:
    def __init__(self):
        self.beats = 0

    async def beat(self):
        self.beats += 1


@pytest.fixture
def queues(clock):
    queues = MoodyQueues(clock)
    queues.add(ORDERS).counts = Counts(waiting=60)
    return queues


@pytest.fixture
def office(redis, queues, messenger):
    return build_office(redis=redis, queues=queues, messenger=messenger)


@pytest.fixture
def pulse():
    return CountingPulse()


@pytest.fixture
def given_back():
    """Grows when what waits for its turn at Slack is to be given back."""
    return []


@pytest.fixture
async def schedule(office, messenger, clock, pulse, given_back, monkeypatch):
    for name in ("LEAD_EVERY", "NOTIFY_EVERY", "BLIND_EVERY"):
        monkeypatch.setattr(module, name, 0.02)
    tools, watch = office.toolbox, office.watch
    schedule = Schedule(
        watch=watch,
        notifier=Notifier(
            watch=watch, store=tools.store, reader=tools.reader, messenger=messenger,
            writer=PlainWriter(), catalog=tools.catalog,
        ),
        blindness=tools.blindness,
        heartbeat=Heartbeat(pulse=pulse, every=0, clock=clock),
        telemetry=office.telemetry,
        poll_interval=20,
        give_back=lambda: given_back.append(True),
        reconcile=Reconciler(plans=tools.confirming._plans, queue=office.submitted).run_pass,
    )  # fmt: skip
    yield schedule
    if schedule._scheduler.running:
        office.queues.gate.set()
        await schedule.stop()


async def reaches(condition):
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - the conditions are other people's state
            await asyncio.sleep(0.005)


async def test_it_ticks_at_once_and_again_and_slack_follows(schedule, office, messenger, pulse):
    schedule.start()
    await reaches(lambda: len(office.telemetry.ticks) >= 3 and messenger.posted)
    assert set(office.telemetry.ticks) == {"good"}
    assert pulse.beats >= 2
    assert messenger.posted[0].message.text.startswith("firing critical backlog_critical 60")
    assert len(messenger.posted) == 1


@pytest.mark.parametrize("failure", [RuntimeError("boom"), BullhornError("No.")], ids=repr)
async def test_a_tick_that_breaks_does_not_end_the_schedule(
    schedule, office, queues, pulse, failure
):
    queues.failures = [failure, failure]
    with capture_logs() as log:
        schedule.start()
        await reaches(lambda: "good" in office.telemetry.ticks)
    assert office.telemetry.ticks[:3] == ["failed", "failed", "good"]
    assert [one["event"] for one in log].count("tick failed") == 2
    await reaches(lambda: pulse.beats >= 1)
    assert pulse.beats <= office.telemetry.ticks.count("good"), "none for a tick that broke"


async def test_a_tick_that_hangs_is_given_up(schedule, office, queues, monkeypatch):
    monkeypatch.setattr(module, "TICK_LIMIT", 0.05)
    queues.gate.clear()
    with capture_logs() as log:
        schedule.start()
        await reaches(lambda: office.telemetry.ticks)
    assert office.telemetry.ticks[0] == "failed"
    assert "tick took too long" in [one["event"] for one in log]
    assert office.toolbox.blindness.since is not None, "nobody knows what happens meanwhile"


async def test_bullhorns_own_redis_away_is_seen_by_the_watch_over_what_cannot_be_seen(
    schedule, office, redis_server
):
    blindness = office.toolbox.blindness
    schedule.start()
    await reaches(lambda: "good" in office.telemetry.ticks)
    redis_server.connected = False
    await reaches(lambda: blindness.since is not None)
    assert "cannot be reached" in blindness.sources[module.OWN_REDIS]
    redis_server.connected = True
    await reaches(lambda: blindness.since is None)


async def test_a_source_away_is_said_once_it_has_lasted(schedule, office, queues, clock, messenger):
    queues.queues[ORDERS].counts = Counts()
    schedule.start()
    await reaches(lambda: office.telemetry.ticks)
    queues.down["main"] = "Redis does not answer."
    await reaches(lambda: office.toolbox.blindness.since is not None)
    since = clock.now
    assert messenger.posted == []
    clock.forward(60_000)
    await reaches(lambda: messenger.posted)
    assert messenger.posted[0].message.text == f"blind since {since}"
    queues.down.clear()
    await reaches(lambda: messenger.posted[0].message.text.startswith("seen again"))
    assert len(messenger.posted) == 1


async def test_the_end_waits_for_the_tick_that_runs(schedule, office, queues, given_back):
    queues.gate.clear()
    schedule.start()
    await reaches(lambda: queues.asked == 1)
    stopping = asyncio.create_task(schedule.stop())
    done, _ = await asyncio.wait({stopping}, timeout=0.1)
    assert not done
    assert given_back == [True], "what was not begun is not waited for"
    queues.gate.set()
    await stopping
    assert office.telemetry.ticks == ["good"]
    assert (await office.toolbox.store.load()).ticked_at is not None, "it was committed"


async def test_after_the_end_nothing_runs(schedule, office, queues):
    schedule.start()
    await reaches(lambda: office.telemetry.ticks)
    await schedule.stop()
    asked = queues.asked
    await asyncio.sleep(0.1)
    assert queues.asked == asked


async def test_a_tick_that_takes_longer_than_the_interval_is_never_run_twice_at_once(
    schedule, office, queues
):
    queues.gate.clear()
    schedule.start()
    await reaches(lambda: queues.asked == 1)
    await asyncio.sleep(0.1)
    assert queues.asked == 1
    queues.gate.set()
    await reaches(lambda: len(office.telemetry.ticks) >= 2)
