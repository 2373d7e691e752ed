"""The outside switch is told of good ticks, and not more often than it was asked for."""

import pytest

from bot.services.heartbeat import Heartbeat


class CountingPulse:
    def __init__(self):
        self.beats = 0

    async def beat(self):
        self.beats += 1


@pytest.fixture
def pulse():
    return CountingPulse()


async def test_the_first_good_tick_beats_and_then_one_every_so_often(pulse, clock):
    heartbeat = Heartbeat(pulse=pulse, every=60_000, clock=clock)
    beats = []
    for _ in range(9):
        await heartbeat.good_tick()
        beats.append(pulse.beats)
        clock.forward(15_000)
    assert beats == [1, 1, 1, 1, 2, 2, 2, 2, 3]


async def test_every_good_tick_beats_when_asked_to(pulse, clock):
    heartbeat = Heartbeat(pulse=pulse, every=0, clock=clock)
    for _ in range(3):
        await heartbeat.good_tick()
    assert pulse.beats == 3


async def test_without_good_ticks_there_is_silence(pulse, clock):
    Heartbeat(pulse=pulse, every=60_000, clock=clock)
    clock.forward(600_000)
    assert pulse.beats == 0
