"""What a sub-command is: its words, who may use it, and what it does. No Slack in here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from bot.domain.access import Actor, Role
from bot.domain.message import Reply
from bot.domain.policy import Catalog
from bot.domain.queues import QueueId
from bot.domain.standing import Standing
from bot.ports import AuditLog, Messenger, QueueReader, WatchStore
from bot.services.access import Access
from bot.services.alerting import Alerting
from bot.services.approving import Approving
from bot.services.blindness import Blindness
from bot.services.confirming import Confirming
from bot.services.failed_again import FailedAgain
from bot.services.finder import QueueFinder
from bot.services.journal import Journal
from bot.services.looking import Looking
from bot.services.orders import Orders
from bot.services.pausing import Pausing
from bot.services.repairs import Repairs
from bot.services.retry_plans import RetryPlanner
from bot.services.retrying import Retrying
from bot.services.stuck_orders import StuckPlanner


@dataclass(frozen=True, slots=True, kw_only=True)
class Toolbox:
    """What commands work with; wiring fills it."""

    access: Access
    finder: QueueFinder
    looking: Looking
    reader: QueueReader
    store: WatchStore
    planner: RetryPlanner
    stuck: StuckPlanner
    confirming: Confirming
    retrying: Retrying
    repairs: Repairs
    failed_again: FailedAgain
    pausing: Pausing
    alerting: Alerting
    blindness: Blindness
    journal: Journal
    audit: AuditLog
    messenger: Messenger
    catalog: Catalog
    orders: Orders
    approving: Approving


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One use of a command: who, the words after its name, and what this person may do."""

    actor: Actor
    args: Sequence[str]
    standing: Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One sub-command. `help` is made from these fields.

    `role` is the least role for any use of it, for some queue: which one is asked for, `run` finds
    by `find_queue`, which checks the role for that one. `doing` begins the sentence of a refusal
    ("Retrying"); `mutates` puts refusals into the audit log;
    `lists` says that without any word it only shows something, to whoever may see it.
    """

    name: str
    usage: tuple[str, ...]
    summary: str
    role: Role
    run: Callable[[Toolbox, Request], Awaitable[Reply]]
    examples: tuple[str, ...] = ()
    details: str = ""
    doing: str = "This"
    mutates: bool = False
    lists: bool = False


async def find_queue(
    tools: Toolbox,
    standing: Standing,
    name: str,
    role: Role = Role.VIEWER,
    *,
    doing: str = "This",
) -> QueueId:
    """The queue of this name, for a person who may use `role` for it.

    Raises:
        UnknownQueueError: there is none, or none that they may see.
        AccessDeniedError: they may see it, and no more than that.
    """
    queue = await tools.finder.find(name, standing=standing)
    standing.require(role, doing=doing, queue=queue)
    return queue
