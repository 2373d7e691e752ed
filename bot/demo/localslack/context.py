"""What one running local Slack is made of, passed to all its parts."""

from collections.abc import Callable
from dataclasses import dataclass, field

from bot.demo.localslack.calls import CallLog
from bot.demo.localslack.faults import Faults
from bot.demo.localslack.files import FileStore
from bot.demo.localslack.fixtures import WorkspaceConfig
from bot.demo.localslack.tickets import Tickets
from bot.demo.localslack.views import Views
from bot.demo.localslack.workspace import Workspace


@dataclass(kw_only=True)
class Context:
    """State and services of one server."""

    config: WorkspaceConfig
    workspace: Workspace
    views: Views
    tickets: Tickets
    calls: CallLog = field(default_factory=CallLog)
    faults: Faults = field(default_factory=Faults)
    files: FileStore = field(default_factory=FileStore)
    base_url: str = ""
    socket_ticket: Callable[[], str] = lambda: ""

    @classmethod
    def fresh(cls, config: WorkspaceConfig, clock: Callable[[], float]) -> "Context":
        """An empty workspace with everything wired to it."""
        workspace = Workspace(config, clock=clock)
        return cls(
            config=config,
            workspace=workspace,
            views=Views(workspace),
            tickets=Tickets(workspace=workspace),
        )

    def reset(self) -> None:
        """Forget messages, views, calls, faults and files; connections stay."""
        self.workspace.reset()
        self.views.reset()
        self.calls.calls.clear()
        self.faults.rules.clear()
        self.files.files.clear()
