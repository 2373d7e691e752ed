"""Plans and the operations they become: who plans, who carries out, and the queue in between."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.adapters.bullmq_done import BullmqDoneSets
from bot.adapters.bullmq_operations import OperationsQueue, OperationsWorker
from bot.adapters.bullmq_operator import BullmqOperator
from bot.adapters.bullmq_outcomes import BullmqOutcomes
from bot.adapters.bullmq_remover import BullmqRemover
from bot.adapters.redis_archive import RedisArchive
from bot.adapters.redis_operation_store import RedisOperationStore
from bot.adapters.redis_plan_store import RedisPlanStore
from bot.adapters.sources import connect
from bot.config import Config
from bot.domain.plans import PlanKind
from bot.domain.policy import Catalog
from bot.ports import OrderSystem, QueueOperator
from bot.render.operations import OperationRenderer
from bot.services.approving import Approving
from bot.services.archived_orders import ArchivedOrders
from bot.services.confirming import Confirming
from bot.services.failed_again import FailedAgain
from bot.services.journal import Journal
from bot.services.operations.receipts import Receipts
from bot.services.operations.runner import Runner
from bot.services.operations.tools import Tools
from bot.services.orders import Orders
from bot.services.planning import Planner
from bot.services.reconciling import Reconciler
from bot.services.repairs import Repairs, Supplies, repair_executors
from bot.services.retry_executors import retry_executors
from bot.services.retry_plans import RetryPlanner
from bot.services.settled_orders import SettledOrders
from bot.services.stuck_orders import SalesforcePlanner, StuckPlanner
from bot.wiring.outside import Outside


@dataclass(frozen=True, slots=True, kw_only=True)
class Operating:
    """What commands plan and confirm with, and the worker that `app` starts and stops."""

    operator: QueueOperator
    orders: Orders
    planner: RetryPlanner
    stuck: StuckPlanner
    repairs: Repairs
    failed_again: FailedAgain
    confirming: Confirming
    approving: Approving
    queue: OperationsQueue
    reconciler: Reconciler
    worker: OperationsWorker


def build_operating(
    redis_url: str, config: Config, catalog: Catalog, outside: Outside, journal: Journal
) -> Operating:
    """Put them together; `redis_url` is where Bullhorn's own queue is."""
    supplies = _supplies(config, catalog, outside, journal)
    operations = RedisOperationStore(client=outside.own)
    queue = OperationsQueue(client=connect("REDIS_URL", redis_url))
    orders = Orders(
        system=_orders_of(outside), reader=outside.reader, policy=config.salesforce(),
        catalog=catalog,
        archived=ArchivedOrders(archive=supplies.archive, path=config.salesforce().order_id),
    )  # fmt: skip
    settled = _settled(config, catalog, outside)
    planner = RetryPlanner(
        reader=outside.reader, plans=supplies.plans, catalog=catalog, salesforce=orders.connected,
        settled=settled,
    )  # fmt: skip
    repairs = Repairs(supplies, settled, operations)
    stuck = StuckPlanner(desk=repairs.desk, orders=orders)
    planners: dict[PlanKind, Planner] = {
        PlanKind.RETRY: planner,
        PlanKind.SALESFORCE: SalesforcePlanner(retry=planner, stuck=stuck),
        **repairs.planners(),
    }
    confirming = _confirming(supplies, operations, queue, planners=planners)
    runner = _runner(config, supplies, operations, outside, planners)
    worker = OperationsWorker(
        client=lambda: connect("REDIS_URL", redis_url, patient=True), handler=runner.run
    )
    outside.telemetry.operations(lambda: worker.held)
    return Operating(
        operator=supplies.operator,
        orders=orders,
        planner=planner,
        stuck=stuck,
        repairs=repairs,
        failed_again=FailedAgain(done=supplies.done, reader=outside.reader),
        confirming=confirming,
        approving=_approving(supplies, repairs, confirming, queue),
        queue=queue,
        reconciler=Reconciler(plans=supplies.plans, queue=queue),
        worker=worker,
    )


def _supplies(config: Config, catalog: Catalog, outside: Outside, journal: Journal) -> Supplies:
    return Supplies(
        reader=outside.reader,
        operator=BullmqOperator(sources=outside.sources),
        remover=BullmqRemover(sources=outside.sources, archives_kept=config.archive_keep),
        archive=RedisArchive(client=outside.own, cap=config.archive_most, kept=config.archive_keep),
        done=BullmqDoneSets(sources=outside.sources, archives_kept=config.archive_keep),
        outcomes=BullmqOutcomes(sources=outside.sources),
        plans=RedisPlanStore(client=outside.own),
        journal=journal,
        store=outside.store,
        catalog=catalog,
    )


def _runner(
    config: Config,
    supplies: Supplies,
    operations: RedisOperationStore,
    outside: Outside,
    planners: Mapping[PlanKind, Planner],
) -> Runner:
    """What the worker runs."""
    now, catalog = outside.reader.now, supplies.catalog
    executors, watchers = retry_executors(
        supplies,
        Receipts(done=supplies.done, outcomes=supplies.outcomes, now=now, catalog=catalog),
        orders=_orders_of(outside),
        policy=config.salesforce(),
    )
    return Runner(
        Tools(
            plans=supplies.plans,
            operations=operations,
            executors={
                **executors,
                **repair_executors(supplies, _settled(config, catalog, outside)),
            },
            done=supplies.done,
            watchers=watchers,
            reader=outside.reader,
            messenger=outside.messenger,
            writer=OperationRenderer(catalog),
            journal=supplies.journal,
            store=outside.store,
            catalog=catalog,
            planners=planners,
        )
    )


def _confirming(
    supplies: Supplies,
    operations: RedisOperationStore,
    queue: OperationsQueue,
    *,
    planners: Mapping[PlanKind, Planner],
) -> Confirming:
    return Confirming(
        plans=supplies.plans,
        planners=planners,
        queue=queue,
        operations=operations,
        reader=supplies.reader,
        journal=supplies.journal,
        catalog=supplies.catalog,
    )


def _approving(
    supplies: Supplies, repairs: Repairs, confirming: Confirming, queue: OperationsQueue
) -> Approving:
    return Approving(
        plans=supplies.plans,
        planner=repairs.emergencies,
        confirming=confirming,
        queue=queue,
        reader=supplies.reader,
        journal=supplies.journal,
        catalog=supplies.catalog,
    )


def _settled(config: Config, catalog: Catalog, outside: Outside) -> SettledOrders:
    """Who asks Salesforce which orders are done."""
    return SettledOrders(system=_orders_of(outside), policy=config.salesforce(), catalog=catalog)


def _orders_of(outside: Outside) -> OrderSystem | None:
    """Salesforce, where it has credentials."""
    return outside.salesforce.orders if outside.salesforce is not None else None
