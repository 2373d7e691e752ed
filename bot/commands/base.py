"""What a sub-command is: its words, who may use it, and what it does. No Slack in here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from bot.domain.access import Actor, Role
from bot.domain.message import Reply
from bot.domain.policy import Catalog
from bot.ports import AuditLog, Messenger, QueueReader, WatchStore
from bot.services.access import Access
from bot.services.alerting import Alerting
from bot.services.blindness import Blindness
from bot.services.finder import QueueFinder
from bot.services.journal import Journal
from bot.services.looking import Looking
from bot.services.pausing import Pausing
from bot.services.retry_plans import RetryPlanner
from bot.services.retrying import Retrying


@dataclass(frozen=True, slots=True, kw_only=True)
class Toolbox:
    """What commands work with; wiring fills it."""

    access: Access
    finder: QueueFinder
    looking: Looking
    reader: QueueReader
    store: WatchStore
    planner: RetryPlanner
    retrying: Retrying
    pausing: Pausing
    alerting: Alerting
    blindness: Blindness
    journal: Journal
    audit: AuditLog
    messenger: Messenger
    catalog: Catalog


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One use of a command: who, the words after its name, and the role that was found."""

    actor: Actor
    args: Sequence[str]
    role: Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One sub-command. `help` is made from these fields.

    `role` is the least role for any use of it; `doing` begins the sentence of a refusal
    ("Retrying"); `mutates` puts refusals into the audit log.
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
