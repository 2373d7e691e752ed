"""Each test gets an empty Valkey, a fresh local Slack, and bots started as processes."""

import pytest
import pytest_asyncio

from bot.demo.localslack.fixtures import DEFAULT_WORKSPACE
from tests.support.node_bullmq import node_bullmq
from tests.support.stories import new_stage, stories_of, telling
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
    async with new_stage(running_valkey, folder=tmp_path, config=CONFIG) as stage:
        yield stage


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def told(request, tmp_path_factory):
    """The tasks of the module's stories, each told a stage and its Redis.

    A module may have a WORKSPACE: what the Slack of each of its stories is like.
    """
    workspace = getattr(request.module, "WORKSPACE", DEFAULT_WORKSPACE)

    async def tell(story):
        folder = tmp_path_factory.mktemp(story.__name__)
        with valkey_server() as valkey:
            async with new_stage(
                valkey, folder=folder, config=CONFIG, workspace=workspace
            ) as stage:
                await story(stage, valkey)

    async with telling(stories_of(request), tell) as tasks:
        yield tasks
