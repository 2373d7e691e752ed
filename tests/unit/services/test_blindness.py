"""What cannot be seen is said once, and its end too; across restarts and lost answers."""

import pytest

from bot.services.blindness import Blindness
from tests.support.fakes import PlainWriter

DOWN = {"main": "Redis does not answer"}


@pytest.fixture
def make(messenger, clock):
    def build():
        return Blindness(
            messenger=messenger, writer=PlainWriter(), channel="C1", patience=30_000, clock=clock
        )

    return build


def texts(messenger):
    return [posted.message.text.split()[0] for posted in messenger.posted]


async def pass_time(blindness, clock, seconds, sources=None):
    clock.forward(seconds * 1000)
    blindness.saw(sources if sources is not None else DOWN)
    await blindness.show(speaks=True)


async def test_a_hiccup_is_not_worth_a_message(make, clock, messenger):
    blindness = make()
    await pass_time(blindness, clock, 0)
    await pass_time(blindness, clock, 20)
    await pass_time(blindness, clock, 5, {})
    await pass_time(blindness, clock, 60, {})
    assert messenger.posted == []


async def test_it_is_said_once_with_the_time_it_began_and_edited_when_over(make, clock, messenger):
    blindness = make()
    began = clock.now
    for seconds in (0, 20, 20, 20, 20):
        await pass_time(blindness, clock, seconds)
    assert [posted.message.text for posted in messenger.posted] == [f"blind since {began}"]
    await pass_time(blindness, clock, 10, {})
    assert [posted.message.text for posted in messenger.posted] == [f"seen again {clock.now}"]
    assert blindness.since is None


async def test_a_second_outage_is_a_second_message(make, clock, messenger):
    blindness = make()
    for sources in (DOWN, {}, DOWN, {}):
        for seconds in (0, 40):
            await pass_time(blindness, clock, seconds, sources)
    assert texts(messenger) == ["seen", "seen"]


async def test_a_replica_that_follows_says_nothing(make, clock, messenger):
    blindness = make()
    blindness.saw(DOWN)
    clock.forward(60_000)
    await blindness.show(speaks=False)
    assert messenger.posted == []


async def test_a_restart_while_blind_takes_the_message_over(make, clock, messenger):
    first = make()
    for seconds in (0, 40):
        await pass_time(first, clock, seconds)
    second = make()
    for seconds in (1, 40):
        await pass_time(second, clock, seconds)
    assert texts(messenger) == ["blind"]
    await pass_time(second, clock, 1, {})
    assert texts(messenger) == ["seen"]


async def test_a_restart_after_it_was_over_but_not_said_says_it(make, clock, messenger):
    first = make()
    for seconds in (0, 40):
        await pass_time(first, clock, seconds)
    second = make()
    await pass_time(second, clock, 1, {})
    assert texts(messenger) == ["seen"]


@pytest.mark.parametrize("fault", ["lost answer", "lost call", "unreachable"])
async def test_a_post_in_trouble_ends_in_one_message(make, clock, messenger, fault):
    blindness = make()
    messenger.faults = ["", fault][1:]
    for seconds in (0, 40, 5, 5):
        await pass_time(blindness, clock, seconds)
    assert texts(messenger) == ["blind"]
    await pass_time(blindness, clock, 5, {})
    assert texts(messenger) == ["seen"]


async def test_slack_down_as_well_is_said_when_slack_is_back(make, clock, messenger):
    blindness = make()
    messenger.faults = ["unreachable"] * 3
    for seconds in (0, 40, 5, 5, 5):
        await pass_time(blindness, clock, seconds)
    assert texts(messenger) == ["blind"]
