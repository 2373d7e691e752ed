"""Bullhorn's own state: the lease, the watch, plans, the audit log."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from bot.domain.audit import AuditEntry
from bot.domain.incidents import Incident, Mark, Silence
from bot.domain.memory import QueueMemory
from bot.domain.notices import Notice
from bot.domain.plans import Plan, PlanStatus
from bot.domain.queues import QueueId
from bot.domain.state import Lease, WatchChanges, WatchState
from bot.domain.times import Ms


class Leadership(Protocol):
    """The lease: one leader among the replicas."""

    @property
    def ttl(self) -> Ms:
        """How long a lease lasts unless it is extended."""
        ...

    async def hold(self) -> Lease | None:
        """Take or extend the lease; None when another holds it."""
        ...

    async def release(self) -> None:
        """Give it up, if it is ours, so that another can take over at once."""
        ...


class WatchStore(Protocol):
    """The watch's state in Bullhorn's Redis. Every method may raise RedisUnavailableError."""

    async def load(self) -> WatchState:
        """All of it."""
        ...

    async def load_open(self) -> WatchState:
        """Without the memories: what the notifier and `alerts` need."""
        ...

    async def load_one(self, number: int) -> tuple[Incident | None, Notice]:
        """One incident and what is shown of it."""
        ...

    async def cursors(self) -> Mapping[QueueId, QueueMemory]:
        """The memories alone."""
        ...

    async def commit(self, lease: Lease, changes: WatchChanges) -> None:
        """Write under the lease.

        Raises:
            LostLeaseError: another leads now; nothing was written.
        """
        ...

    async def queues(self) -> frozenset[QueueId]:
        """The queues the leader last knew."""
        ...

    async def mark(self, mark: Mark) -> None:
        """Put a mark into the inbox; any replica may."""
        ...

    async def add_silence(self, silence: Silence) -> None:
        """Store a silence; any replica may."""
        ...

    async def end_silence(self, silence_id: str) -> Silence | None:
        """Remove a silence and return it, None when there is none of that id."""
        ...


class PlanStore(Protocol):
    """Stored plans; each acts once."""

    async def save(self, plan: Plan) -> None:
        """Store a new plan until it expires (and a while after, to say so)."""
        ...

    async def get(self, plan_id: str) -> Plan | None:
        """The plan, None when it is unknown or long gone."""
        ...

    async def advance(self, plan: Plan, *, expected: PlanStatus) -> bool:
        """Replace the plan if its stored status is still `expected`; False when it is not.

        A running one is replaced by the same attempt only.
        """
        ...

    async def running(self) -> list[str]:
        """The ids of the plans that were begun and have not ended."""
        ...

    async def recent(self, *, limit: int) -> list[str]:
        """The ids of plans that run, or began or ended within the last hour, newest first.

        Older ones may be among them. Two commands, however many plans there are.
        """
        ...

    async def forget_running(self, plan_id: str) -> None:
        """A plan that is gone is not running."""
        ...

    async def asked(self, *, until: Ms) -> list[str]:
        """The ids of plans that could be approved until then, at the latest, settled or not.

        The oldest first; each until `forget_asked`.
        """
        ...

    async def forget_asked(self, plan_id: str) -> None:
        """Its request shows what became of it: `asked` does not name it any more."""
        ...


class AuditLog(Protocol):
    """A capped stream of who did what. Entries cannot be changed through the bot."""

    async def record(self, entry: AuditEntry, *, once: str = "") -> bool:
        """Append; with `once`, only the first entry of that name. Whether it was appended."""
        ...

    @property
    def kept(self) -> int:
        """How many entries are kept, at least; the oldest go first."""
        ...

    async def recent(
        self,
        *,
        limit: int,
        queue: str | None = None,
        since: Ms | None = None,
        sees: Callable[[str | None], bool] | None = None,
        begun: bool = False,
    ) -> list[AuditEntry]:
        """The newest entries, newest first: those of `queue`, at or after `since`, where given.

        `sees` says of a queue's address (None: of none) whether its entries are wanted. That
        something was begun is left out once an entry tells how it ended, unless `begun`.
        """
        ...
