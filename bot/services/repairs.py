"""The repairs besides retry: what plans them, what carries them out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.domain.plans import PlanKind
from bot.domain.policy import Catalog
from bot.ports import (
    Archive,
    DoneSets,
    OperationStore,
    OutcomeReader,
    PlanStore,
    QueueOperator,
    QueueReader,
    QueueRemover,
    WatchStore,
)
from bot.services.archiving import Archiving
from bot.services.cleaning import CleanPlanner
from bot.services.emergencies import EmergencyPlanner
from bot.services.journal import Journal
from bot.services.operations.base import Executor
from bot.services.operations.clean import CleanExecutor, Taking
from bot.services.operations.drain import DrainExecutor
from bot.services.operations.obliterate import ObliterateExecutor
from bot.services.operations.promote import PromoteExecutor
from bot.services.operations.sweep import SweepExecutor
from bot.services.operations.undo import UndoExecutor
from bot.services.operations.unstick import UnstickExecutor
from bot.services.plan_desk import Desk
from bot.services.planning import Planner
from bot.services.promoting import PromotePlanner, Promoting
from bot.services.returning import Returning
from bot.services.settled_orders import SettledOrders
from bot.services.sweeping import SweepPlanner
from bot.services.undoing import UndoPlanner
from bot.services.unsticking import UnstickPlanner
from bot.services.weighing import Scales


@dataclass(frozen=True, slots=True, kw_only=True)
class Supplies:
    """What repairs are made with."""

    reader: QueueReader
    operator: QueueOperator
    remover: QueueRemover
    archive: Archive
    done: DoneSets
    outcomes: OutcomeReader
    plans: PlanStore
    journal: Journal
    store: WatchStore
    catalog: Catalog


class Repairs:
    """The planners by name, for commands, and by kind, for whoever confirms."""

    def __init__(
        self,
        supplies: Supplies,
        settled: SettledOrders | None = None,
        operations: OperationStore | None = None,
    ) -> None:
        desk = Desk(reader=supplies.reader, plans=supplies.plans, catalog=supplies.catalog)
        remover, archive = supplies.remover, supplies.archive
        self.desk = desk
        self.archive = archive
        self.scales = Scales(remover=remover, archive=archive)
        self.promoting = Promoting(
            desk=desk, operator=supplies.operator, journal=supplies.journal, store=supplies.store
        )
        self.promote = PromotePlanner(desk=desk, remover=remover)
        self.unstick = UnstickPlanner(desk=desk, operator=supplies.operator)
        self.clean = CleanPlanner(desk=desk, remover=remover, scales=self.scales)
        self.sweep = SweepPlanner(desk=desk, remover=remover, scales=self.scales)
        self.emergencies = EmergencyPlanner(
            reader=supplies.reader, plans=supplies.plans, archive=archive, catalog=supplies.catalog
        )
        self.undo = UndoPlanner(
            desk=desk, archive=archive, done=supplies.done, outcomes=supplies.outcomes,
            returning=_returning(supplies, settled), operations=operations,
        )  # fmt: skip

    def planners(self) -> Mapping[PlanKind, Planner]:
        """Who plans what."""
        return {
            PlanKind.PROMOTE: self.promote,
            PlanKind.UNSTICK: self.unstick,
            PlanKind.CLEAN: self.clean,
            PlanKind.SWEEP: self.sweep,
            PlanKind.UNDO: self.undo,
            PlanKind.DRAIN: self.emergencies,
            PlanKind.OBLITERATE: self.emergencies,
        }


def repair_executors(
    supplies: Supplies, settled: SettledOrders | None = None
) -> Mapping[PlanKind, Executor]:
    """Who carries out what."""
    operator, remover, archive = supplies.operator, supplies.remover, supplies.archive
    done, catalog = supplies.done, supplies.catalog
    archiving = Archiving(remover=remover, archive=archive, done=done)
    taking = Taking(remover=remover, archiving=archiving, archive=archive, catalog=catalog)
    return {
        PlanKind.PROMOTE: PromoteExecutor(
            operator=operator, remover=remover, done=done, catalog=catalog
        ),
        PlanKind.UNSTICK: UnstickExecutor(
            reader=supplies.reader, operator=operator, done=done, catalog=catalog
        ),
        PlanKind.CLEAN: CleanExecutor(taking=taking, remover=remover, done=done, catalog=catalog),
        PlanKind.SWEEP: SweepExecutor(taking=taking, remover=remover, done=done, catalog=catalog),
        PlanKind.UNDO: UndoExecutor(
            archiving=archiving,
            remover=remover,
            archive=archive,
            done=done,
            catalog=catalog,
            returning=_returning(supplies, settled),
        ),
        PlanKind.DRAIN: DrainExecutor(taking=taking, remover=remover, done=done),
        PlanKind.OBLITERATE: ObliterateExecutor(
            reader=supplies.reader, remover=remover, catalog=catalog
        ),
    }


def _returning(supplies: Supplies, settled: SettledOrders | None) -> Returning:
    """Who looks at archived jobs before they come back."""
    return Returning(
        reader=supplies.reader,
        archive=supplies.archive,
        done=supplies.done,
        catalog=supplies.catalog,
        settled=settled,
    )
