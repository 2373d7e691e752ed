"""What operations are run with."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bot.domain.plans import PlanKind
from bot.domain.policy import Catalog
from bot.ports import (
    DoneSets,
    Messenger,
    OperationStore,
    OperationWriter,
    PlanStore,
    QueueReader,
    WatchStore,
)
from bot.services.journal import Journal
from bot.services.operations.base import Executor, Watcher
from bot.services.planning import Planner


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What the runner works with."""

    plans: PlanStore
    operations: OperationStore
    executors: Mapping[PlanKind, Executor]
    done: DoneSets
    watchers: Mapping[PlanKind, Watcher]
    reader: QueueReader
    messenger: Messenger
    writer: OperationWriter
    journal: Journal
    store: WatchStore
    catalog: Catalog
    planners: Mapping[PlanKind, Planner] = field(default_factory=dict)
    """Who tells what of a plan for later is left when its time has come."""
    monotonic: Callable[[], float] = time.monotonic
