"""Plans and the operations they become: who plans, who carries out, and the queue in between."""

from __future__ import annotations

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
from bot.render.operations import OperationRenderer
from bot.services.approving import Approving
from bot.services.confirming import Confirming
from bot.services.failed_again import FailedAgain
from bot.services.journal import Journal
from bot.services.operations.receipts import Receipts
from bot.services.operations.runner import Runner
from bot.services.operations.tools import Tools
from bot.services.orders import Orders
from bot.services.repairs import Repairs, Supplies, repair_executors
from bot.services.retry_executors import retry_executors
from bot.services.retry_plans import RetryPlanner
from bot.services.stuck_orders import SalesforcePlanner, StuckPlanner
from bot.wiring.outside import Outside


@dataclass(frozen=True, slots=True, kw_only=True)
class Operating:
    """What commands plan and confirm with, and the worker that `app` starts and stops."""

    operator: BullmqOperator
    orders: Orders
    planner: RetryPlanner
    stuck: StuckPlanner
    repairs: Repairs
    failed_again: FailedAgain
    confirming: Confirming
    approving: Approving
    queue: OperationsQueue
    worker: OperationsWorker


def build_operating(
    redis_url: str, config: Config, catalog: Catalog, outside: Outside, journal: Journal
) -> Operating:
    """Put them together; `redis_url` is where Bullhorn's own queue is."""
    operator = BullmqOperator(sources=outside.sources)
    plans = RedisPlanStore(client=outside.own)
    operations = RedisOperationStore(client=outside.own)
    done = BullmqDoneSets(sources=outside.sources)
    queue = OperationsQueue(client=connect("REDIS_URL", redis_url))
    side, policy = outside.salesforce, config.salesforce()
    orders = Orders(
        system=side.orders if side is not None else None,
        reader=outside.reader,
        policy=policy,
        catalog=catalog,
    )
    planner = RetryPlanner(
        reader=outside.reader, plans=plans, catalog=catalog, salesforce=orders.connected
    )
    outcomes = BullmqOutcomes(sources=outside.sources)
    supplies = Supplies(
        reader=outside.reader,
        operator=operator,
        remover=BullmqRemover(sources=outside.sources),
        archive=RedisArchive(client=outside.own, cap=config.archive_most, kept=config.archive_keep),
        done=done,
        outcomes=outcomes,
        plans=plans,
        journal=journal,
        store=outside.store,
        catalog=catalog,
    )
    repairs = Repairs(supplies)
    stuck = StuckPlanner(desk=repairs.desk, orders=orders)
    executors, watchers = retry_executors(
        supplies,
        Receipts(done=done, outcomes=outcomes, now=outside.reader.now, catalog=catalog),
        orders=side.orders if side is not None else None,
        policy=policy,
    )
    runner = Runner(
        Tools(
            plans=plans,
            operations=operations,
            executors={**executors, **repair_executors(supplies)},
            done=done,
            watchers=watchers,
            reader=outside.reader,
            messenger=outside.messenger,
            writer=OperationRenderer(catalog),
            journal=journal,
            store=outside.store,
            catalog=catalog,
        )
    )
    confirming = Confirming(
        plans=plans,
        planners={
            PlanKind.RETRY: planner,
            PlanKind.SALESFORCE: SalesforcePlanner(retry=planner, stuck=stuck),
            **repairs.planners(),
        },
        queue=queue,
        operations=operations,
        reader=outside.reader,
        journal=journal,
        catalog=catalog,
    )
    return Operating(
        operator=operator,
        orders=orders,
        planner=planner,
        stuck=stuck,
        repairs=repairs,
        failed_again=FailedAgain(done=done, reader=outside.reader),
        confirming=confirming,
        approving=Approving(
            plans=plans,
            planner=repairs.emergencies,
            confirming=confirming,
            queue=queue,
            reader=outside.reader,
            journal=journal,
            catalog=catalog,
        ),
        queue=queue,
        worker=OperationsWorker(
            client=lambda: connect("REDIS_URL", redis_url, patient=True), handler=runner.run
        ),
    )
