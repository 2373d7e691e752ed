"""The demo's jobs look like the portal's, and a job made for a fault carries it in its data."""

import random
import re
from datetime import UTC, datetime, timedelta

import pytest
import yaml

from bot.demo.workload.config import DEMO_CONFIG
from bot.demo.workload.orders import ORDER_FAULTS, order_data, salesforce_id
from bot.demo.workload.outage import FAILED_ORDERS
from bot.demo.workload.portal import JOB_OPTIONS, fault_of
from bot.demo.workload.sims import SIM_FAULTS, sim_data
from bot.demo.workload.switches import BOT_SWITCHES, SWITCHES, find_switch

NOW = datetime(2025, 12, 1, 9, 30, tzinfo=UTC)


class LastLetters(random.Random):
    """Dice that throw the tail of a known Salesforce id."""

    def choices(self, *_args, **_kwargs):
        return list("Vm9r")


@pytest.mark.parametrize("fault", [None, *ORDER_FAULTS])
def test_order_data_has_the_runbooks_shape(fault):
    data = order_data(dice=random.Random(1), now=NOW, fault=fault)

    assert set(data) == {"sfOrderId", "idempotencyKey", "eventPayload"}
    assert re.fullmatch(r"801[0-9A-Za-z]{15}", data["sfOrderId"])
    assert data["idempotencyKey"] == f"{data['sfOrderId']}-{int(NOW.timestamp() * 1000)}"
    assert data["eventPayload"]["OrderId__c"] == data["sfOrderId"]
    assert re.fullmatch(r"0014x[0-9A-Za-z]{13}", data["eventPayload"]["AccountId__c"])


@pytest.mark.parametrize("fault", [None, *SIM_FAULTS])
def test_sim_data_has_the_runbooks_shape(fault):
    data = sim_data(dice=random.Random(1), due=NOW, fault=fault)

    assert data["operation"] == "networkTypeChange"
    assert isinstance(data["subscriptionId"], int)
    assert re.fullmatch(r"080\d{8}", data["simAccount"])
    assert data["params"]["networkType"] in {"4G", "5G"}
    assert data["scheduledAt"] == "2025-12-01T09:30:00.000Z"


def test_the_same_dice_make_the_same_jobs():
    assert order_data(dice=random.Random(7), now=NOW) == order_data(dice=random.Random(7), now=NOW)
    assert sim_data(dice=random.Random(7), due=NOW) == sim_data(dice=random.Random(7), due=NOW)


def test_a_salesforce_id_ends_with_salesforces_checksum():
    assert salesforce_id("001A0000006", dice=LastLetters()) == "001A0000006Vm9rIAC"


def test_faults_are_rare_and_take_turns():
    faults = [fault_of(count, faults=("A", "B"), jobs_per_fault=50) for count in range(1, 201)]

    assert [(at, fault) for at, fault in enumerate(faults, 1) if fault] == [
        (50, "B"),
        (100, "A"),
        (150, "B"),
        (200, "A"),
    ]


def test_job_options_are_the_runbooks():
    assert JOB_OPTIONS["attempts"] == 3
    assert JOB_OPTIONS["backoff"]["type"] == "exponential"
    assert JOB_OPTIONS["removeOnComplete"] == {"count": 100}


def test_the_queue_keeps_what_the_page_fills_in():
    assert JOB_OPTIONS["removeOnFail"]["count"] > 2 * FAILED_ORDERS


def test_every_switch_has_a_label_and_one_sentence_of_help():
    for switch in (*SWITCHES, *BOT_SWITCHES):
        assert switch.label
        assert re.fullmatch(r"[A-Z][^.]+\.", switch.help), switch.help


def test_an_unknown_switch_is_refused_by_name():
    with pytest.raises(ValueError) as refused:
        find_switch("whmcs")
    assert "no switch 'whmcs'" in str(refused.value)
    assert "whmcs_down" in str(refused.value)


def test_the_overlay_shortens_every_alert_to_half_a_minute_or_one():
    overlay = yaml.safe_load(DEMO_CONFIG.read_text())

    units = {"s": timedelta(seconds=1), "m": timedelta(minutes=1)}
    for rule in overlay["alerts"].values():
        for length in (value for value in rule.values() if isinstance(value, str)):
            assert int(length[:-1]) * units[length[-1]] <= timedelta(minutes=1)
    assert {queue["bullmq"] for queue in overlay["queues"].values()} == {6}
