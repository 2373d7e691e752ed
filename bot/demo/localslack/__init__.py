"""A Slack that runs on this machine: Web API, Socket Mode and a page to use them from.

The bot talks to it exactly as it talks to Slack; the demo and the acceptance tests use it.
"""

from bot.demo.localslack.driver import Driver
from bot.demo.localslack.fixtures import DEFAULT_WORKSPACE, WorkspaceConfig
from bot.demo.localslack.server import LocalSlack, World

__all__ = ["DEFAULT_WORKSPACE", "Driver", "LocalSlack", "WorkspaceConfig", "World"]
