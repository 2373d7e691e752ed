"""Each test gets an empty Valkey, a fresh local Slack, and bots started as processes."""

import pytest

from bot.demo.localslack.driver import Driver
from bot.demo.localslack.server import LocalSlack
from tests.support.node_bullmq import node_bullmq
from tests.support.stage import PATIENCE, Stage
from tests.support.valkey import valkey_server

CONFIG = {
    "channel": "C0INCIDENTS",
    "poll_interval": "1s",
    "access": {"operators": ["S0ONCALL"], "admins": ["U0ALICE"]},
    "alerts": {
        "backlog": {"above": 10, "for": "2s"},
        "backlog_critical": {"above": 50},
        "failure_spike": {"above": 5, "within": "5m"},
        "processor_down": {"for": "1h"},
        "job_timeout": {"after": "1h"},
    },
    "queues": {"order-provisioning": {"bullmq": 6, "mention": "S0ONCALL", "retry_via": "bullmq"}},
}


@pytest.fixture(scope="session")
def running_valkey():
    with valkey_server() as server:
        yield server


@pytest.fixture(scope="session")
def running_node(running_valkey):
    with node_bullmq(running_valkey) as node:
        yield node


@pytest.fixture
async def node(stage, running_node):
    """Real BullMQ of each version, on the stage's Redis."""
    yield running_node
    await running_node.ask("reset")


@pytest.fixture
async def stage(running_valkey, tmp_path):
    running_valkey.empty()
    slack = LocalSlack()
    await slack.start()
    driver = Driver(slack.url, user="U0BOB", timeout=PATIENCE)
    stage = Stage(
        redis_url=running_valkey.url, slack=slack, driver=driver, folder=tmp_path,
        config={**CONFIG, "alerts": {**CONFIG["alerts"]}},
    )  # fmt: skip
    yield stage
    await stage.close()
