"""What a job meets follows from its data, the switches and the time, and from nothing else."""

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from bot.demo.workload.orders import HANG, ORDER_FAULTS, order_data
from bot.demo.workload.processor import HANG_SECONDS, Processor
from bot.demo.workload.sims import SIM_FAULTS, sim_data
from bot.demo.workload.systems import PASSES_AFTER, SystemRefusedError, Systems

NOW = datetime(2025, 12, 1, 9, 30, tzinfo=UTC)
LATER = NOW + PASSES_AFTER + timedelta(seconds=1)
PASSING = {"WHMCS_ERROR", "FREEBIT_AUTH_FAILED", "OPERATION_CONFLICT"}


@dataclass
class FakeJob:
    data: dict
    logs: list = field(default_factory=list)

    async def log(self, line):
        self.logs.append(line)


class Bench:
    """Runs jobs without waiting, against systems that the test sets."""

    def __init__(self):
        self.systems = Systems(now=NOW)
        self.slept = []
        self._processor = Processor(systems=self._read, sleep=self._sleep, dice=random.Random(1))

    async def order(self, fault=None, *, seed=1):
        data = order_data(dice=random.Random(seed), now=NOW, fault=fault)
        return await self._outcome(self._processor.provision_order, data)

    async def sim(self, fault=None, *, seed=1):
        data = sim_data(dice=random.Random(seed), due=NOW, fault=fault)
        return await self._outcome(self._processor.change_network, data)

    async def run(self, fault):
        return await (self.order(fault) if fault in ORDER_FAULTS else self.sim(fault))

    async def _outcome(self, work, data):
        try:
            await work(FakeJob(data), "token")
        except SystemRefusedError as refused:
            return str(refused).partition(":")[0]
        return "done"

    async def _read(self):
        return self.systems

    async def _sleep(self, seconds):
        self.slept.append(seconds)


@pytest.fixture
def bench():
    return Bench()


@pytest.mark.parametrize("seed", range(30))
async def test_sound_jobs_are_done_in_a_moment(bench, seed):
    assert await bench.order(seed=seed) == "done"
    assert await bench.sim(seed=seed) == "done"
    assert sum(bench.slept) < 2.4


@pytest.mark.parametrize("fault", [*ORDER_FAULTS, *SIM_FAULTS])
async def test_a_fault_meets_every_attempt_of_its_job(bench, fault):
    assert [await bench.run(fault) for _ in range(3)] == [fault] * 3


@pytest.mark.parametrize("fault", [*ORDER_FAULTS, *SIM_FAULTS])
async def test_a_later_retry_succeeds_only_where_the_fault_passes(bench, fault):
    bench.systems = Systems(now=LATER)

    assert await bench.run(fault) == ("done" if fault in PASSING else fault)


async def test_whmcs_down_fails_sound_orders_until_it_is_back(bench):
    bench.systems = Systems(now=NOW, whmcs_down=True)
    assert {await bench.order(seed=seed) for seed in range(10)} == {"WHMCS_ERROR"}
    assert await bench.sim() == "done"

    bench.systems = Systems(now=NOW)
    assert {await bench.order(seed=seed) for seed in range(10)} == {"done"}


async def test_freebit_refused_fails_sound_sims_until_it_is_back(bench):
    bench.systems = Systems(now=NOW, freebit_refused=True)
    assert await bench.sim() == "FREEBIT_AUTH_FAILED"
    assert await bench.order() == "done"

    bench.systems = Systems(now=NOW)
    assert await bench.sim() == "done"


async def test_a_mapping_error_is_gone_once_the_mapping_is_added(bench):
    bench.systems = Systems(now=LATER, mapping_added=True)

    assert await bench.order("MAPPING_ERROR") == "done"


async def test_a_hanging_order_waits_for_minutes_and_is_done(bench):
    assert await bench.order(HANG) == "done"
    assert HANG_SECONDS in bench.slept


def test_switches_are_read_from_their_hash():
    stored = {"whmcs_down": "1", "freebit_refused": "0"}

    systems = Systems.from_switches(stored)

    assert (systems.whmcs_down, systems.freebit_refused, systems.mapping_added) == (
        True,
        False,
        False,
    )


def test_whmcs_down_names_the_address_and_keeps_to_one_text_for_one_order():
    systems = Systems(now=NOW, whmcs_down=True)
    texts = set()
    for seed in range(20):
        event = order_data(dice=random.Random(seed), now=NOW)["eventPayload"]
        with pytest.raises(SystemRefusedError) as first:
            systems.whmcs_pay_method(event)
        with pytest.raises(SystemRefusedError) as again:
            systems.whmcs_pay_method(event)
        assert str(first.value) == str(again.value)
        assert isinstance(first.value.__cause__, TimeoutError)
        texts.add(str(first.value))
    assert "WHMCS_ERROR: connect ETIMEDOUT 203.0.113.7:443" in texts
    assert len(texts) > 1
